/** A large host of libvirt's test driver, as a file, and the virsh commands that read it one object at a time. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface Fleet {
  /** Of the whole host. */
  readonly uri: string;
  /** Of a host with the first VM only: its file is small, as a connection to a daemon is cheap. */
  readonly smallUri: string;
  readonly uuids: readonly string[];
  readonly snapshotNames: readonly string[];
}

/**
 * Writes a host of `vms` VMs, each with `snapshots` snapshots in a row and one real qcow2 image (empty, 1 GiB), below a
 * folder.
 */
export function makeFleet(folder: string, vms: number, snapshots: number): Fleet {
  const images = join(folder, 'images');
  mkdirSync(images);
  const template = join(folder, 'template.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', template, '1G']);
  const uuids = Array.from({ length: vms }, (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`);
  const snapshotNames = Array.from({ length: snapshots }, (_, index) => `snapshot-${index}`);
  const domains = uuids.map((uuid, index) => {
    const image = join(images, `vm-${index}.qcow2`);
    copyFileSync(template, image);
    return domainXml(`vm-${index}`, uuid, image, snapshotNames);
  });
  const file = join(folder, 'node.xml');
  writeFileSync(file, `<node>${domains.join('\n')}</node>`);
  const smallFile = join(folder, 'one.xml');
  writeFileSync(smallFile, `<node>${domains[0] ?? ''}</node>`);
  return { uri: `test://${file}`, smallUri: `test://${smallFile}`, uuids, snapshotNames };
}

function domainXml(name: string, uuid: string, image: string, snapshotNames: readonly string[]): string {
  const inner = `<name>${name}</name><uuid>${uuid}</uuid><memory>2097152</memory><vcpu>2</vcpu><os><type>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${image}'/><target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/><model type='virtio'/></interface>
<console type='pty'/><graphics type='vnc' port='-1'/></devices>`;
  const records = snapshotNames.map(
    (snapshot, at) => `<test:domainsnapshot><name>${snapshot}</name><description>Taken before change ${at}</description>
${at === 0 ? '' : `<parent><name>${snapshotNames[at - 1] ?? ''}</name></parent>`}<creationTime>${1_700_000_000 + at}</creationTime>
<state>running</state><active>${at === snapshotNames.length - 1 ? 1 : 0}</active><domain type='test'>${inner}</domain></test:domainsnapshot>`,
  );
  const namespace = "xmlns:test='http://libvirt.org/schemas/domain/test/1.0'";
  return `<domain type='test' ${namespace}>${inner}${records.join('')}</domain>`;
}

/** What a script that reads the host has to ask, one object at a time. */
export function commandsOf({ uuids, snapshotNames }: Fleet): string[][] {
  return [
    ['list', '--all', '--uuid'],
    ...uuids.flatMap((uuid) => [
      ['domstate', '--reason', uuid],
      ['dumpxml', uuid],
      ['snapshot-list', '--name', uuid],
      ['snapshot-current', '--name', uuid],
      ...snapshotNames.map((name) => ['snapshot-dumpxml', uuid, `--snapshotname=${name}`]),
    ]),
  ];
}
