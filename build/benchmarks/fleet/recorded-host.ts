/** One large host of libvirt's test driver with real images, which stands for all hosts of the fleet. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface HostSize {
  readonly vms: number;
  readonly snapshots: number;
  /** One VM in so many has external snapshots, each an overlay of its own; the others have internal ones in one image. */
  readonly externalOneIn: number;
}

/** What stands in everything that is particular to the host, so that another one can be made of it; as in a UUID. */
export const templateNumber = 'f1ee7777';

/** The same of the host with this number. */
export const hostNumber = (host: number): string => `f1ee${String(host).padStart(4, '0')}`;

export interface TemplateHost {
  readonly uri: string;
  /** Writes its definitions anew, with one VM that was renamed, or not. */
  write(changed: boolean): void;
}

const folderName = `pool-${templateNumber}`;
const uuidOf = (index: number): string => `${templateNumber}-0000-4000-8000-${String(index).padStart(12, '0')}`;
const vmName = (index: number): string => `vm-${String(index).padStart(3, '0')}-of-${templateNumber}`;

/** The VM that changes, and the name that it has then. */
const changedUuid = uuidOf(7);
const changedName = `vm-007-changed-of-${templateNumber}`;

/** Makes the host below `folder`; its images are empty. */
export function makeTemplateHost(folder: string, { vms, snapshots, externalOneIn }: HostSize): TemplateHost {
  const images = join(folder, folderName);
  mkdirSync(images);
  const template = join(folder, 'template.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', template, '1G']);
  const withTags = join(folder, 'tags.qcow2');
  copyFileSync(template, withTags);
  const takenAt = Math.floor(Date.now() / 1000);
  const names = Array.from({ length: snapshots }, (_, index) => `before-change-${index}`);
  for (const name of names) execFileSync('qemu-img', ['snapshot', '-c', name, withTags]);

  const domains = Array.from({ length: vms }, (_, index) => {
    const image = (layer: number): string =>
      join(images, `${vmName(index)}${layer === 0 ? '' : `.overlay-${layer}`}.qcow2`);
    const isExternal = index % externalOneIn === externalOneIn - 1;
    copyFileSync(isExternal ? template : withTags, image(0));
    if (!isExternal) return { index, names, takenAt, layers: [] as string[], active: image(0) };
    const layers = [image(0)];
    for (let layer = 1; layer <= snapshots; layer += 1) {
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image(layer - 1), '-F', 'qcow2', image(layer)]);
      layers.push(image(layer));
    }
    return { index, names, takenAt, layers, active: image(snapshots) };
  });
  const file = join(folder, `node-${templateNumber}.xml`);
  const write = (changed: boolean): void => {
    writeFileSync(file, `<node>${networkXml}${domains.map((domain) => domainXml(domain, changed)).join('\n')}</node>`);
  };
  write(false);
  return { uri: `test://${file}`, write };
}

/** The network of all of them, without which none of them would start. */
const networkXml = `<network><name>default</name><bridge name='virbr0'/><ip address='192.168.122.1' netmask='255.255.255.0'/></network>`;

interface Domain {
  readonly index: number;
  readonly names: readonly string[];
  /** When the first of them was taken, in seconds since 1970: about when the tags were made, so that they are the data of the records. */
  readonly takenAt: number;
  /** Of external snapshots: images from the base on. */
  readonly layers: readonly string[];
  readonly active: string;
}

function domainXml({ index, names, takenAt, layers, active }: Domain, changed: boolean): string {
  const uuid = uuidOf(index);
  const name = changed && uuid === changedUuid ? changedName : vmName(index);
  const inner = (
    image: string,
  ): string => `<name>${name}</name><uuid>${uuid}</uuid><memory>2097152</memory><vcpu>2</vcpu><os><type>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${image}'/><target dev='vda' bus='virtio'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/><model type='virtio'/></interface>
<console type='pty'/><graphics type='vnc' port='-1'/></devices>`;
  const records = names.map((snapshot, at) => {
    const overlay = layers[at + 1];
    const disks =
      overlay === undefined
        ? ''
        : `<disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/><source file='${overlay}'/></disk></disks>`;
    return `<test:domainsnapshot><name>${snapshot}</name><description>Taken before change ${at} of ${name}</description>
${at === 0 ? '' : `<parent><name>${names[at - 1] ?? ''}</name></parent>`}<creationTime>${takenAt + at}</creationTime>
<state>${overlay === undefined ? 'shutoff' : 'disk-snapshot'}</state><active>${at === names.length - 1 ? 1 : 0}</active>${disks}<domain type='test'>${inner(layers[at] ?? active)}</domain></test:domainsnapshot>`;
  });
  const namespace = "xmlns:test='http://libvirt.org/schemas/domain/test/1.0'";
  return `<domain type='test' ${namespace}>${inner(active)}${records.join('')}</domain>`;
}
