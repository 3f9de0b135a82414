/** The service of batches over operations that do as they are told. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Batch, BatchRequest } from '../../shared/model/batch.ts';
import { disk, image, internal, inventory, vm } from '../../shared/model/inventory.fixtures.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { createListeners } from '../base/listeners.ts';
import { plainStep } from '../hypervisors/planning/plain-step.ts';
import { openBatchService } from './batches.ts';
import type { BatchService } from './batches.ts';

const hostId = '22222222-2222-4222-8222-222222222222';
const vms = ['a', 'b'] as const;
const names = ['one', 'two', 'three'];
const uuidOf = (name: (typeof vms)[number]): string =>
  (name === 'a' ? '1' : '9').repeat(8) + '-1111-4111-8111-111111111111';

let folder: string;
let service: BatchService | null;
let world: World;

/** Operations, by what they are about: each runs until it is told how it ends. */
class World {
  readonly operations = new Map<string, Operation>();
  readonly begun: string[] = [];
  readonly listeners = createListeners<[Operation]>();
  connected = true;
  /** What beginning is refused with. */
  refusal: SnaptreeError | null = null;
  ids = 0;

  end(id: string, part: Partial<Operation> = {}): void {
    const operation = this.operations.get(id);
    if (!operation) throw new Error(`There is no operation ${id}.`);
    const ended: Operation = { ...operation, state: 'succeeded', endedAt: 5, ...part };
    this.operations.set(id, ended);
    this.listeners.call(ended);
  }

  /** Ends the one that runs for that snapshot, as soon as it does. */
  async ends(name: (typeof vms)[number], snapshotId: string, part: Partial<Operation> = {}): Promise<void> {
    const id = await vi.waitFor(() => this.#of(name, snapshotId));
    this.end(id, part);
  }

  #of(name: (typeof vms)[number], snapshotId: string): string {
    for (const [id, { plan }] of this.operations) {
      const { request } = plan;
      if (plan.vmUuid === uuidOf(name) && 'snapshotId' in request && request.snapshotId === snapshotId) return id;
    }
    throw new Error(`Nothing runs for ${snapshotId} of ${name}.`);
  }
}

function planOf(request: ChangeRequest): Plan {
  const title = ('snapshotId' in request ? request.snapshotId : null) ?? request.action;
  const nothing = { reads: [], writes: [], creates: [], invalidates: [], deletes: [], verify: [] };
  return {
    id: crypto.randomUUID(),
    hostId,
    hostName: 'kvm1',
    vmUuid: request.vmUuid,
    vmName: 'web',
    request,
    title,
    createdAt: 0,
    fingerprint: 'x',
    steps: [{ ...plainStep, ...nothing, index: 0, title, argv: ['true'] }],
    refusals: title === 'three' && request.vmUuid === uuidOf('b') ? [{ code: 'no', message: 'No.', names: [] }] : [],
    warnings: [],
    rooms: [],
    expectedPause: null,
    after: {
      vmState: 'running',
      snapshots: names.filter((each) => each !== title).map((each) => internal(each, null)),
      currentSnapshotId: null,
      chains: [],
      ...('newVm' in request && { newVm: { ...request.newVm, chains: [] } }),
    },
    script: '',
  };
}

function open(): Promise<BatchService> {
  const machines = vms.map((name) =>
    vm({
      uuid: uuidOf(name),
      snapshots: names.map((each) => internal(each, null)),
      disks: [disk('vda', `/${name}.qcow2`)],
    }),
  );
  const reading = { inventory: inventory(machines, [image('/a.qcow2'), image('/b.qcow2')]), hostName: 'kvm1' };
  const quiet = () => undefined;
  return openBatchService({
    batchFolder: folder,
    plans: { createOn: (_host, request) => Promise.resolve(planOf(request)) },
    readHost: () => Promise.resolve(reading),
    lastReading: () => reading,
    hostName: () => 'kvm1',
    isConnected: () => world.connected,
    clock: () => 1,
    newId: () => `00000000-0000-4000-8000-${String((world.ids += 1)).padStart(12, '0')}`,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    operations: {
      run(plan, options) {
        const operationId = options?.operationId ?? '';
        if (world.refusal) return Promise.reject(world.refusal);
        world.begun.push(plan.title);
        const operation: Operation = {
          ...{ id: operationId, plan, state: 'running', startedAt: 1, endedAt: null },
          ...{ steps: [], error: null, examination: null, isUndoing: false },
        };
        world.operations.set(operationId, operation);
        return Promise.resolve(operationId);
      },
      list: () => [...world.operations.values()],
      onChange: (listener) => world.listeners.add(listener),
      examine: (id) => {
        const found = world.operations.get(id);
        return found ? Promise.resolve(found) : Promise.reject(new SnaptreeError('operationNotFound', 'gone'));
      },
      resolve: (id) => {
        world.end(id, { state: 'running', endedAt: null });
        return Promise.resolve();
      },
    },
  });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-batches-'));
  world = new World();
  service = await open();
});
afterEach(async () => {
  await service?.dispose();
  await rm(folder, { recursive: true });
});

