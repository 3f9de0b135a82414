/** Steps that belong together, steps that take things back, and steps that can be ended or run again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Operation } from '../../../shared/model/operation.ts';
import type { Plan, PlanStep } from '../../../shared/model/plan.ts';
import { isUnderWay } from '../../../shared/rules/operations/operation-life.ts';
import { draftAgain, FakeHost, hostId, planFor } from '../fake-host.fixtures.ts';
import { openOperationService } from '../operations.ts';
import type { OperationService } from '../operations.ts';

let journalFolder: string;
let host: FakeHost;
let ids = 0;

beforeEach(async () => {
  journalFolder = await mkdtemp(join(tmpdir(), 'snaptree-groups-'));
  host = new FakeHost();
});
afterEach(() => rm(journalFolder, { recursive: true }));

type Rules = Partial<Pick<PlanStep, 'cancellation' | 'group' | 'runs' | 'whenInterrupted' | 'verify'>>;

/** A plan of steps of these names with these rules. Each makes the snapshot of its name. */
function planOf(steps: Readonly<Record<string, Rules>>): Plan {
  const plan = planFor(host, Object.keys(steps));
  return { ...plan, steps: plan.steps.map((step, index) => ({ ...step, ...Object.values(steps)[index] })) };
}

const quiet = () => undefined;
function open(plan: Plan): Promise<OperationService> {
  return openOperationService({
    plans: { get: () => plan, again: (_same, inventory) => draftAgain(plan, inventory) },
    runnerFor: () => {
      throw new Error('not used');
    },
    toolsFor: host.toolsFor,
    readHost: host.readHost,
    isReadOnly: () => host.readOnly,
    journalFolder,
    auditTrail: { append: () => Promise.resolve() },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    clock: () => 1_795_000_000,
    newId: () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`,
    startedBy: { user: 'ann', computer: 'desk' },
  });
}

async function rest(service: OperationService, id: string): Promise<Operation> {
  const find = () => service.list().find((operation) => operation.id === id);
  await vi.waitFor(() => {
    const operation = find();
    expect(operation !== undefined && !isUnderWay(operation)).toBe(true);
  });
  const operation = find();
  if (!operation) throw new Error('gone');
  return operation;
}

async function begun(what: number): Promise<void> {
  await vi.waitFor(() => {
    expect(host.runs).toHaveLength(what);
  });
}

/** Snaptree and the connection go while the first step runs, which then ends so; another Snaptree finds its host again. */
async function cutInFirstStep(plan: Plan, exitCode: number): Promise<{ next: OperationService; id: string }> {
  host.slow = true;
  const service = await open(plan);
  const id = await service.start('plan');
  await begun(1);
  host.disconnect();
  await service.dispose();
  host.reconnect();
  host.slow = false;
  host.finish(exitCode);
  const next = await open(plan);
  next.hostConnected(hostId);
  return { next, id };
}

const states = (operation: Operation) => operation.steps.map(({ state }) => state);

const together = { group: 'frozen' } as const;
/** Freezes, takes two snapshots, and thaws whatever happens; what was made is removed if something fails. */
const frozen = {
  freeze: together,
  one: together,
  two: together,
  remove: { group: 'frozen', runs: 'onFailure' },
  thaw: { group: 'frozen', runs: 'always' },
  after: {},
} as const;

/** The command of this name fails, and does nothing. */
function failAt(...names: readonly string[]): void {
  const { effect } = host;
  host.effect = (argv) => {
    if (!names.includes(argv[1] ?? '')) effect(argv);
  };
}

describe('steps that belong together', () => {
  test('are run with what is always run, and without what is for failures', async () => {
    const service = await open(planOf(frozen));
    const operation = await rest(service, await service.start('plan'));
    expect(operation.state).toBe('succeeded');
    expect(host.runs).toEqual(['virsh freeze', 'virsh one', 'virsh two', 'virsh thaw', 'virsh after']);
    expect(states(operation)).toEqual(['done', 'done', 'done', 'skipped', 'done', 'done']);
  });

  test.each(['a cancel', 'a host that becomes read-only'])('are finished before %s has its effect', async (what) => {
    host.slow = true;
    const service = await open(planOf(frozen));
    const id = await service.start('plan');
    await begun(1);
    if (what === 'a cancel') await service.cancel(id);
    else host.readOnly = true;
    host.slow = false;
    host.finish();
    const operation = await rest(service, id);
    expect(operation.state).toBe('cancelled');
    expect(host.runs.at(-1)).toBe('virsh thaw');
    expect(states(operation)).toEqual(['done', 'done', 'done', 'skipped', 'done', 'skipped']);
  });

  test('are taken back where one fails, and nothing else is run', async () => {
    failAt('two');
    const service = await open(planOf(frozen));
    const operation = await rest(service, await service.start('plan'));
    expect(host.runs.slice(2)).toEqual(['virsh two', 'virsh remove', 'virsh thaw']);
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'verificationFailed', data: { step: '2' } } });
    expect(operation.error?.message).toContain(
      // It may have found nothing to do, which only its own words tell.
      'snapshot thaw” was run to take things back. It said: ok',
    );
    expect(states(operation)).toEqual(['done', 'done', 'failed', 'done', 'done', 'skipped']);
  });

  test('are taken back as far as possible where that fails too, which is said', async () => {
    failAt('one', 'remove');
    const service = await open(planOf(frozen));
    const operation = await rest(service, await service.start('plan'));
    expect(host.runs.slice(1)).toEqual(['virsh one', 'virsh remove', 'virsh thaw']);
    expect(operation.error?.message).toMatch(/remove”, which takes things back, failed as well.*thaw” was run/);
    expect(states(operation)).toEqual(['done', 'failed', 'skipped', 'failed', 'done', 'skipped']);
  });

  test('are not taken back where what that would bring about holds', async () => {
    failAt('two');
    host.addSnapshot('thaw');
    const service = await open(planOf(frozen));
    const operation = await rest(service, await service.start('plan'));
    expect(host.runs.at(-1)).toBe('virsh remove');
    expect(states(operation)).toEqual(['done', 'done', 'failed', 'done', 'skipped', 'skipped']);
  });

  test('are left where they are after a cut, where going on would have to be planned anew', async () => {
    const rules = { ...together, whenInterrupted: 'undo' } as const;
    const { next, id } = await cutInFirstStep(planOf({ save: rules, back: rules }), 0);
    await vi.waitFor(() => {
      expect(next.list()[0]?.examination?.choices).toEqual(['forget']);
    });
    await expect(next.resolve(id, 'resume')).rejects.toMatchObject({ code: 'operationNotResolvable' });
    expect(host.runs).toEqual(['virsh save']);
    await next.dispose();
  });

  test('are taken back after a failure that only the next Snaptree learns of', async () => {
    const plan = planOf(frozen);
    const { next, id } = await cutInFirstStep(plan, 1);
    const operation = await rest(next, id);
    await vi.waitFor(() => {
      expect(next.list()).toMatchObject([{ state: 'failed' }]);
    });
    expect(operation.plan.title).toBe(plan.title);
    expect(host.runs).toEqual(['virsh freeze', 'virsh remove', 'virsh thaw']);
  });

  test('are offered to be resumed or taken back where they were cut off', async () => {
    host.slow = true;
    const plan = planOf(frozen);
    const service = await open(plan);
    const id = await service.start('plan');
    await begun(1);
    host.disconnect();
    await rest(service, id);
    host.reconnect();
    host.slow = false;
    host.finish();
    const found = await service.examine(id);
    expect(found.examination).toMatchObject({ finding: 'partlyDone', choices: ['resume', 'undo', 'forget'] });
    expect(found.examination?.message).toContain('in the middle of steps that belong together');
    await service.resolve(id, 'undo');
    const operation = await rest(service, id);
    expect(operation).toMatchObject({ state: 'cancelled', isUndoing: true, error: { code: 'cancelled' } });
    expect(host.runs).toEqual(['virsh freeze', 'virsh remove', 'virsh thaw']);
    await vi.waitFor(() => {
      expect(host.locks.size).toBe(0);
    });
    // The journal tells the same.
    await service.dispose();
    expect((await open(plan)).list()).toEqual([operation]);
  });

  test('of which one is not known are taken back, not run again', async () => {
    host.slow = true;
    const service = await open(planOf({ ...frozen, freeze: { ...together, whenInterrupted: 'undo' } }));
    const id = await service.start('plan');
    await begun(1);
    host.disconnect();
    await rest(service, id);
    host.reconnect();
    host.slow = false;
    host.kill();
    expect((await service.examine(id)).examination).toMatchObject({ finding: 'unclear', choices: ['undo', 'forget'] });
    await expect(service.resolve(id, 'resume')).rejects.toMatchObject({ code: 'operationNotResolvable' });
    await service.resolve(id, 'undo');
    expect(await rest(service, id)).toMatchObject({ state: 'cancelled' });
    expect(host.runs).toEqual(['virsh freeze', 'virsh remove', 'virsh thaw']);
  });
});

describe('a step that can be ended', () => {
  test('is, and what its group has begun is taken back', async () => {
    host.slow = true;
    const service = await open(
      planOf({ copy: { ...together, cancellation: 'abort' }, thaw: { group: 'frozen', runs: 'always' }, after: {} }),
    );
    const id = await service.start('plan');
    await begun(1);
    host.slow = false;
    await service.cancel(id);
    const operation = await rest(service, id);
    expect(host.calls).toContain('abort');
    expect(operation).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
    expect(operation.error?.message).toContain('whose command was ended');
    expect(states(operation)).toEqual(['cancelled', 'done', 'skipped']);
    expect(host.runs).toEqual(['virsh copy', 'virsh thaw']);
  });

  test('counts as done where it was done before it could be ended', async () => {
    host.slow = true;
    const service = await open(planOf({ copy: { cancellation: 'abort' }, after: {} }));
    const id = await service.start('plan');
    await begun(1);
    host.addSnapshot('copy');
    const finish = host.finish.bind(host);
    host.finish = () => {
      finish(0);
    };
    await service.cancel(id);
    expect(states(await rest(service, id))).toEqual(['done', 'skipped']);
  });
});

describe('a cancel', () => {
  test('is refused where nothing is left that could be left out', async () => {
    host.slow = true;
    const service = await open(planOf({ only: {} }));
    const id = await service.start('plan');
    await begun(1);
    await expect(service.cancel(id)).rejects.toMatchObject({
      code: 'operationNotResolvable',
      message: expect.stringContaining('can no longer be stopped') as string,
    });
    host.finish();
    expect(await rest(service, id)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a step that may be run again', () => {
  test.each([
    ['redo', ['resume', 'forget'], ['virsh a', 'virsh a', 'virsh b']],
    ['examine', ['forget'], ['virsh a']],
  ] as const)('is resumed, and another is not: %s', async (whenInterrupted, choices, runs) => {
    host.slow = true;
    const service = await open(planOf({ a: { whenInterrupted }, b: {} }));
    const id = await service.start('plan');
    await begun(1);
    host.disconnect();
    await rest(service, id);
    host.reconnect();
    host.slow = false;
    host.kill();
    expect((await service.examine(id)).examination).toMatchObject({ finding: 'unclear', choices });
    const resumed = service.resolve(id, 'resume');
    if (whenInterrupted === 'redo') {
      await resumed;
      expect(await rest(service, id)).toMatchObject({ state: 'succeeded' });
    } else await expect(resumed).rejects.toMatchObject({ code: 'operationNotResolvable' });
    expect(host.runs).toEqual(runs);
  });
});
