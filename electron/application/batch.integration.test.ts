/** Batches on real libvirts: many changes as one, what fails of them beside what goes on, and the data afterwards. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import type { Batch, BatchPlan } from '../../shared/model/batch.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { isUnderWay } from '../../shared/rules/operations/operation-life.ts';

// Each change is several steps on the host, and reads it between them.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
onEachLibvirt(suite, { about: 'batches on libvirt', sampled: true });

const mebibyte = 1024 ** 2;
const layers = [1, 2, 3];

function suite(version: testbed.LibvirtVersion): void {
  const specOf = (name: string) => ({ version, name: `snaptree-batch-${name}`, disks: [{ target: 'vda' }] });
  const names = ['running', 'off'] as const;
  let server: testbed.SshServer;
  let application: TestbedApplication;
  const vms = new Map<string, testbed.VirtualMachine>();
  const vm = (name: (typeof names)[number]): testbed.VirtualMachine => {
    const found = vms.get(name);
    if (!found) throw new Error(`There is no VM ${name}.`);
    return found;
  };
  const virsh = async (...argv: readonly string[]) => (await testbed.virsh(argv, { version })).stdout.trim();
  const records = async (name: (typeof names)[number]) =>
    (await virsh('snapshot-list', vm(name).uuid, '--name'))
      .split('\n')
      .filter((line) => line !== '')
      .sort();

  beforeAll(async () => {
    const connection = await testbed.up();
    server = await testbed.startSshServer({ name: `batch-${version.replace('.', '-')}`, version });
    application = await TestbedApplication.open(server, connection);
  });
  afterAll(async () => {
    await application.close();
    await server.stop();
  });
  /** Two VMs, each with three external snapshots; every layer writes a place of its own, and one place that all write. */
  beforeEach(async () => {
    for (const name of names) {
      await testbed.deleteVirtualMachine(specOf(name));
      const made = await testbed.createVirtualMachine(specOf(name));
      vms.set(name, made);
      if (name === 'running') await virsh('start', made.uuid);
      for (const layer of layers) {
        await write(name, layer - 1);
        const disk = `vda,snapshot=external,file=${join(made.folder, `s${layer}.qcow2`)}`;
        await virsh('snapshot-create-as', made.uuid, `--name=s${layer}`, '--disk-only', '--atomic', '--diskspec', disk);
      }
      await write(name, layers.length);
    }
  });
  afterEach(async () => {
    for (const name of names) await testbed.deleteVirtualMachine(specOf(name));
  });

  async function write(name: (typeof names)[number], layer: number): Promise<void> {
    await testbed.writeGuestDisk(vm(name), 'vda', 0xa0 + layer, (layer + 1) * 4 * mebibyte);
    await testbed.writeGuestDisk(vm(name), 'vda', 0xa0 + layer, 2 * mebibyte);
  }

  async function expectData(name: (typeof names)[number]): Promise<void> {
    for (const layer of [0, ...layers]) {
      expect(await testbed.guestDiskHasPattern(vm(name), 'vda', 0xa0 + layer, (layer + 1) * 4 * mebibyte)).toBe(true);
    }
    expect(await testbed.guestDiskHasPattern(vm(name), 'vda', 0xa0 + layers.length, 2 * mebibyte)).toBe(true);
  }

  const deletion = (name: (typeof names)[number], snapshotId: string): ChangeRequest => ({
    action: 'deleteSnapshot',
    vmUuid: vm(name).uuid,
    snapshotId,
    withDescendants: false,
  });
  const planned = (requests: readonly ChangeRequest[]): Promise<BatchPlan> =>
    application.ask('batches.plan', {
      requests: requests.map((request) => ({ hostId: application.hostId, request })),
    });
  const begin = async ({ id }: BatchPlan): Promise<string> =>
    (await application.ask('batches.start', { batchPlanId: id })).batchId;
  async function rests(batchId: string): Promise<Batch> {
    await testbed.waitUntil(
      'the batch to rest',
      () => !['running', 'stopping'].includes(application.batch(batchId).state),
      240_000,
    );
    return application.batch(batchId);
  }
  const states = ({ items }: Batch) => items.map(({ state }) => state);

  it('deletes every snapshot of two VMs, neighbours by one merge, and each VM reads what it wrote', async () => {
    const plan = await planned(names.flatMap((name) => ['s3', 's1', 's2'].map((id) => deletion(name, id))));
    expect(plan.refusals).toEqual([]);
    expect(plan.title).toBe('Delete 6 snapshots of 2 VMs on kvm');
    expect(plan.items.map(({ request }) => request)).toEqual(
      names.map((name) => ({ ...deletion(name, 's1'), otherSnapshotIds: ['s2', 's3'] })),
    );
    for (const { plan: one } of plan.items) {
      expect(new Set(one?.steps.flatMap(({ group }) => group ?? [])).size).toBe(1);
    }
    const batch = await rests(await begin(plan));
    expect([batch.items.map(({ message }) => message), batch.state]).toEqual([
      batch.items.map(() => null),
      'succeeded',
    ]);
    for (const name of names) {
      expect(await records(name)).toEqual([]);
      expect(await testbed.activeImage(vm(name), 'vda')).toBe(vm(name).images['vda']);
      await expectData(name);
    }
  });

  it('goes on with other VMs where one fails, leaves out what comes after that, and says why', async () => {
    const plan = await planned([
      ...['s1', 's2', 's3'].map((id) => deletion('running', id)),
      ...['s3', 's1'].map((id) => deletion('off', id)),
    ]);
    // What stands between is to stay, so these are no neighbours: parents first.
    expect(plan.items.map(({ request }) => 'snapshotId' in request && request.snapshotId)).toEqual(['s1', 's1', 's3']);
    expect(plan.items.map(({ after }) => after)).toEqual([null, null, 1]);
    // Somebody makes another snapshot of the same name meanwhile: it is not the one that was agreed to.
    await virsh('snapshot-delete', vm('off').uuid, 's2', '--metadata');
    const disk = `vda,snapshot=external,file=${join(vm('off').folder, 'another.qcow2')}`;
    await virsh('snapshot-create-as', vm('off').uuid, '--name=s2', '--disk-only', '--atomic', '--diskspec', disk);
    const batch = await rests(await begin(plan));
    expect(states(batch)).toEqual(['succeeded', 'notRun', 'notRun']);
    expect(batch.state).toBe('incomplete');
    expect(batch.items[1]?.message).toContain('has changed since');
    expect(batch.items[2]?.message).toContain('comes before it on this VM');
    expect(await records('running')).toEqual([]);
    expect(await records('off')).toEqual(['s1', 's2', 's3']);
    for (const name of names) await expectData(name);
  });

  it('leaves a snapshot alone that took the name of one that was reviewed while others were deleted', async () => {
    const plan = await planned([deletion('off', 's1'), deletion('off', 's3')]);
    const batchId = await begin(plan);
    const firstStepRuns = () =>
      application.operations().some((each) => isUnderWay(each) && each.steps[0]?.state !== 'waiting');
    await testbed.waitUntil('the first to run', firstStepRuns, 60_000);
    const record = await virsh('snapshot-dumpxml', vm('off').uuid, 's3');
    const later = record.replace(/<creationTime>\d+</, '<creationTime>1795000000<');
    await testbed.virshWithXml(['snapshot-create', vm('off').uuid], later, ['--redefine'], { version });
    const batch = await rests(batchId);
    expect(states(batch)).toEqual(['succeeded', 'notRun']);
    expect(batch.items[1]?.message).toContain('s3 is not the snapshot that was reviewed');
    expect(await records('off')).toEqual(['s2', 's3']);
    await expectData('off');
  });

  it('begins nothing more where it is cancelled, and lets what runs come to its end', async () => {
    const batchId = await begin(await planned(['s1', 's3'].map((id) => deletion('off', id))));
    await testbed.waitUntil(
      'the first to run',
      () => application.batch(batchId).items[0]?.operationId !== null,
      60_000,
    );
    await application.ask('batches.cancel', { batchId });
    const batch = await rests(batchId);
    expect([batch.state, ...states(batch)]).toEqual(['cancelled', 'succeeded', 'notRun']);
    expect(await records('off')).toEqual(['s2', 's3']);
    await expectData('off');
  });

  it('is interrupted where Snaptree is killed, and resumed as one', async () => {
    const requests = [
      ...['s1', 's2', 's3'].map((id) => deletion('running', id)),
      ...['s1', 's3'].map((id) => deletion('off', id)),
    ];
    const batchId = await application.beginBatchAndBeKilled(requests);
    const before = application.batch(batchId);
    expect(before.state).toBe('interrupted');
    expect(states(before)).toContain('waiting');
    await application.ask('batches.resolve', { batchId, choice: 'resume' });
    const batch = await rests(batchId);
    expect([batch.items.map(({ message }) => message), batch.state]).toEqual([
      batch.items.map(() => null),
      'succeeded',
    ]);
    expect(await records('running')).toEqual([]);
    expect(await records('off')).toEqual(['s2']);
    for (const name of names) await expectData(name);
  });
}