const deletion = (name: (typeof vms)[number], snapshotId: string): BatchRequest => ({
  hostId,
  request: { action: 'deleteSnapshot', vmUuid: uuidOf(name), snapshotId, withDescendants: false },
});

async function begin(...requests: readonly BatchRequest[]): Promise<string> {
  if (!service) throw new Error('There is no service.');
  return service.start((await service.plan(requests)).id);
}

function batch(): Batch {
  const [found] = service?.list() ?? [];
  if (!found) throw new Error('There is no batch.');
  return found;
}
const states = () => batch().items.map(({ state }) => state);
const become = (...expected: readonly string[]) =>
  vi.waitFor(() => {
    expect(states()).toEqual(expected);
  });
const ends = (state: string) =>
  vi.waitFor(() => {
    expect(batch().state).toBe(state);
  });

test('begins the first of each VM, and the next when that is done', async () => {
  await begin(deletion('a', 'one'), deletion('a', 'two'), deletion('b', 'one'));
  await become('running', 'waiting', 'running');
  await world.ends('a', 'one');
  await become('succeeded', 'running', 'running');
  await world.ends('b', 'one');
  await world.ends('a', 'two');
  await ends('succeeded');
});

test('leaves out the rest of a VM on which one failed, and goes on elsewhere', async () => {
  await begin(
    deletion('a', 'one'),
    deletion('a', 'two'),
    deletion('a', 'three'),
    deletion('b', 'one'),
    deletion('b', 'two'),
  );
  await become('running', 'waiting', 'waiting', 'running', 'waiting');
  await world.ends('a', 'one', { state: 'failed', error: new SnaptreeError('commandFailed', 'It broke.').toData() });
  await become('failed', 'notRun', 'notRun', 'running', 'waiting');
  expect(batch().items[0]?.message).toBe('It broke.');
  await world.ends('b', 'one');
  await become('failed', 'notRun', 'notRun', 'succeeded', 'running');
  await world.ends('b', 'two');
  await ends('incomplete');
});

test('leaves out what is refused from the start, and what is behind it waits for what is before it', async () => {
  await begin(deletion('b', 'three'), deletion('b', 'one'), deletion('b', 'two'));
  expect(batch().items.map(({ after }) => after)).toEqual([null, null, 1]);
  await become('notRun', 'running', 'waiting');
  expect(batch().items[0]?.message).toBe('No.');
});

test('is interrupted, not failed, where the host cannot be reached, and resumed', async () => {
  await begin(deletion('a', 'one'), deletion('a', 'two'));
  await vi.waitFor(() => {
    expect(world.begun).toEqual(['one']);
  });
  world.refusal = new SnaptreeError('connectionLost', 'The connection was lost.');
  await world.ends('a', 'one');
  await ends('interrupted');
  expect(states()).toEqual(['succeeded', 'waiting']);
  world.refusal = null;
  await service?.resolve(batch().id, 'resume');
  await become('succeeded', 'running');
  await world.ends('a', 'two');
  await ends('succeeded');
});

test('is refused for what it meets at its turn, which is left out', async () => {
  world.refusal = new SnaptreeError('vmLocked', 'Somebody else works on it.');
  await begin(deletion('a', 'one'), deletion('a', 'two'));
  await ends('incomplete');
  expect(batch().items.map(({ state, message }) => [state, message?.slice(0, 13)])).toEqual([
    ['notRun', 'Somebody else'],
    ['notRun', '“one” comes b'],
  ]);
});

test('begins nothing more where it is cancelled', async () => {
  const id = await begin(deletion('a', 'one'), deletion('a', 'two'));
  await become('running', 'waiting');
  await service?.cancel(id);
  expect(batch().state).toBe('stopping');
  await expect(service?.cancel(id)).rejects.toMatchObject({ code: 'operationNotResolvable' });
  await world.ends('a', 'one');
  await ends('cancelled');
  expect([states(), world.begun]).toEqual([['succeeded', 'notRun'], ['one']]);
});

