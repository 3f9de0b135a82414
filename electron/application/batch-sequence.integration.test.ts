/** Batches on real libvirts in which one change needs what another one of the same VM leaves, and the data afterwards. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import type { Batch, BatchPlan } from '../../shared/model/batch.ts';
import type { ChangeRequest, PowerChange } from '../../shared/model/plan.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
onEachLibvirt(suite, { about: 'batches in sequence on libvirt', sampled: true });

const mebibyte = 1024 ** 2;
const layers = [1, 2, 3];

function suite(version: testbed.LibvirtVersion): void {
  const spec = { version, name: 'snaptree-batch-sequence', disks: [{ target: 'vda' }] };
  let server: testbed.SshServer;
  let application: TestbedApplication;
  let vm: testbed.VirtualMachine;
  const virsh = async (...argv: readonly string[]) => (await testbed.virsh(argv, { version })).stdout.trim();
  const records = async () =>
    (await virsh('snapshot-list', vm.uuid, '--name'))
      .split('\n')
      .filter((line) => line !== '')
      .sort();

  beforeAll(async () => {
    const connection = await testbed.up();
    server = await testbed.startSshServer({ name: `batch-sequence-${version.replace('.', '-')}`, version });
    application = await TestbedApplication.open(server, connection);
  });
  afterAll(async () => {
    await application.close();
    await server.stop();
  });
  /** A VM with three external snapshots, of which every layer writes a place of its own. */
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    for (const layer of layers) {
      await testbed.writeGuestDisk(vm, 'vda', 0xa0 + layer - 1, layer * 4 * mebibyte);
      const disk = `vda,snapshot=external,file=${join(vm.folder, `s${layer}.qcow2`)}`;
      await virsh('snapshot-create-as', vm.uuid, `--name=s${layer}`, '--disk-only', '--atomic', '--diskspec', disk);
    }
    await testbed.writeGuestDisk(vm, 'vda', 0xa0 + layers.length, (layers.length + 1) * 4 * mebibyte);
  });
  afterEach(() => testbed.deleteVirtualMachine(spec));

  /** Of which layers the disk holds what they wrote. */
  async function layersOnDisk(): Promise<readonly number[]> {
    const found: number[] = [];
    for (const layer of [0, ...layers]) {
      if (await testbed.guestDiskHasPattern(vm, 'vda', 0xa0 + layer, (layer + 1) * 4 * mebibyte)) found.push(layer);
    }
    return found;
  }

  const deletion = (snapshotId: string, withDescendants = false): ChangeRequest => ({
    action: 'deleteSnapshot',
    vmUuid: vm.uuid,
    snapshotId,
    withDescendants,
  });
  const creation = (name: string): ChangeRequest => ({
    ...{ action: 'createSnapshot', kind: 'external', vmUuid: vm.uuid, name, description: '' },
    diskTargets: null,
  });
  const power = (to: PowerChange): ChangeRequest => ({ action: 'changePower', vmUuid: vm.uuid, to });

  const planned = (...requests: readonly ChangeRequest[]): Promise<BatchPlan> =>
    application.ask('batches.plan', {
      requests: requests.map((request) => ({ hostId: application.hostId, request })),
    });
  async function run({ id }: BatchPlan): Promise<Batch> {
    const { batchId } = await application.ask('batches.start', { batchPlanId: id });
    const isAtRest = () => !['running', 'stopping'].includes(application.batch(batchId).state);
    await testbed.waitUntil('the batch to rest', isAtRest, 240_000);
    return application.batch(batchId);
  }
  async function expectDone(...requests: readonly ChangeRequest[]): Promise<void> {
    const { items, state } = await run(await planned(...requests));
    expect([items.map(({ message }) => message), state]).toEqual([items.map(() => null), 'succeeded']);
  }

  it('goes back to a snapshot before that is deleted, in whatever depth the others are', async () => {
    const plan = await planned(
      deletion('s3'),
      { action: 'revertToSnapshot', vmUuid: vm.uuid, snapshotId: 's1', saveAs: null },
      deletion('s1'),
    );
    const { items } = await run(plan);
    expect(
      items.map(({ request, state }) => [request.action, 'snapshotId' in request && request.snapshotId, state]),
    ).toEqual([
      ['deleteSnapshot', 's3', 'succeeded'],
      ['revertToSnapshot', 's1', 'succeeded'],
      // Another overlay hangs on its data then, which is another plan.
      ['deleteSnapshot', 's1', 'notRun'],
    ]);
    expect(await layersOnDisk()).toEqual([0]);
    expect(await records()).toEqual(['s1', 's2']);
  });

  it('pauses a guest before each of two snapshots, and lets it go on behind each', async () => {
    await virsh('start', vm.uuid);
    const around = (name: string) => [power('suspend'), creation(name), power('resume')];
    await expectDone(...around('one'), ...around('two'));
    expect(await virsh('domstate', vm.uuid)).toBe('running');
    expect(await records()).toEqual(['one', 's1', 's2', 's3', 'two']);
    expect(await layersOnDisk()).toEqual([0, 1, 2, 3]);
  });

  it('deletes and makes a snapshot anew while the VM is off, and starts it again', async () => {
    await virsh('start', vm.uuid);
    await expectDone(power('destroy'), deletion('s2'), creation('s2'), power('start'));
    expect(await virsh('domstate', vm.uuid)).toBe('running');
    expect(await virsh('snapshot-parent', vm.uuid, 's2')).toBe('s3');
    expect(await records()).toEqual(['s1', 's2', 's3']);
    expect(await layersOnDisk()).toEqual([0, 1, 2, 3]);
  });

  it('deletes what is asked for by itself and with all above it once, and counts its files once', async () => {
    const plan = await planned(deletion('s3'), deletion('s2'), deletion('s2', true), deletion('s1'));
    const { items } = await run(plan);
    expect(items.map(({ request, state }) => ['snapshotId' in request && request.snapshotId, state])).toEqual([
      ['s1', 'succeeded'],
      ['s2', 'succeeded'],
    ]);
    expect(await records()).toEqual([]);
    expect(await layersOnDisk()).toEqual([0, 1, 2, 3]);
    expect(await testbed.activeImage(vm, 'vda')).toBe(vm.images['vda']);
  });

  it('takes nothing away where the snapshot before it cannot be made', async () => {
    const { items } = await planned(creation('s3'), deletion('s1'), power('start'));
    expect(items.map(({ plan, error }) => [plan?.refusals[0]?.code ?? null, error?.code ?? null])).toEqual([
      [expect.any(String), null],
      [null, 'planRefused'],
      [null, null],
    ]);
  });

  it('is run once where it is begun twice at the same time', async () => {
    const { id } = await planned(deletion('s3'));
    const begin = () => application.ask('batches.start', { batchPlanId: id });
    const begun = await Promise.allSettled([begin(), begin()]);
    expect(begun.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const [first] = begun;
    if (first.status !== 'fulfilled') throw new Error('The first was not begun.');
    await testbed.waitUntil('its end', () => application.batch(first.value.batchId).endedAt !== null, 240_000);
    expect(application.batch(first.value.batchId).state).toBe('succeeded');
    expect(await layersOnDisk()).toEqual([0, 1, 2, 3]);
  });
}
