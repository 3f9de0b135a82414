import { appendFile, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHost, hostId, planFor, vmUuid } from '../operations/fake-host.fixtures.ts';
import { newJournal, readJournals } from './journal.ts';
import { journalVersion } from './journal-records.ts';
import type { JournalEntry } from './journal-records.ts';

const id = '00000000-0000-4000-8000-000000000001';
const otherId = '00000000-0000-4000-8000-000000000002';
const clock = () => Date.UTC(2026, 10, 20, 22) / 1000;
let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'snaptree-')), 'journal');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

const started = (operationId: string): JournalEntry => ({
  type: 'started',
  version: journalVersion,
  operationId,
  plan: planFor(new FakeHost(), ['a']),
  startedBy: { user: 'ann', computer: 'desk' },
});
const read = (check = () => undefined) => readJournals(folder, clock, check);
const path = (operationId = id) => join(folder, `${operationId}.jsonl`);

async function written(operationId = id): Promise<void> {
  const journal = newJournal(folder, operationId, clock);
  await Promise.all([journal.append(started(operationId)), journal.append({ type: 'accepted', jobFolder: '/jobs' })]);
}

describe('a journal', () => {
  test('gives back what was written, in order, and takes more', async () => {
    await written();
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    const { journals, notices } = await read();
    expect(notices).toEqual([]);
    expect(journals).toMatchObject([{ operationId: id, records: [{ sequence: 0 }, { sequence: 1, at: clock() }] }]);
    await journals[0]?.file.append({ type: 'cancelRequested' });
    const again = await read();
    expect(again.journals[0]?.records.map(({ entry }) => entry.type)).toEqual([
      'started',
      'accepted',
      'cancelRequested',
    ]);
  });

  test('is empty where there is none yet', async () => {
    expect(await read()).toEqual({ journals: [], unreadable: [], notices: [] });
  });

  test.each(['{"sequence":2,"at":1,"en', '\0\0\0\0'])(
    'loses only a last line that was cut off, and says so: %j',
    async (torn) => {
      await written();
      await appendFile(path(), torn);
      const { journals, notices } = await read();
      expect(journals[0]?.records).toHaveLength(2);
      expect(notices).toMatchObject([{ severity: 'warning', message: expect.stringContaining(path()) as string }]);
      // What comes next takes its place.
      await journals[0]?.file.append({ type: 'cancelRequested' });
      expect((await read()).notices).toEqual([]);
      expect((await read()).journals[0]?.records).toHaveLength(3);
    },
  );

  test.each<[string, (text: string) => string]>([
    ['a line that is no JSON', (text) => text.replace('\n', '\ngarbage\n')],
    ['a line that is no record', (text) => `${text}{"sequence":2,"at":1,"entry":{"type":"exploded"}}\n`],
    ['a line twice', (text) => text + (text.split('\n')[1] ?? '') + '\n'],
    ['a line less', (text) => text.split('\n').slice(1).join('\n')],
    ['another operation', (text) => text.replace(id, otherId)],
    ['nothing', () => ''],
    ['only the beginning of a record', (text) => text.slice(0, 20)],
    ['bytes that are no text', () => '\xff\xfe\n'],
    ['a byte that was changed', (text) => text.replace('Create a', 'Create b')],
    ['two lines that changed places', (text) => text.split('\n').toReversed().join('\n').trimStart() + '\n'],
  ])('that holds %s is left as it is, said, and costs itself only', async (_, damage) => {
    await written(otherId);
    await written();
    const damaged = damage(await readFile(path(), 'utf8'));
    await writeFile(path(), damaged, 'latin1');
    const { journals, unreadable, notices } = await read();
    expect(journals.map(({ operationId }) => operationId)).toEqual([otherId]);
    expect(unreadable).toMatchObject([{ operationId: id, kind: 'damaged', forgotten: false, cleanedUp: false }]);
    expect(notices).toMatchObject([{ severity: 'error', message: expect.stringContaining(path()) as string }]);
    expect(await readFile(path(), 'latin1')).toBe(damaged);
    // It is put away only when its operation is let be, and its host has nothing of it any more.
    await unreadable[0]?.forget();
    expect(await read()).toMatchObject({ unreadable: [{ forgotten: true, cleanedUp: false }], notices: [] });
    await unreadable[0]?.putAway();
    const kept = `${id}.jsonl.corrupt-20261120T220000Z`;
    expect(await readFile(join(folder, kept), 'latin1')).toBe(damaged);
    expect((await readdir(folder)).sort()).toEqual([kept, `${otherId}.jsonl`]);
    expect(await read()).toMatchObject({ unreadable: [], notices: [] });
  });

  test('that is no operation is unreadable as well', async () => {
    await written();
    const { notices, unreadable } = await read(() => {
      throw new Error('impossible order');
    });
    expect(notices[0]?.message).toContain('impossible order');
    expect(unreadable).toMatchObject([{ known: { hostName: 'kvm1', vmName: 'web', title: 'Create a' } }]);
  });

  test('of a newer Snaptree is shown by what stays where it is, and never written to', async () => {
    await written();
    const future = (await readFile(path(), 'utf8'))
      .replaceAll('"version":2', '"version":7')
      .replaceAll('startedBy', 'by');
    await writeFile(path(), future);
    const { journals, unreadable, notices } = await read();
    expect(journals).toEqual([]);
    const known = { hostId, hostName: 'kvm1', vmUuid, vmName: 'web', title: 'Create a', startedAt: clock() };
    expect(unreadable).toMatchObject([{ kind: 'newer', known: { ...known, jobFolder: '/jobs', cleanedUp: false } }]);
    expect(notices[0]?.message).toContain('version 7');
    await unreadable[0]?.forget();
    await unreadable[0]?.putAway();
    expect(await readFile(path(), 'utf8')).toBe(future);
    expect(await read()).toMatchObject({ unreadable: [{ forgotten: true, cleanedUp: true }], notices: [] });
  });

  test('tells what can be told though its first line is no JSON any more', async () => {
    await written();
    await writeFile(path(), (await readFile(path(), 'utf8')).replace('"entry"', '?entry"'));
    const { unreadable } = await read();
    expect(unreadable).toMatchObject([
      { known: { hostId, hostName: 'kvm1', vmUuid, vmName: 'web', title: 'Create a' } },
    ]);
  });

  test('that cannot be read is left where it is, and said', async () => {
    await mkdir(path(), { recursive: true });
    await written(otherId);
    const { journals, unreadable, notices } = await read();
    expect(journals).toHaveLength(1);
    expect(unreadable).toMatchObject([{ operationId: id, kind: 'damaged', known: { hostId: null } }]);
    expect(notices).toMatchObject([{ severity: 'error', message: expect.stringContaining(path()) as string }]);
    expect(await readdir(folder)).toHaveLength(2);
  });

  test('of which a torn last line is longer than the next record is whole again with that record', async () => {
    await written();
    await appendFile(
      path(),
      `{"sequence":2,"at":1,"entry":{"type":"interrupted","error":{"message":"${'x'.repeat(5000)}`,
    );
    const { journals } = await read();
    await journals[0]?.file.append({ type: 'cancelRequested' });
    const again = await read();
    expect(again).toMatchObject({ unreadable: [], notices: [] });
    expect(again.journals[0]?.records.map(({ entry }) => entry.type)).toEqual([
      'started',
      'accepted',
      'cancelRequested',
    ]);
  });

  test('that cannot be written is an error, and as before when it can be again', async () => {
    const journal = newJournal(folder, id, clock);
    await journal.append(started(id));
    await rename(path(), `${path()}.kept`);
    await mkdir(path());
    await expect(journal.append({ type: 'cancelRequested' })).rejects.toMatchObject({ code: 'storeUnusable' });
    await rm(path(), { recursive: true });
    await rename(`${path()}.kept`, path());
    // As if the write had got half way.
    await appendFile(path(), '{"seq');
    await journal.append({ type: 'accepted', jobFolder: '/jobs' });
    const { journals, notices } = await read();
    expect(notices).toEqual([]);
    expect(journals[0]?.records.map(({ sequence, entry }) => [sequence, entry.type])).toEqual([
      [0, 'started'],
      [1, 'accepted'],
    ]);
  });

  test('can be removed', async () => {
    const journal = newJournal(folder, id, clock);
    await journal.append(started(id));
    await journal.remove();
    expect(await readdir(folder)).toEqual([]);
  });
});
