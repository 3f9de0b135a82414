/**
 * Whatever storage makes of a journal, nothing is run but what its user reviewed, and no VM stays locked for good. The
 * plans are those of the libvirt driver; the host is in memory.
 */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Plan } from '../../shared/model/plan.ts';
import { isUnderWay } from '../../shared/rules/operations/operation-life.ts';
import { parseJournal, recordLine } from '../store/journal-records.ts';
import { hostId, jobName, vmUuid } from './fake-host.fixtures.ts';
import { LibvirtHost, planOn, planServiceFor } from './libvirt-host.fixtures.ts';
import { openOperationService } from './operations.ts';
import type { OperationService } from './operations.ts';

const operationId = '00000000-0000-4000-8000-000000000002';
const clock = () => 1_795_000_000;
const quiet = () => undefined;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-integrity-'));
});
afterAll(() => rm(folder, { recursive: true }));

function open(host: LibvirtHost, journalFolder: string, plan: Plan | null = null): Promise<OperationService> {
  const plans = planServiceFor(host, clock, () => operationId);
  return openOperationService({
    plans: {
      get() {
        if (!plan) throw new Error('nothing is started');
        return plan;
      },
      again: (same, inventory, done) => plans.again(same, inventory, done),
    },
    runnerFor: () => {
      throw new Error('not used');
    },
    toolsFor: host.toolsFor,
    readHost: host.readHost,
    isReadOnly: () => false,
    journalFolder,
    auditTrail: { append: () => Promise.resolve() },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    clock,
    newId: () => operationId,
    startedBy: { user: 'ann', computer: 'desk' },
  });
}

/** An operation of three steps, cut off after its first; `afresh` gives the host as it is then. */
async function cutOff(): Promise<{ journal: Buffer; rest: string[]; afresh: () => LibvirtHost }> {
  const host = new LibvirtHost();
  const plan = await planOn(host, 'delete-subtree');
  const journalFolder = await mkdtemp(join(folder, 'original-'));
  const service = await open(host, journalFolder, plan);
  host.slow = true;
  await service.start(plan.id);
  await vi.waitFor(() => {
    expect(host.runs).toHaveLength(1);
  });
  host.disconnect();
  await rest(service);
  host.reconnect();
  host.finish();
  await service.examine(operationId);
  expect(service.list()).toMatchObject([{ state: 'interrupted', examination: { choices: ['resume', 'forget'] } }]);
  await service.dispose();
  const [lock] = host.locks.values();
  return {
    journal: await readFile(join(journalFolder, `${operationId}.jsonl`)),
    rest: plan.steps.slice(1).map(({ argv }) => argv.join(' ')),
    afresh() {
      const again = new LibvirtHost();
      again.effect(plan.steps[0]?.argv ?? []);
      if (lock) again.locks.set(vmUuid, lock);
      const done = { argv: [], status: { state: 'exited' as const, exitCode: 0, stdout: '', stderr: '' } };
      again.folders.set(`/state/${operationId}`, new Map([[jobName(0), done]]));
      return again;
    },
  };
}

function rest(service: OperationService): Promise<void> {
  return vi.waitFor(
    () => {
      expect(service.list().some(isUnderWay)).toBe(false);
    },
    { interval: 2 },
  );
}

/** Does with a journal all that can be done with it: what it runs, and whether the VM is unlocked in the end. */
async function useUp(journal: Buffer, host: LibvirtHost): Promise<{ runs: readonly string[]; locks: number }> {
  const journalFolder = await mkdtemp(join(folder, 'changed-'));
  await writeFile(join(journalFolder, `${operationId}.jsonl`), journal);
  const service = await open(host, journalFolder);
  service.hostConnected(hostId);
  for (const { id } of service.list()) {
    await service.examine(id).catch(quiet);
    await service.resolve(id, 'resume').catch(quiet);
    await rest(service);
    await service.resolve(id, 'forget').catch(quiet);
  }
  for (const { id, state } of service.listUnreadable()) if (state === 'open') await service.resolve(id, 'forget');
  service.hostConnected(hostId);
  await service.cleanedUp();
  await service.dispose();
  // A Snaptree that crashed may still write its last record there.
  await rm(journalFolder, { recursive: true, maxRetries: 5 });
  return { runs: host.runs, locks: host.locks.size };
}