test('waits for its user after a restart, takes what became of its operations, and begins nothing twice', async () => {
  await begin(deletion('a', 'one'), deletion('a', 'two'), deletion('b', 'one'), deletion('b', 'two'));
  await become('running', 'waiting', 'running', 'waiting');
  await service?.dispose();
  await world.ends('a', 'one');
  await world.ends('b', 'one', { state: 'interrupted', endedAt: null });
  service = await open();
  expect([batch().state, ...states()]).toEqual(['interrupted', 'succeeded', 'waiting', 'interrupted', 'waiting']);
  await service.resolve(batch().id, 'resume');
  // What was cut off offers nothing, so it holds back what is behind it.
  await become('succeeded', 'running', 'interrupted', 'waiting');
  await world.ends('a', 'two');
  await ends('interrupted');
  // Its user brings it to its end by itself; the batch takes notice.
  await world.ends('b', 'one');
  await become('succeeded', 'succeeded', 'succeeded', 'waiting');
  await service.resolve(batch().id, 'resume');
  await become('succeeded', 'succeeded', 'succeeded', 'running');
  await vi.waitFor(() => {
    expect(world.begun).toEqual(['one', 'one', 'two', 'two']);
  });
});

test('begins again what was written down and never begun', async () => {
  await begin(deletion('a', 'one'));
  await become('running');
  await service?.dispose();
  world.operations.clear();
  service = await open();
  expect(states()).toEqual(['waiting']);
});

test('lets the rest be where it is forgotten', async () => {
  await begin(deletion('a', 'one'), deletion('a', 'two'));
  await become('running', 'waiting');
  await service?.dispose();
  service = await open();
  await service.resolve(batch().id, 'forget');
  expect([batch().state, ...states()]).toEqual(['forgotten', 'running', 'notRun']);
  await expect(service.resolve(batch().id, 'resume')).rejects.toMatchObject({ code: 'operationNotResolvable' });
});

test('runs a plan once', async () => {
  const plan = await service?.plan([deletion('a', 'one')]);
  await service?.start(plan?.id ?? '');
  await expect(service?.start(plan?.id ?? '')).rejects.toMatchObject({ code: 'planNotFound' });
});

test('leaves out what would make what a change of another VM makes', async () => {
  const clone = (name: (typeof vms)[number], called: string): BatchRequest => ({
    hostId,
    request: {
      ...{ action: 'cloneVm', vmUuid: uuidOf(name), snapshotId: null, kind: 'thin' },
      newVm: { uuid: uuidOf(name), name: called },
    },
  });
  const plan = await service?.plan([clone('a', 'new'), clone('b', 'new'), clone('b', 'other')]);
  expect(plan?.items.map(({ error }) => error?.message ?? null)).toEqual([
    null,
    '“cloneVm” is to make the VM new as well. Choose another name.',
    null,
  ]);
});

test('runs a plan once, also where it is started twice at the same time', async () => {
  const plan = await service?.plan([deletion('a', 'one')]);
  const starts = await Promise.allSettled([service?.start(plan?.id ?? ''), service?.start(plan?.id ?? '')]);
  expect(starts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect(service?.list()).toHaveLength(1);
});

test('leaves out what is behind one that failed just when Snaptree was killed', async () => {
  await begin(deletion('a', 'one'), deletion('a', 'two'), deletion('a', 'three'), deletion('b', 'one'));
  await become('running', 'waiting', 'waiting', 'running');
  await service?.dispose();
  await world.ends('a', 'one', { state: 'failed', error: new SnaptreeError('commandFailed', 'It broke.').toData() });
  await world.ends('b', 'one');
  service = await open();
  await ends('incomplete');
  expect(states()).toEqual(['failed', 'notRun', 'notRun', 'succeeded']);
  expect(batch().items[2]?.message).toContain('“one” comes before it');
});

test('sets a damaged file aside and says so, and the others are not affected', async () => {
  await begin(deletion('a', 'one'));
  await become('running');
  await service?.dispose();
  const [name = ''] = await readdir(folder);
  const text = await readFile(join(folder, name), 'utf8');
  for (const bit of [text.indexOf('running'), text.indexOf('"index"') + 1, text.length >> 1]) {
    const bytes = Buffer.from(text);
    bytes[bit] = (bytes[bit] ?? 0) ^ 1;
    await writeFile(join(folder, name), bytes);
    service = await open();
    expect(service.list()).toEqual([]);
    expect(service.notices[0]?.message).toContain('the list of operations');
    await service.dispose();
  }
  await writeFile(join(folder, name), text);
  service = await open();
  expect(service.list()).toHaveLength(1);
});
