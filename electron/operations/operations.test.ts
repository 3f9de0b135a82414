import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { Plan, PlanStep } from '../../shared/model/plan.ts';
import { draftAgain, FakeHost, hostId, planFor, step, vmUuid } from './fake-host.fixtures.ts';
import type { Fault } from './fake-host.fixtures.ts';
import { openOperationService } from './operations.ts';
import type { OperationService } from './operations.ts';

let journalFolder: string;
let host: FakeHost;
let ids = 0;

beforeEach(async () => {
  journalFolder = await mkdtemp(join(tmpdir(), 'snaptree-journal-'));
  host = new FakeHost();
});
afterEach(() => rm(journalFolder, { recursive: true, force: true }));

function open(plan?: Plan, folder = journalFolder, on = host): Promise<OperationService> {
  const quiet = () => undefined;
  return openOperationService({
    plans: {
      get() {
        if (!plan) throw new SnaptreeError('planNotFound', 'no plan');
        return plan;
      },
      again: (_same, inventory) => {
        if (!plan) throw new SnaptreeError('vmNotFound', 'no plan');
        return draftAgain(plan, inventory);
      },
    },
    runnerFor: () => {
      throw new Error('not used');
    },
    toolsFor: on.toolsFor,
    readHost: on.readHost,
    isReadOnly: () => on.readOnly,
    journalFolder: folder,
    auditTrail: {
      append: (entry) => {
        on.audit.push(`${entry.event} ${entry.outcome}`);
        return Promise.resolve();
      },
    },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    clock: () => 1_795_000_000 + ids,
    newId: () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`,
    startedBy: { user: 'ann', computer: 'desk' },
  });
}

/** The operation, as soon as it satisfies `condition`. */
function until(
  service: OperationService,
  id: string,
  condition: (operation: Operation) => boolean,
): Promise<Operation> {
  return new Promise((resolve) => {
    const stop = service.onChange(check);
    const present = service.list().find((operation) => operation.id === id);
    if (present) check(present);
    function check(operation: Operation): void {
      if (operation.id !== id || !condition(operation)) return;
      queueMicrotask(() => {
        stop();
      });
      resolve(operation);
    }
  });
}

const resting = ({ state }: Operation) => !['preparing', 'running', 'verifying'].includes(state);
const cleanedUp = () =>
  vi.waitFor(() => {
    expect([...host.locks.keys(), ...host.folders.keys()]).toEqual([]);
  });
const stepStates = (operation: Operation) => operation.steps.map(({ state }) => state);

/** Whatever the host has under way is done with. */
async function settled(service: OperationService): Promise<void> {
  await Promise.all(service.list().map(({ id }) => until(service, id, resting)));
  for (const { id } of service.list()) await service.examine(id);
}

describe('an operation', () => {
  test('runs its steps in order, verifies each, and leaves nothing on the host but its work', async () => {
    const plan = planFor(host, ['a', 'b']);
    const service = await open(plan);
    const seen: string[] = [];
    service.onChange(({ state }) => {
      if (seen.at(-1) !== state) seen.push(state);
    });
    const id = await service.start(plan.id);
    expect(host.locks.get(vmUuid)).toMatchObject({ operationId: id, user: 'ann', computer: 'desk', title: plan.title });
    const operation = await until(service, id, resting);
    expect(operation).toMatchObject({ state: 'succeeded', error: null });
    expect(operation.steps).toMatchObject([
      { state: 'done', exitCode: 0, output: 'ok' },
      { state: 'done', exitCode: 0, output: 'ok' },
    ]);
    expect(seen).toEqual(['running', 'verifying', 'running', 'verifying', 'running', 'succeeded']);
    expect(host.runs).toEqual(['virsh a', 'virsh b']);
    await cleanedUp();
    expect(host.audit).toEqual([
      'operationStarted started',
      'stepStarted started',
      'stepEnded done',
      'stepStarted started',
      'stepEnded done',
      'operationEnded succeeded',
    ]);
    await service.dispose();
    const again = await open();
    expect(again.list()).toEqual([operation]);
    expect(again.notices).toEqual([]);
  });

  test.each([
    ['what cannot be given up', 'betweenSteps', 'redo', true],
    ['what can be given up, but ends the VM in its end', 'abort', 'undo', true],
    ['a merge, which looks for itself', 'abort', 'takeUp', false],
  ] as const)(
    'reads the host after every step, but not between looks, and behind them before %s only where that needs it',
    async (_, cancellation, whenInterrupted, isRead) => {
      const names = ['a', 'look', 'again', 'b'];
      const steps = names.map((name, index) => ({
        ...step(name),
        index,
        ...(index === 1 || index === 2
          ? { onlyLooks: true as const, verify: step('a').verify }
          : { cancellation, whenInterrupted }),
      }));
      const plan = planFor(host, names, { steps });
      const service = await open(plan);
      const operation = await until(service, await service.start(plan.id), resting);
      expect(stepStates(operation)).toEqual(['done', 'done', 'done', 'done']);
      expect(host.calls.filter((call) => call === 'start' || call === 'read')).toEqual([
        ...['read', 'start', 'read', 'start', 'start'],
        ...(isRead ? ['read'] : []),
        ...['start', 'read'],
      ]);
      await cleanedUp();
    },
  );

  test('removes nothing that somebody began to need while it was looked whether nobody does', async () => {
    const steps = [
      {
        ...step('look'),
        index: 0,
        onlyLooks: true as const,
        verify: [{ kind: 'snapshotAbsent', snapshotId: 'theirs' }],
      },
      { ...step('rm'), index: 1, deletes: ['/srv/images/a.qcow2'], verify: [] },
    ] satisfies Plan['steps'];
    const plan = planFor(host, ['look', 'rm'], { steps });
    host.effect = () => {
      host.addSnapshot('theirs');
    };
    const service = await open(plan);
    const operation = await until(service, await service.start(plan.id), resting);
    expect([operation.state, ...stepStates(operation)]).toEqual(['failed', 'failed', 'skipped']);
    expect(host.runs).toEqual(['virsh look']);
    await cleanedUp();
  });

  test('reads the host after a look that says no', async () => {
    const steps = [{ ...step('look'), onlyLooks: true as const, verify: [] }];
    const plan = planFor(host, ['look'], { steps });
    host.exitCode = 1;
    const service = await open(plan);
    expect((await until(service, await service.start(plan.id), resting)).state).toBe('failed');
    expect(host.calls.filter((call) => call === 'read')).toHaveLength(2);
    await cleanedUp();
  });

  test('is refused, with nothing run or left, when the host has changed since the plan', async () => {
    const plan = planFor(host, ['a']);
    host.addSnapshot('somebody-elses');
    const service = await open(plan);
    await expect(service.start(plan.id)).rejects.toMatchObject({ code: 'planStale' });
    expect(host.runs).toEqual([]);
    expect(service.list()).toEqual([]);
    await cleanedUp();
    expect(await readdir(journalFolder)).toEqual([]);
  });

  test('is refused, with nothing run or left, when the host was set to read-only since the plan', async () => {
    const plan = planFor(host, ['a']);
    const service = await open(plan);
    host.readOnly = true;
    await expect(service.start(plan.id)).rejects.toMatchObject({ code: 'hostReadOnly' });
    expect(host.calls).toEqual([]);
    expect(service.list()).toEqual([]);
    expect(await readdir(journalFolder)).toEqual([]);
  });

  test('ends before its next step when its host is set to read-only', async () => {
    const plan = planFor(host, ['a', 'b']);
    host.effect = (argv) => {
      host.addSnapshot(argv[1] ?? '');
      host.readOnly = true;
    };
    const service = await open(plan);
    const operation = await until(service, await service.start(plan.id), resting);
    expect(stepStates(operation)).toEqual(['done', 'skipped']);
    expect(operation.state).toBe('cancelled');
    expect(host.runs).toEqual(['virsh a']);
    await cleanedUp();
  });

  test('is refused while another holds the VM, and leaves that lock alone', async () => {
    const plan = planFor(host, ['a']);
    const owner = { operationId: 'theirs', user: 'bob', computer: 'laptop', startedAt: 1, title: 'Revert' };
    host.locks.set(vmUuid, owner);
    const service = await open(plan);
    await expect(service.start(plan.id)).rejects.toMatchObject({
      code: 'vmLocked',
      message: expect.stringContaining('bob') as string,
    });
    expect(host.runs).toEqual([]);
    expect(host.locks.get(vmUuid)).toEqual(owner);
  });

  test('takes the lock of an operation over only where that is named, and says so in the audit trail', async () => {
    const plan = planFor(host, ['a']);
    host.locks.set(vmUuid, { operationId: 'theirs', user: 'bob', computer: 'laptop', startedAt: 1, title: 'Revert' });
    const service = await open(plan);
    await expect(service.start(plan.id)).rejects.toMatchObject({ data: { takeOver: 'theirs' } });
    await expect(service.start(plan.id, 'another')).rejects.toMatchObject({ code: 'vmLocked' });
    expect(host.runs).toEqual([]);
    const operation = await until(service, await service.start(plan.id, 'theirs'), resting);
    expect(operation.state).toBe('succeeded');
    expect(host.runs).toEqual(['virsh a']);
    await cleanedUp();
  });

  test('stops before its next step where its lock was taken over, and offers what is left', async () => {
    const plan = planFor(host, ['a', 'b']);
    host.effect = (argv) => {
      host.addSnapshot(argv[1] ?? '');
      host.locks.set(vmUuid, { operationId: 'theirs', user: 'bob', computer: 'laptop', startedAt: 1, title: 'Revert' });
    };
    const service = await open(plan);
    const operation = await until(service, await service.start(plan.id), resting);
    expect(host.runs).toEqual(['virsh a']);
    expect(operation.examination).toMatchObject({ finding: 'partlyDone' });
    await expect(service.resolve(operation.id, 'resume')).rejects.toMatchObject({ code: 'vmLocked' });
    expect(host.locks.get(vmUuid)?.operationId).toBe('theirs');
  });

  test('does not wait for another one of its host that runs', async () => {
    const plan = planFor(host, ['a']);
    host.slow = true;
    const service = await open(plan);
    const first = await service.start(plan.id);
    await expect(service.start(plan.id)).rejects.toMatchObject({ code: 'vmLocked' });
    expect(service.list().find(({ id }) => id === first)?.state).toBe('running');
    // What has not arrived on the host cannot be finished there.
    await until(service, first, ({ steps }) => steps[0]?.output === 'begun');
    host.finish();
    await until(service, first, resting);
    await cleanedUp();
  });

  test('tells how far its step is beside itself, and nothing any more when that has ended', async () => {
    const plan = planFor(host, ['a', 'b']);
    host.slow = true;
    const service = await open(plan);
    const id = await service.start(plan.id);
    await until(service, id, ({ steps }) => steps[0]?.output === 'begun');
    let changes = 0;
    const stop = service.onChange(() => (changes += 1));
    host.tell({ doneBytes: 10, totalBytes: 40 });
    await vi.waitFor(() => {
      expect(service.listProgress()).toEqual([
        { operationId: id, index: 0, doneBytes: 10, totalBytes: 40, bytesPerSecond: null, secondsLeft: null },
      ]);
    });
    expect(changes).toBe(0);
    stop();
    const told: number[] = [];
    service.onProgress(() => told.push(service.listProgress().length));
    host.finish();
    await until(service, id, ({ steps }) => steps[1]?.output === 'begun');
    expect(told).toEqual([0]);
    host.finish();
    await until(service, id, resting);
    await cleanedUp();
  });

  test('tells the step that runs to go on otherwise, and records it before and after', async () => {
    const plan = planFor(host, ['a']);
    host.slow = true;
    const service = await open(plan);
    const id = await service.start(plan.id);
    await until(service, id, ({ steps }) => steps[0]?.output === 'begun');
    // What it does not tell that it can, it is not told.
    host.tell({ doneBytes: 10, totalBytes: 40, told: 'can=pause' });
    await vi.waitFor(() => {
      expect(service.listProgress()[0]?.control?.can).toEqual(['pause']);
    });
    await expect(service.adjust(id, { kind: 'limit', bytesPerSecond: 5 })).rejects.toThrow('cannot do that');
    expect(await service.adjust(id, { kind: 'pause' })).toBe('It is so.');
    host.answer = { kind: 'refused', sentence: 'Not now.' };
    await expect(service.adjust(id, { kind: 'continue' })).rejects.toThrow('Nothing was changed. Not now.');
    host.readOnly = true;
    await expect(service.adjust(id, { kind: 'pause' })).rejects.toMatchObject({ code: 'hostReadOnly' });
    host.readOnly = false;
    expect(host.wishes).toEqual(['pause 0', 'continue 0']);
    expect(host.audit.filter((entry) => entry.startsWith('stepAdjusted'))).toHaveLength(4);
    const journal = await readFile(join(journalFolder, `${id}.jsonl`), 'utf8');
    expect(journal.match(/"adjustRequested"/g)).toHaveLength(2);
    host.finish();
    await until(service, id, resting);
    await expect(service.adjust(id, { kind: 'pause' })).rejects.toMatchObject({ code: 'operationNotResolvable' });
    await expect(service.adjust('nothing', { kind: 'pause' })).rejects.toMatchObject({ code: 'operationNotFound' });
    await cleanedUp();
  });

  test('is refused where its plan is, or where there is no plan', async () => {
    const refusal = { code: 'x', message: 'It would destroy b.', names: [] };
    const refused = await open(planFor(host, [], { refusals: [refusal] }));
    await expect(refused.start('x')).rejects.toMatchObject({
      code: 'planRefused',
      message: expect.stringContaining('destroy b') as string,
    });
    await expect((await open()).start('x')).rejects.toMatchObject({ code: 'planNotFound' });
    expect(host.calls).toEqual([]);
  });

  test('is refused where its journal cannot be written: nothing is done on the host', async () => {
    const plan = planFor(host, ['a']);
    const service = await open(plan);
    await rm(journalFolder, { recursive: true });
    await rename(await mkdtemp(join(tmpdir(), 'x')), `${journalFolder}-x`);
    await mkdir(join(journalFolder, `00000000-0000-4000-8000-${String(ids + 1).padStart(12, '0')}.jsonl`), {
      recursive: true,
    });
    await expect(service.start(plan.id)).rejects.toMatchObject({ code: 'storeUnusable' });
    expect(host.calls).toEqual([]);
    await rm(`${journalFolder}-x`, { recursive: true });
  });

  test('stops at a journal that cannot be written any more, and runs no step without it', async () => {
    const plan = planFor(host, ['a', 'b']);
    const service = await open(plan);
    host.slow = true;
    const id = await service.start(plan.id);
    await until(service, id, ({ steps }) => steps[0]?.output === 'begun');
    const file = join(journalFolder, `${id}.jsonl`);
    await rename(file, `${file}.kept`);
    await mkdir(file);
    host.finish();
    const cut = await until(service, id, resting);
    expect(cut).toMatchObject({
      state: 'interrupted',
      error: { code: 'outcomeUnknown', data: { cause: 'storeUnusable' } },
    });
    expect(host.runs).toEqual(['virsh a']);
    // When it can be written again, the operation goes on where it was.
    await rm(file, { recursive: true });
    await rename(`${file}.kept`, file);
    host.slow = false;
    expect(await service.examine(id)).toMatchObject({ state: 'interrupted', examination: { finding: 'partlyDone' } });
    await service.resolve(id, 'resume');
    expect(await until(service, id, resting)).toMatchObject({ state: 'succeeded' });
    expect(host.runs).toEqual(['virsh a', 'virsh b']);
  });

  test('stops at a step that fails, and says which, why and how things are', async () => {
    const plan = planFor(host, ['a', 'b', 'c']);
    const service = await open(plan);
    const effect = host.effect;
    host.effect = (argv) => {
      effect(argv);
      host.exitCode = 3;
    };
    const operation = await until(service, await service.start(plan.id), resting);
    expect(operation.state).toBe('failed');
    expect(stepStates(operation)).toEqual(['done', 'failed', 'skipped']);
    expect(operation.error).toMatchObject({
      code: 'commandFailed',
      data: { exitCode: '3', stderr: 'error: no room\n' },
    });
    for (const part of ['step 2 of 3', 'web', 'kvm1', 'error: no room', 'no snapshot “b”', 'not run']) {
      expect(operation.error?.message).toContain(part);
    }
    expect(host.runs).toEqual(['virsh a', 'virsh b']);
    await cleanedUp();
  });

  test('fails when a command reports success and the host does not bear it out', async () => {
    const plan = planFor(host, ['a']);
    const service = await open(plan);
    host.effect = () => undefined;
    const operation = await until(service, await service.start(plan.id), resting);
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'verificationFailed' } });
    await cleanedUp();
  });

  test('is cancelled before its next step, never in the middle of one', async () => {
    const plan = planFor(host, ['a', 'b']);
    const service = await open(plan);
    host.slow = true;
    const id = await service.start(plan.id);
    await until(service, id, ({ steps }) => steps[0]?.output === 'begun');
    await service.cancel(id);
    await service.cancel(id);
    host.finish();
    const operation = await until(service, id, resting);
    expect(operation).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
    expect(stepStates(operation)).toEqual(['done', 'skipped']);
    await cleanedUp();
    await expect(service.cancel(id)).rejects.toMatchObject({ code: 'operationNotResolvable' });
    await expect(service.cancel('nothing')).rejects.toMatchObject({ code: 'operationNotFound' });
  });
});

describe('an operation that was cut off', () => {
  const createRequest = {
    action: 'createSnapshot',
    vmUuid,
    kind: 'internal',
    name: 'a',
    description: 'of ours',
    diskTargets: null,
  } as const;

  async function cutOff(
    names = ['a', 'b'],
    parts: Partial<Plan> = {},
  ): Promise<{ service: OperationService; id: string }> {
    const plan = planFor(host, names, parts);
    const service = await open(plan);
    host.slow = true;
    const id = await service.start(plan.id);
    await until(service, id, ({ steps }) => steps[0]?.output === 'begun');
    host.disconnect();
    const operation = await until(service, id, resting);
    expect(operation).toMatchObject({ state: 'interrupted', error: { code: 'outcomeUnknown', retryable: false } });
    expect(stepStates(operation)).toEqual(['unknown', ...names.slice(1).map(() => 'waiting')]);
    expect(host.locks.size).toBe(1);
    return { service, id };
  }

  test('is waited for again, while its step runs, and finished', async () => {
    const { service, id } = await cutOff(['a']);
    host.reconnect();
    service.hostConnected(hostId);
    const found = await until(service, id, ({ state }) => state === 'running');
    expect(found).toMatchObject({
      examination: { finding: 'stillRunning', choices: [] },
      steps: [{ state: 'running' }],
    });
    await expect(service.resolve(id, 'forget')).rejects.toMatchObject({ code: 'operationNotResolvable' });
    host.finish();
    expect(await until(service, id, resting)).toMatchObject({ state: 'succeeded' });
    expect(host.runs).toEqual(['virsh a']);
    await cleanedUp();
  });

  test('is waited for again, fails if its step does', async () => {
    const { service, id } = await cutOff(['a']);
    host.reconnect();
    host.finish(1);
    expect(await service.examine(id)).toMatchObject({ state: 'failed', error: { code: 'commandFailed' } });
    await cleanedUp();
  });

  test('does not go on with more steps by itself', async () => {
    const { service, id } = await cutOff();
    host.reconnect();
    service.hostConnected(hostId);
    await until(service, id, ({ state }) => state === 'running');
    host.finish();
    const operation = await until(service, id, ({ examination }) => examination?.finding === 'partlyDone');
    expect(operation).toMatchObject({ state: 'interrupted', examination: { choices: ['resume', 'forget'] } });
    expect(stepStates(operation)).toEqual(['done', 'waiting']);
    expect(host.runs).toEqual(['virsh a']);
    expect(host.locks.size).toBe(1);
  });

  test('is examined on a host that was set to read-only, not resumed, and can be forgotten', async () => {
    const { service, id } = await cutOff();
    host.reconnect();
    host.finish();
    host.readOnly = true;
    expect(await service.examine(id)).toMatchObject({ examination: { choices: ['resume', 'forget'] } });
    await expect(service.resolve(id, 'resume')).rejects.toMatchObject({ code: 'hostReadOnly' });
    expect(host.runs).toEqual(['virsh a']);
    expect(service.list()).toMatchObject([{ state: 'interrupted' }]);
    await service.resolve(id, 'forget');
    expect(service.list()).toMatchObject([{ state: 'forgotten' }]);
    await cleanedUp();
  });

  test('cannot be resumed on a host that has changed', async () => {
    const { service, id } = await cutOff();
    host.reconnect();
    host.finish();
    expect(await service.examine(id)).toMatchObject({ examination: { choices: ['resume', 'forget'] } });
    host.addSnapshot('somebody-elses');
    await expect(service.resolve(id, 'resume')).rejects.toMatchObject({ code: 'operationNotResolvable' });
    expect(host.runs).toEqual(['virsh a']);
    await service.resolve(id, 'forget');
    expect(service.list()).toMatchObject([{ state: 'forgotten' }]);
    await cleanedUp();
  });

  test('is believed to be done where the host shows it, though its command was killed', async () => {
    const { service, id } = await cutOff(['a']);
    host.reconnect();
    host.addSnapshot('a');
    host.kill();
    expect(await service.examine(id)).toMatchObject({ state: 'succeeded', steps: [{ exitCode: null }] });
  });

  test('is unclear where the host shows another snapshot of its name', async () => {
    const other = new FakeHost();
    other.addSnapshot('a');
    const snapshots = other.snapshots.map((snapshot) => ({ ...snapshot, description: 'of ours' }));
    const after = { vmState: 'running' as const, snapshots, currentSnapshotId: 'a', chains: [] };
    const { service, id } = await cutOff(['a'], { request: createRequest, after });
    host.reconnect();
    host.addSnapshot('a');
    host.kill();
    expect(await service.examine(id)).toMatchObject({
      state: 'interrupted',
      examination: { finding: 'unclear', message: expect.stringContaining('another description') as string },
    });
  });

  test.each([false, true])(
    'is unclear where the host does not show it (rebooted: %s), and never run again',
    async (rebooted) => {
      const { service, id } = await cutOff(['a']);
      host.reconnect();
      host.kill(rebooted);
      expect(await service.examine(id)).toMatchObject({
        state: 'interrupted',
        steps: [{ state: 'unknown' }],
        examination: { finding: 'unclear', choices: ['forget'] },
      });
      await expect(service.resolve(id, 'resume')).rejects.toMatchObject({ code: 'operationNotResolvable' });
      await service.resolve(id, 'forget');
      expect(host.runs).toEqual(['virsh a']);
      await cleanedUp();
    },
  );

  test('is unclear where what it was to bring about held before', async () => {
    host.addSnapshot('a');
    const { service, id } = await cutOff(['a']);
    host.reconnect();
    host.kill();
    expect(await service.examine(id)).toMatchObject({ examination: { finding: 'unclear', choices: ['forget'] } });
  });

  test('is unclear where its folder is gone', async () => {
    const { service, id } = await cutOff(['a']);
    host.reconnect();
    host.folders.clear();
    expect(await service.examine(id)).toMatchObject({ examination: { finding: 'unclear', choices: ['forget'] } });
  });

  test('is left as it is while its host cannot be asked, and can be forgotten all the same', async () => {
    const { service, id } = await cutOff(['a']);
    await expect(service.examine(id)).rejects.toMatchObject({ code: 'connectionLost' });
    expect(service.list()).toMatchObject([{ state: 'interrupted' }]);
    await service.resolve(id, 'forget');
    expect(service.list()).toMatchObject([{ state: 'forgotten' }]);
    // Its step runs on: the VM stays locked until it has ended.
    host.reconnect();
    service.hostConnected(hostId);
    await vi.waitFor(() => {
      expect(host.calls.at(-1)).toBe('cleanUp');
    });
    expect(host.locks.size).toBe(1);
    host.finish();
    service.hostConnected(hostId);
    await cleanedUp();
  });

  test('keeps its VM from every other operation until it is resumed or forgotten', async () => {
    const { service, id } = await cutOff();
    await service.dispose();
    host.reconnect();
    host.finish();
    host.slow = false;
    const next = planFor(host, ['c']);
    const other = await open(next);
    await expect(other.start(next.id)).rejects.toMatchObject({
      code: 'vmLocked',
      message: expect.stringContaining('list of operations here') as string,
    });
    expect(host.locks.get(vmUuid)?.operationId).toBe(id);
    expect(host.runs).toEqual(['virsh a']);
    await other.resolve(id, 'forget');
    await until(other, await other.start(next.id), resting);
    expect(host.runs).toEqual(['virsh a', 'virsh c']);
  });

  test('is not resumed where the rest, planned again, is not what was reviewed', async () => {
    const plan = planFor(host, ['a', 'b']);
    const service = await open(plan);
    host.slow = true;
    const id = await service.start(plan.id);
    await until(service, id, ({ steps }) => steps[0]?.output === 'begun');
    host.disconnect();
    await until(service, id, resting);
    await service.dispose();
    host.reconnect();
    host.finish();
    const each = (parts: Partial<PlanStep>) => ({ steps: plan.steps.map((step) => ({ ...step, ...parts })) });
    for (const [changed, reason] of [
      [{ steps: planFor(host, ['a', 'x']).steps }, 'another command'],
      [each({ reads: ['/x'] }), 'other things that it reads'],
      [each({ writes: ['/x'] }), 'other things that it writes to'],
      [each({ creates: ['/x'] }), 'other things that it creates'],
      [each({ invalidates: ['/x'] }), 'other things that it makes useless'],
      [each({ deletes: ['/x'] }), 'other things that it deletes'],
      [each({ verify: [{ kind: 'snapshotExists', snapshotId: 'other' }] }), 'another check of its result'],
      [{ steps: plan.steps.slice(0, 1) }, '0 steps'],
      [{ steps: [...planFor(host, ['z']).steps, ...plan.steps] }, 'would have to be done first'],
      [{ refusals: [{ code: 'x', message: 'It would destroy c.', names: [] }] }, 'destroy c'],
    ] as const) {
      const again = await open({ ...plan, ...changed } as Plan);
      expect((await again.examine(id)).examination).toMatchObject({
        choices: ['forget'],
        message: expect.stringContaining(reason) as string,
      });
      await expect(again.resolve(id, 'resume')).rejects.toMatchObject({
        code: 'operationNotResolvable',
        message: expect.stringContaining(reason) as string,
      });
      expect(again.list()).toMatchObject([{ state: 'interrupted' }]);
      await again.dispose();
    }
    expect(host.runs).toEqual(['virsh a']);
    expect(host.locks.get(vmUuid)?.operationId).toBe(id);
  });

  test('frees the VM for the next one even if its lock arrived after it was cleaned up', async () => {
    const plan = planFor(host, ['a']);
    const service = await open(plan);
    const id = await service.start(plan.id);
    await until(service, id, resting);
    await cleanedUp();
    host.locks.set(vmUuid, { operationId: id, user: 'ann', computer: 'desk', startedAt: 1, title: 'late' });
    const next = planFor(host, ['b']);
    const other = await open(next);
    const nextId = await other.start(next.id);
    expect(await until(other, nextId, resting)).toMatchObject({ state: 'succeeded' });
  });

  test('runs nothing twice when a start arrives on the host long after it was given up', async () => {
    const plan = planFor(host, ['a']);
    const service = await open(plan);
    host.arm({ at: 3, when: 'before', kind: 'lost' });
    const id = await service.start(plan.id);
    await until(service, id, resting);
    expect(host.calls).toEqual(['lock', 'read', 'prepare', 'start']);
    host.reconnect();
    expect(await service.examine(id)).toMatchObject({
      examination: { finding: 'notStarted', choices: ['resume', 'forget'] },
    });
    const [folder = ''] = host.folders.keys();
    await service.resolve(id, 'resume');
    host.startJob(folder, 0, ['virsh', 'a']);
    await until(service, id, resting);
    host.startJob(folder, 0, ['virsh', 'a']);
    expect(host.runs).toEqual(['virsh a']);
  });

  test('goes on on the host when Snaptree is closed, and is found at the next start', async () => {
    const plan = planFor(host, ['a']);
    const service = await open(plan);
    host.slow = true;
    const id = await service.start(plan.id);
    await until(service, id, ({ steps }) => steps[0]?.output === 'begun');
    host.disconnect();
    await service.dispose();
    host.reconnect();
    host.finish();
    const again = await open();
    expect(again.list()).toMatchObject([{ state: 'interrupted', error: { code: 'outcomeUnknown' } }]);
    again.hostConnected(hostId);
    expect(await until(again, id, resting).then(() => again.examine(id))).toMatchObject({ state: 'succeeded' });
  });
});

describe('wherever an operation is cut off', () => {
  const names = ['a', 'b'];

  /** Runs the whole plan with the faults, one after the other, and lets the host come back after each. */
  async function survive(faults: readonly Fault[], choice: 'resume' | 'forget'): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'snaptree-matrix-'));
    const fake = new FakeHost();
    const plan = planFor(fake, names);
    let service = await open(plan, folder, fake);
    const check = async (): Promise<void> => {
      expect(fake.runs).toEqual(names.slice(0, fake.runs.length).map((name) => `virsh ${name}`));
      expect(fake.snapshots.map(({ id }) => id)).toEqual(names.slice(0, fake.runs.length));
      // Whoever reads the journal now is told the same.
      const reader = await open(undefined, folder, fake);
      expect(reader.notices).toEqual([]);
      const told = (operation: Operation) => [operation.id, operation.state, stepStates(operation)];
      expect(reader.list().map(told)).toEqual(service.list().map(told));
    };
    /** Acts until it is over, or a crash ended it; then Snaptree is started again and the host is back. */
    const act = async (fault: Fault | null, action: () => Promise<void>): Promise<void> => {
      fake.arm(fault);
      const ended = action().then(
        () => settled(service),
        (error: unknown) => {
          if (!SnaptreeError.is(error)) throw error;
        },
      );
      await Promise.race([
        ended.catch((error: unknown) => SnaptreeError.is(error) || Promise.reject(error as Error)),
        fake.crashed,
      ]);
      const crashed = fake.faultMet && fault?.kind === 'crash';
      fake.reconnect();
      if (crashed) service = await open(plan, folder, fake);
    };

    const [first = null, ...more] = faults;
    await act(first, async () => {
      await service.start(plan.id);
    });
    for (const fault of [...more, null]) {
      await act(fault, async () => {
        service.hostConnected(hostId);
        await settled(service);
        const [operation] = service.list();
        if (operation?.state === 'interrupted' && operation.examination?.choices.includes(choice)) {
          await service.resolve(operation.id, choice);
        }
      });
    }
    // Once more without a fault: whatever the last one left can be dealt with now.
    await act(null, async () => {
      service.hostConnected(hostId);
      await settled(service);
      const [operation] = service.list();
      if (operation?.state === 'interrupted') {
        expect(operation.examination?.choices).toEqual(['resume', 'forget']);
        expect(operation.steps.filter(({ state }) => state === 'done')).toHaveLength(fake.runs.length);
        await service.resolve(operation.id, choice);
      }
    });
    service.hostConnected(hostId);
    await vi.waitFor(() => {
      expect([...fake.locks.keys(), ...fake.folders.keys()]).toEqual([]);
    });
    await check();
    const [operation] = service.list();
    if (!operation) expect(fake.runs).toEqual([]);
    else if (operation.state === 'succeeded') expect(fake.runs).toHaveLength(names.length);
    else {
      expect(operation.state).toBe('forgotten');
      expect(choice).toBe('forget');
      expect(operation.steps.filter(({ state }) => state === 'done')).toHaveLength(fake.runs.length);
    }
    await service.dispose();
    // A Snaptree that crashed may still write its last record there.
    await rm(folder, { recursive: true, maxRetries: 5 });
  }

  // lock, read, prepare, and per step start and read; then cleanUp.
  const callsWithoutFault = 8;
  const kinds = ['lost', 'crash'] as const;
  const sides = ['before', 'after'] as const;
  const cases = Array.from({ length: callsWithoutFault }, (_, at) =>
    kinds.flatMap((kind) => sides.map((when) => ({ at, when, kind }))),
  ).flat();

  test('there are as many places as this test believes', async () => {
    const plan = planFor(host, names);
    const service = await open(plan);
    await until(service, await service.start(plan.id), resting);
    await cleanedUp();
    expect(host.calls).toEqual(['lock', 'read', 'prepare', 'start', 'read', 'start', 'read', 'cleanUp']);
    expect(host.calls).toHaveLength(callsWithoutFault);
  });

  test.each(cases)('($kind $when call $at) it reaches an end that is true, resumed', (fault) =>
    survive([fault], 'resume'),
  );
  test.each(cases)('($kind $when call $at) it reaches an end that is true, forgotten', (fault) =>
    survive([fault], 'forget'),
  );

  test('and if it is cut off again while it recovers, several times', async () => {
    const fault = fc.record({ at: fc.nat(9), when: fc.constantFrom(...sides), kind: fc.constantFrom(...kinds) });
    const choice = fc.constantFrom('resume', 'forget' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { minLength: 2, maxLength: 4 }), choice, (faults, chosen) =>
        survive(faults, chosen),
      ),
      { numRuns: 60, timeout: 4000, endOnFailure: true },
    );
  }, 60_000);
});
