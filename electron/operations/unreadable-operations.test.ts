/** Operations whose journals cannot be used are shown, and never keep their VM locked for good. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import { FakeHost, hostId, planFor, vmUuid } from './fake-host.fixtures.ts';
import { openOperationService } from './operations.ts';
import type { OperationService } from './operations.ts';

const operationId = '00000000-0000-4000-8000-000000000001';
const otherHostId = '44444444-4444-4444-8444-444444444444';
const clock = () => 1_795_000_000;
const quiet = () => undefined;
let folder: string;
let host: FakeHost;
let isConnected: boolean;
let ids = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-unreadable-'));
  host = new FakeHost();
  isConnected = true;
  ids = 0;
});
afterEach(() => rm(folder, { recursive: true }));

function open(): Promise<OperationService> {
  const plan = planFor(host, ['a', 'b']);
  return openOperationService({
    plans: { get: () => plan, again: () => plan },
    runnerFor: () => {
      throw new Error('not used');
    },
    toolsFor(id) {
      if (!isConnected || ![hostId, otherHostId].includes(id)) throw new SnaptreeError('hostNotConnected', 'no');
      return id === hostId ? host.toolsFor() : new FakeHost().toolsFor();
    },
    readHost: host.readHost,
    isReadOnly: () => false,
    journalFolder: folder,
    auditTrail: { append: () => Promise.resolve() },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    clock,
    newId: () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`,
    startedBy: { user: 'ann', computer: 'desk' },
  });
}

const path = () => join(folder, `${operationId}.jsonl`);

/** An operation whose first step runs, and whose journal is then changed. Gives the service that finds it. */
async function found(change: (journal: string) => string, slow = false): Promise<OperationService> {
  const service = await open();
  host.slow = true;
  await service.start('plan');
  await vi.waitFor(() => {
    expect(host.runs).toHaveLength(1);
  });
  host.disconnect();
  await service.dispose();
  host.reconnect();
  if (!slow) host.finish();
  await writeFile(path(), change(await readFile(path(), 'utf8')));
  return open();
}

const damage = (journal: string) => journal.replace('/a.qcow2', '/b.qcow2').replace('Create a', 'Create x');
const makeNewer = (journal: string) => journal.replace('"version":2', '"version":3').replaceAll('"index"', '"place"');

describe.each([
  ['damaged', damage, 'Create x and b'],
  ['of a newer Snaptree', makeNewer, 'Create a and b'],
])('an operation whose journal is %s', (_, change, title) => {
  test('is shown with what is known, and forgetting it unlocks its VM', async () => {
    const service = await found(change);
    const written = await readFile(path());
    expect(service.list()).toEqual([]);
    expect(service.listUnreadable()).toMatchObject([
      { id: operationId, hostId, hostName: 'kvm1', vmUuid, vmName: 'web', title, startedAt: clock(), state: 'open' },
    ]);
    const seen = vi.fn();
    service.onUnreadableChange(seen);
    // Nothing is done for it by itself.
    service.hostConnected(hostId);
    expect(host.locks.size).toBe(1);
    await expect(service.resolve(operationId, 'resume')).rejects.toMatchObject({ code: 'operationNotFound' });
    await service.resolve(operationId, 'forget');
    expect(seen).toHaveBeenCalledOnce();
    expect(service.listUnreadable()).toMatchObject([{ state: 'ended' }]);
    expect([...host.locks.keys(), ...host.folders.keys()]).toEqual([]);
    expect(host.runs).toEqual(['virsh a']);
    const [kept = ''] = (await readdir(folder)).filter((name) => name.includes('.jsonl'));
    expect(await readFile(join(folder, kept))).toEqual(written);
    const next = await open();
    expect(next.notices).toEqual([]);
    expect(next.listUnreadable().map(({ state }) => state)).toEqual(kept.includes('corrupt') ? [] : ['ended']);
  });

  test('is not forgotten while its step runs', async () => {
    const service = await found(change, true);
    await expect(service.resolve(operationId, 'forget')).rejects.toMatchObject({ code: 'operationNotResolvable' });
    expect(host.locks.size).toBe(1);
    expect(service.listUnreadable()).toMatchObject([{ state: 'open' }]);
  });

  test('is forgotten without its host, which is unlocked when it is connected, also by the next Snaptree', async () => {
    const service = await found(change);
    isConnected = false;
    await service.resolve(operationId, 'forget');
    expect(service.listUnreadable()).toMatchObject([{ state: 'forgotten' }]);
    await expect(service.resolve(operationId, 'forget')).rejects.toMatchObject({ code: 'operationNotResolvable' });
    expect(host.locks.size).toBe(1);
    const next = await open();
    expect(next.listUnreadable()).toMatchObject([{ state: 'forgotten' }]);
    isConnected = true;
    next.hostConnected(hostId);
    await vi.waitFor(() => {
      expect(next.listUnreadable()).toMatchObject([{ state: 'ended' }]);
    });
    expect(host.locks.size).toBe(0);
  });

  test('says whose the lock is, where the next operation meets it', async () => {
    const service = await found(change);
    await expect(service.start('plan')).rejects.toMatchObject({
      code: 'vmLocked',
      message: expect.stringContaining('list of operations here') as string,
    });
    expect(host.locks.get(vmUuid)?.operationId).toBe(operationId);
  });
});

test('an operation of which not even the host is known is looked for on every host that is connected', async () => {
  const service = await found(() => 'rubbish\n');
  expect(service.listUnreadable()).toMatchObject([{ hostId: null, vmName: null, title: null, state: 'open' }]);
  await service.resolve(operationId, 'forget');
  service.hostConnected(otherHostId);
  service.hostConnected(hostId);
  await vi.waitFor(() => {
    expect(service.listUnreadable()).toMatchObject([{ state: 'ended' }]);
  });
  expect(host.locks.size).toBe(0);
});

test('what an older Snaptree forgot is forgotten for the newer one that can use the journal', async () => {
  let journal = '';
  const older = await found((text) => {
    journal = text;
    return makeNewer(text);
  });
  await older.resolve(operationId, 'forget');
  expect(host.locks.size).toBe(0);
  await writeFile(path(), journal);
  const newer = await open();
  expect(newer.list()).toMatchObject([{ id: operationId, state: 'forgotten' }]);
  expect(newer.listUnreadable()).toEqual([]);
});
