/**
 * Reading a host: the batch that Snaptree sends against one `virsh` process an object, as a script would do it. On
 * libvirt's own `test://` driver, from a generated file, on this computer, so that only the number of processes differs.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalRunner } from '../../electron/hosts/local-runner.fixtures.ts';
import { readLibvirt } from '../../electron/hypervisors/libvirt/read.ts';

const vms = 20;
const snapshots = 10;

export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'snaptree-bench-'));
  try {
    const file = join(folder, 'node.xml');
    writeFileSync(file, nodeXml());
    const uri = `test://${file}`;
    const runner = createLocalRunner();
    const batchStart = performance.now();
    const inventory = await readLibvirt(runner, uri, { priority: 'user' });
    const batch = performance.now() - batchStart;
    const read = inventory.vms.reduce((sum, vm) => sum + (vm.readable ? vm.snapshots.length : 0), 0);
    if (read !== vms * snapshots) throw new Error(`Read ${read} snapshots instead of ${vms * snapshots}.`);

    const singlyStart = performance.now();
    readSingly(uri);
    const singly = performance.now() - singlyStart;
    console.log(`inventory: ${vms} VMs with ${snapshots} snapshots each read in ${runner.roundTrips()} round trips`);
    console.log(`inventory: ${(singly / batch).toFixed(1)} times as fast as one virsh process an object`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readSingly(uri: string): void {
  const virsh = (...parameters: readonly string[]): string =>
    execFileSync('virsh', ['-q', '-c', uri, ...parameters], { encoding: 'utf8' });
  for (const uuid of virsh('list', '--all', '--uuid').split('\n').filter(Boolean)) {
    virsh('dumpxml', uuid);
    virsh('domstate', '--reason', uuid);
    for (const name of virsh('snapshot-list', '--name', uuid).split('\n').filter(Boolean)) {
      virsh('snapshot-dumpxml', uuid, `--snapshotname=${name}`);
    }
  }
}

function nodeXml(): string {
  const domains = Array.from({ length: vms }, (_, index) => {
    const uuid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const inner = `<name>vm${index}</name><uuid>${uuid}</uuid><memory>8192</memory><os><type>hvm</type></os>`;
    const records = Array.from(
      { length: snapshots },
      (_each, at) =>
        `<test:domainsnapshot><name>s${at}</name>${at === 0 ? '' : `<parent><name>s${at - 1}</name></parent>`}` +
        `<creationTime>${1_700_000_000 + at}</creationTime><state>running</state><active>${at === snapshots - 1 ? 1 : 0}</active>` +
        `<domain type='test'>${inner}</domain></test:domainsnapshot>`,
    );
    const namespace = "xmlns:test='http://libvirt.org/schemas/domain/test/1.0'";
    return `<domain type='test' ${namespace}>${inner}${records.join('')}</domain>`;
  });
  return `<node>${domains.join('')}</node>`;
}
