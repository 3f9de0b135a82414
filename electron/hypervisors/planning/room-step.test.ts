import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlanRoom } from '../../../shared/model/plan.ts';
import { roomIsStillThere, roomIsThere } from './room-step.ts';

const GiB = 1024 ** 3;
const room = (parts: Partial<PlanRoom> = {}): PlanRoom => ({
  folders: ['/srv'],
  likelyBytes: GiB,
  atMostBytes: 2 * GiB,
  guestBytes: 9 * GiB,
  freeBytes: 3 * GiB,
  ...parts,
});
const words = (...rooms: PlanRoom[]) => roomIsThere(rooms, [])[0]?.argv.slice(4) ?? [];
const kibibytes = (bytes: number) => String(bytes / 1024);

describe('what must be there', () => {
  it.each([
    ['all that may be needed, without what the guest writes', {}, kibibytes(2 * GiB), 'surely'],
    ['what is likely, where no more was there', { freeBytes: 2 * GiB - 1 }, kibibytes(GiB), 'surely'],
    ['what is likely, where nobody knows what is there', { freeBytes: null }, kibibytes(GiB), 'maybe'],
    ['all, where nobody knows either', { freeBytes: null, likelyBytes: null }, kibibytes(2 * GiB), 'maybe'],
  ])('is %s', (_, parts, ...expected) => {
    expect(words(room(parts))).toEqual(['/srv', ...expected]);
  });

  it('is nothing where nothing is needed, or the plan has said that it is too little', () => {
    expect(words(room({ likelyBytes: 0, atMostBytes: 0 }), room({ freeBytes: GiB - 1 }))).toEqual([]);
  });

  it('is asked for on every file system', () => {
    expect(words(room(), room({ folders: ['/mnt/a', '/mnt/b'], atMostBytes: GiB }))).toEqual([
      ...['/srv', kibibytes(2 * GiB), 'surely'],
      ...['/mnt/a', kibibytes(GiB), 'surely'],
    ]);
  });
});

describe('what must be there before one merge of several', () => {
  const mine = room({ likelyBytes: GiB / 4, atMostBytes: GiB / 2 });
  const needed = (whole: PlanRoom) => roomIsStillThere({ ...mine, freeBytes: whole.freeBytes }, [whole]).argv.slice(4);

  it.each([
    ['all that it may need, where the room of all merges was there', {}, GiB / 2],
    // Those before it may use as much of that as they like.
    ['what it likely needs, where only so much was there for all', { freeBytes: 2 * GiB - 1 }, GiB / 4],
    ['nothing where too little was there, but it is looked for', { freeBytes: GiB - 1 }, 0],
  ])('is %s', (_, parts, bytes) => {
    expect(needed(room(parts))).toEqual(['/srv', kibibytes(bytes), 'maybe']);
  });
});

describe('the check on a host', () => {
  let folder: string;
  let free: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "snaptree room's "));
    mkdirSync(join(folder, 'inner'));
    const { bavail, bsize } = statfsSync(folder);
    free = bavail * bsize;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const check = (...rooms: PlanRoom[]) => {
    const [program = '', ...rest] = roomIsThere(rooms, [])[0]?.argv ?? [];
    return spawnSync(program, rest, { encoding: 'utf8' });
  };
  const part = (share: number, name = '') =>
    room({ folders: [join(folder, name)], likelyBytes: 0, atMostBytes: Math.round(free * share), freeBytes: free * 9 });

  it('passes where there is enough, and says where there is not', () => {
    expect(check(part(0.5))).toMatchObject({ status: 0, stdout: '', stderr: '' });
    const { status, stderr } = check(part(1.5));
    expect(status).toBe(1);
    expect(stderr).toContain(`${folder} has only`);
  });

  it('counts folders together that are on one file system', () => {
    expect(check(part(0.6), part(0.2, 'inner'))).toMatchObject({ status: 0 });
    expect(check(part(0.6), part(0.6, 'inner'))).toMatchObject({ status: 1 });
  });

  it('fails where a folder cannot be looked into whose room was known, and only then', () => {
    const gone = part(0.1, 'gone');
    expect(check(gone)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('cannot be read any more') as string,
    });
    expect(check({ ...gone, freeBytes: null, likelyBytes: 1024 })).toMatchObject({ status: 0 });
  });
});
