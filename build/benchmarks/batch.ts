/**
 * Twenty external snapshots of four running VMs: deleted in one batch over SSH, as the application does it, against the same by hand with
 * virsh on the host, one after the other. Times are of one run, in turns, so they are given as a ratio. What the guests read
 * afterwards is checked. Needs the testbed: `npm run testbed -- up libvirt`.
 */
import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import * as testbed from '../../e2e/testbeds/index.ts';
import { TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import type { Batch } from '../../shared/model/batch.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';

const mebibyte = 1024 ** 2;
const layerBytes = 8 * mebibyte;
const layers = [1, 2, 3, 4, 5];
const specs = ['a', 'b', 'c', 'd'].map((name) => ({
  name: `snaptree-bench-batch-${name}`,
  disks: [{ target: 'vda' }],
}));

const say = (text: string): void => {
  console.log(`batch: ${text}`);
};
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`batch: ${what}`);
}

export async function run(): Promise<void> {
  const connection = await testbed.connection();
  const server = await testbed.startSshServer({ name: 'bench-batch' });
  const application = await TestbedApplication.open(server, connection, 'browser');
  try {
    const hand = await timeOf(await makeVms(), byHand);
    const batch = await timeOf(await makeVms(), (vms) => inOneBatch(application, vms));
    const count = specs.length * layers.length;
    say(
      `${count} external snapshots of ${specs.length} VMs, ${layerBytes / mebibyte} MiB each: by hand ${seconds(hand)}, in one batch ${seconds(batch)}`,
    );
    say(
      `${(batch / hand).toFixed(2)} times as long as by hand, where nothing is checked and records that name images which are gone stay behind`,
    );
    const load = loadavg().map((each) => each.toFixed(1));
    say(`others at work on the machine meanwhile: a load of ${load.join(', ')}`);
  } finally {
    await application.close();
    await server.stop();
    for (const spec of specs) await testbed.deleteVirtualMachine(spec);
  }
}

const overlayOf = (vm: testbed.VirtualMachine, layer: number): string => join(vm.folder, `s${layer}.qcow2`);

/** Running, each layer with a place of its own. */
async function makeVms(): Promise<readonly testbed.VirtualMachine[]> {
  const vms: testbed.VirtualMachine[] = [];
  for (const spec of specs) {
    await testbed.deleteVirtualMachine(spec);
    const vm = await testbed.createVirtualMachine({ ...spec, running: true });
    for (const layer of layers) {
      const disk = `vda,snapshot=external,file=${overlayOf(vm, layer)}`;
      const words = [`--name=s${layer}`, '--disk-only', '--atomic', '--diskspec', disk];
      await testbed.virsh(['snapshot-create-as', vm.uuid, ...words]);
      await testbed.writeGuestDisk(vm, 'vda', 0xb0 + layer, layer * 2 * layerBytes, layerBytes);
    }
    vms.push(vm);
  }
  return vms;
}

/** In milliseconds; what the guests read afterwards is what they wrote. */
async function timeOf(
  vms: readonly testbed.VirtualMachine[],
  work: (vms: readonly testbed.VirtualMachine[]) => Promise<void>,
): Promise<number> {
  const start = performance.now();
  await work(vms);
  const took = performance.now() - start;
  for (const vm of vms) {
    check((await testbed.activeImage(vm, 'vda')) === vm.images['vda'], 'another image is active than there should be');
    for (const layer of layers) {
      const holds = await testbed.guestDiskHasPattern(vm, 'vda', 0xb0 + layer, layer * 2 * layerBytes, layerBytes);
      check(holds, `the guest reads other data than layer ${layer} held`);
    }
  }
  return took;
}

async function byHand(vms: readonly testbed.VirtualMachine[]): Promise<void> {
  for (const vm of vms) {
    for (const layer of layers) {
      const top = overlayOf(vm, layer);
      const words =
        layer === layers.length ? ['--active', '--pivot'] : ['--top', top, '--base', vm.images['vda'] ?? ''];
      await testbed.virsh(['blockcommit', vm.uuid, 'vda', ...words, '--wait']);
      await testbed.virsh(['snapshot-delete', vm.uuid, `s${layer}`, '--metadata']);
      await rm(top);
    }
  }
}

async function inOneBatch(application: TestbedApplication, vms: readonly testbed.VirtualMachine[]): Promise<void> {
  const deletion = (vm: testbed.VirtualMachine, layer: number): ChangeRequest => ({
    action: 'deleteSnapshot',
    vmUuid: vm.uuid,
    snapshotId: `s${layer}`,
    withDescendants: false,
  });
  const requests = vms.flatMap((vm) =>
    layers.map((layer) => ({ hostId: application.hostId, request: deletion(vm, layer) })),
  );
  const { id } = await application.ask('batches.plan', { requests });
  const { batchId } = await application.ask('batches.start', { batchPlanId: id });
  const batch = (): Batch => application.batch(batchId);
  await testbed.waitUntil(
    'the batch to end',
    () => batch().endedAt !== null || batch().state === 'interrupted',
    600_000,
  );
  check(batch().state === 'succeeded', batch().items.find(({ message }) => message !== null)?.message ?? batch().state);
}
