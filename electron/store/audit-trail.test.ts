import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuditTrail, readAuditTrail } from './audit-trail.ts';
import type { AuditEntry } from './audit-trail.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-'));
  path = join(folder, 'data/audit.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const entry = (outcome: string): AuditEntry => ({
  at: '2026-11-20T22:00:00.000Z',
  event: 'stepEnded',
  user: 'ann',
  computer: 'desk',
  hostId: 'h',
  hostName: 'kvm1',
  vmUuid: 'v',
  vmName: 'web\n"x"',
  operationId: 'o',
  title: 'Create',
  stepIndex: 0,
  argv: ['virsh', '--name=a\nb'],
  exitCode: 0,
  output: 'ok\n',
  outcome,
});

describe('the audit trail', () => {
  test('keeps every entry, one a line, for its user only', async () => {
    const trail = createAuditTrail(path);
    await Promise.all(['a', 'b', 'c'].map((outcome) => trail.append(entry(outcome))));
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(4);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readAuditTrail(path)).toEqual({ entries: ['a', 'b', 'c'].map(entry), newerLines: 0, damagedLines: 0 });
  });

  test('goes on after a line that was cut off, which costs itself only', async () => {
    await createAuditTrail(path).append(entry('a'));
    await appendFile(path, '{"at":"2026');
    await createAuditTrail(path).append(entry('b'));
    expect(await readAuditTrail(path)).toEqual({ entries: [entry('a'), entry('b')], newerLines: 0, damagedLines: 1 });
  });

  test('is empty before the first entry, and an error where it cannot be written', async () => {
    expect(await readAuditTrail(path)).toEqual({ entries: [], newerLines: 0, damagedLines: 0 });
    await expect(createAuditTrail(folder).append(entry('a'))).rejects.toMatchObject({ code: 'storeUnusable' });
  });
});