// Each writes and reads some hundreds of files: seconds on a machine that has other work.
describe('the journal of an operation that was cut off', { timeout: 120_000 }, () => {
  test('as it is, runs the rest of what was reviewed', async () => {
    const { journal, rest: reviewed, afresh } = await cutOff();
    expect(await useUp(journal, afresh())).toEqual({ runs: reviewed, locks: 0 });
  });

  test('with any one bit changed runs nothing but that, and its VM is unlocked', async () => {
    const { journal, rest: reviewed, afresh } = await cutOff();
    await fc.assert(
      fc.asyncProperty(fc.nat(journal.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(journal);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const { runs, locks } = await useUp(changed, afresh());
        expect(runs).toEqual(reviewed.slice(0, runs.length));
        expect(locks).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  test('cut at any byte runs nothing but that, and its VM is unlocked', async () => {
    const { journal, rest: reviewed, afresh } = await cutOff();
    await fc.assert(
      fc.asyncProperty(fc.nat(journal.length - 1), async (length) => {
        const { runs, locks } = await useUp(journal.subarray(0, length), afresh());
        expect(runs).toEqual(reviewed.slice(0, runs.length));
        expect(locks).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('with records left out or moved runs nothing, and its VM is unlocked', async () => {
    const { journal, afresh } = await cutOff();
    const lines = journal.toString('utf8').split('\n').slice(0, -1);
    for (let at = 0; at < lines.length; at += 1) {
      const without = lines.filter((_, index) => index !== at);
      const moved = [...without.slice(0, at + 1), lines[at] ?? '', ...without.slice(at + 1)];
      for (const changed of at < lines.length - 1 ? [without, moved] : [moved.toReversed()]) {
        const { runs, locks } = await useUp(Buffer.from(`${changed.join('\n')}\n`), afresh());
        expect({ at, runs, locks }).toEqual({ at, runs: [], locks: 0 });
      }
    }
  });

  test('of the first version, which has no checksums, with any one bit changed runs nothing but that', async () => {
    const { rest: reviewed, afresh } = await cutOff();
    const corpus = new URL('../store/corpus/1/journal/', import.meta.url);
    const names = (await readdir(corpus)).filter((name) =>
      /^delete-subtree\..*(examined|stepStarting|interrupted)/.test(name),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.nat(1_000_000), async (name, place) => {
        const changed = await readFile(new URL(name, corpus));
        const bit = place % (changed.length * 8);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const host = afresh();
        const [lock] = host.locks.values();
        if (lock) host.locks.set(vmUuid, { ...lock, operationId });
        const { runs, locks } = await useUp(changed, host);
        expect(runs).toEqual(reviewed.slice(0, runs.length));
        expect(locks).toBe(0);
      }),
      // The number of a step.
      { numRuns: 150, examples: [['delete-subtree.04-interrupted.jsonl', 423_105]] },
    );
  });

  test('is not taken for one with a bit of a finished line changed', async () => {
    const { journal } = await cutOff();
    const whole = parseJournal(journal.toString('utf8'), operationId);
    if (whole.kind !== 'records') throw new Error(whole.kind);
    // The last newline is what makes the last line count: without it the line was not written to its end.
    for (let bit = 0; bit < (journal.length - 1) * 8; bit += 13) {
      journal[bit >> 3] = (journal[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(parseJournal(journal.toString('utf8'), operationId).kind).not.toBe('records');
      journal[bit >> 3] = (journal[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
  });

  test('is refused where the disk changed what would be run, also where every checksum fits', async () => {
    const { journal, afresh } = await cutOff();
    const parsed = parseJournal(journal.toString('utf8'), operationId);
    if (parsed.kind !== 'records') throw new Error(parsed.kind);
    let checksum: string | null = null;
    const text = parsed.records
      .map((record) => {
        const changed = JSON.parse(
          JSON.stringify(record).replaceAll('--snapshotname=before the update', '--snapshotname=base state'),
        ) as typeof record;
        const { line, checksum: next } = recordLine(changed, operationId, checksum);
        checksum = next;
        return line;
      })
      .join('');
    expect(await useUp(Buffer.from(text), afresh())).toEqual({ runs: [], locks: 0 });
  });
});
