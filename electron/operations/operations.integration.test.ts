/** The crash test of operations.test.ts once more, with real scripts in a real shell and a folder as the VM. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { Plan } from '../../shared/model/plan.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import { draftAgain, FakeHost, hostId, planFor, step } from './fake-host.fixtures.ts';
import { createShellHost } from './host.fixtures.ts';
import type { ShellHost } from './host.fixtures.ts';
import { openOperationService } from './operations.ts';
import type { OperationService } from './operations.ts';

interface Cut {
  readonly at: number;
  readonly when: 'before' | 'after';
}

const names = ['a', 'b'];
let host: ShellHost;
let vmFolder: string;
let journalFolder: string;
let cut: Cut | null;
let connected: boolean;
let scripts: number;
let ids = 0;

beforeEach(async () => {
  host = await createShellHost();
  vmFolder = join(host.folder, 'vm');
  await mkdir(vmFolder);
  journalFolder = await mkdtemp(join(tmpdir(), 'snaptree-journal-'));
  cut = null;
  connected = true;
  scripts = 0;
});
afterEach(async () => {
  await host.remove();
  await rm(journalFolder, { recursive: true });
});

/** A runner whose connection is cut before or after one script. */
const runner: CommandRunner = {
  hostName: 'kvm1',
  run: () => Promise.reject(new Error('not used')),
  follow: () => Promise.reject(new Error('not used')),
  async runScript(script) {
    const number = scripts++;
    const meet = (when: Cut['when']) => {
      if (cut?.at === number && cut.when === when) connected = false;
      if (!connected) throw new SnaptreeError('connectionLost', 'The connection to kvm1 was lost.');
    };
    meet('before');
    const result = await host.runner.runScript(script);
    meet('after');
    return result;
  },
};

async function readHost() {
  if (!connected) throw new SnaptreeError('connectionLost', 'The connection to kvm1 was lost.');
  const model = new FakeHost();
  for (const name of (await readdir(vmFolder)).sort()) if (name !== 'log') model.addSnapshot(name);
  return { inventory: model.inventory };
}

function makePlan(): Plan {
  return planFor(new FakeHost(), names, {
    steps: names.map((name, index) => ({
      ...step(name),
      index,
      argv: ['sh', '-c', 'echo "$2" >>"$1/log" && : >"$1/$2" && echo "made $2"', 'sh', vmFolder, name],
    })),
  });
}

function open(plan: Plan): Promise<OperationService> {
  const quiet = () => undefined;
  return openOperationService({
    plans: { get: () => plan, again: (_same, inventory) => draftAgain(plan, inventory) },
    runnerFor: () => runner,
    readHost,
    isReadOnly: () => false,
    journalFolder,
    auditTrail: { append: () => Promise.resolve() },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    clock: () => Date.now() / 1000,
    newId: () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`,
    startedBy: { user: 'ann', computer: 'desk' },
    lockFolder: host.lockFolder,
  });
}

const resting = ({ state }: Operation) => !['preparing', 'running', 'verifying'].includes(state);

function rest(service: OperationService): Promise<void> {
  return vi.waitFor(
    () => {
      expect(service.list().every(resting)).toBe(true);
    },
    { timeout: 20_000 },
  );
}

const ranSteps = async () => (await readFile(join(vmFolder, 'log'), 'utf8').catch(() => '')).split('\n').slice(0, -1);
const nothingLeft = () =>
  vi.waitFor(async () => {
    expect((await readdir(host.lockFolder)).filter((name) => name.includes('lock'))).toEqual([]);
    expect(await readdir(join(host.folder, '.local/state/snaptree/operations')).catch(() => [])).toEqual([]);
  });

describe('an operation on a real shell', () => {
  test('runs, and leaves nothing on the host but its work', async () => {
    const service = await open(makePlan());
    await service.start('plan');
    await rest(service);
    expect(service.list()).toMatchObject([
      {
        state: 'succeeded',
        steps: [
          { state: 'done', output: 'made a\n' },
          { state: 'done', output: 'made b\n' },
        ],
      },
    ]);
    expect(await ranSteps()).toEqual(names);
    await nothingLeft();
    // lock, folder, two steps, tidying up
    expect(scripts).toBe(5);
  });

  const cuts = [0, 1, 2, 3, 4].flatMap((at): Cut[] => [
    { at, when: 'before' },
    { at, when: 'after' },
  ]);
  test.each(cuts.flatMap((place) => [false, true].map((restart) => ({ ...place, restart }))))(
    'cut off $when script $at reaches a true end (Snaptree started again: $restart)',
    async ({ at, when, restart }) => {
      const plan = makePlan();
      let service = await open(plan);
      cut = { at, when };
      const id = await service.start('plan').catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'connectionLost' });
        return null;
      });
      await rest(service);
      if (restart) {
        await service.dispose();
        service = await open(plan);
      }
      cut = null;
      connected = true;
      service.hostConnected(hostId);
      if (id === null) {
        expect(await ranSteps()).toEqual([]);
      } else {
        const examined = await service.examine(id);
        await rest(service);
        if (examined.state === 'interrupted') {
          const done = examined.steps.filter(({ state }) => state === 'done');
          expect(done).toHaveLength((await ranSteps()).length);
          await service.resolve(id, 'resume');
          await rest(service);
        }
        expect(service.list()).toMatchObject([{ id, state: 'succeeded' }]);
        expect(await ranSteps()).toEqual(names);
      }
      if (scripts > 1) await nothingLeft();
      await service.dispose();
    },
  );

  test('is refused while another Snaptree is at the same VM', async () => {
    const lock = join(host.lockFolder, 'snaptree-11111111-1111-4111-8111-111111111111.lock');
    await writeFile(lock, JSON.stringify({ operationId: 'x', user: 'bob', computer: 'b', startedAt: 1, title: 't' }));
    const service = await open(makePlan());
    await expect(service.start('plan')).rejects.toMatchObject({ code: 'vmLocked', data: { user: 'bob', path: lock } });
    expect(await ranSteps()).toEqual([]);
    expect(await readFile(lock, 'utf8')).toContain('bob');
  });
});
