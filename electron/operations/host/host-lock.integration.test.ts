import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cleanUpOperation } from './host-job.ts';
import { acquireLock, lockPath, takeLockOver, vmLockedError } from './host-lock.ts';
import type { LockOwner } from './host-lock.ts';
import { createShellHost } from '../host.fixtures.ts';
import type { ShellHost } from '../host.fixtures.ts';

const vmUuid = '11111111-1111-4111-8111-111111111111';
const owner = (operationId: string): LockOwner => ({
  operationId,
  user: "o'brien",
  computer: 'desk "1"; $(reboot)',
  startedAt: 1_795_000_000,
  title: 'Create\nsnapshot `x`',
});
let host: ShellHost;
let path: string;

beforeEach(async () => {
  host = await createShellHost();
  path = lockPath({ vmUuid, folder: host.lockFolder });
});
afterEach(() => host.remove());

const acquire = (operationId: string) =>
  acquireLock(host.runner, { vmUuid, folder: host.lockFolder, owner: owner(operationId) });
const release = (operationId: string) =>
  cleanUpOperation(host.runner, { operationId, jobFolder: null, lockFolder: host.lockFolder });

describe('the lock of a VM', () => {
  test('names its owner, for everybody to read', async () => {
    expect(await acquire('one')).toEqual({ acquired: true });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(owner('one'));
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect(await acquire('two')).toEqual({ acquired: false, path, owner: owner('one') });
  });

  test('may be taken again by the operation that holds it', async () => {
    expect(await acquire('one')).toEqual({ acquired: true });
    expect(await acquire('one')).toEqual({ acquired: true });
  });

  test('is released by its owner only', async () => {
    await acquire('one');
    await release('two');
    await release('on');
    expect(await acquire('two')).toMatchObject({ acquired: false });
    await release('one');
    await release('one');
    expect(await acquire('two')).toEqual({ acquired: true });
  });

  test('is found by whose it is, whatever the journal says of the VM', async () => {
    await acquire('one');
    const other = '22222222-1111-4111-8111-111111111111';
    await acquireLock(host.runner, { vmUuid: other, folder: host.lockFolder, owner: owner('two') });
    expect(await release('one')).toBe('cleaned');
    expect(await readdir(host.lockFolder)).toEqual([`snaptree-${other}.lock`]);
    expect(await release('one')).toBe('nothingThere');
  });

  test('goes to exactly one of many who want it at once', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `operation-${index}`);
    const results = await Promise.all(names.map(acquire));
    const winners = names.filter((_, index) => results[index]?.acquired);
    expect(winners).toHaveLength(1);
    for (const result of results) {
      if (!result.acquired) expect(result.owner?.operationId).toBe(winners[0]);
    }
    // No draft is left behind.
    expect(await readdir(host.lockFolder)).toEqual([`snaptree-${vmUuid}.lock`]);
  });

  test('is held by whatever is in its place, and that is neither followed nor removed', async () => {
    await symlink('/nowhere', path);
    expect(await acquire('one')).toEqual({ acquired: false, path, owner: null });
    await release('one');
    expect(await readdir(host.lockFolder)).toHaveLength(1);
  });

  test('is held by a folder, and no lock is made in it', async () => {
    await mkdir(path);
    expect(await acquire('one')).toEqual({ acquired: false, path, owner: null });
    expect(await readdir(path)).toEqual([]);
  });

  test('is held even where it does not say by whom', async () => {
    await writeFile(path, 'garbage');
    expect(await acquire('one')).toEqual({ acquired: false, path, owner: null });
  });

  test('is an error where it cannot be made', async () => {
    const target = { vmUuid, folder: `${host.folder}/missing`, owner: owner('one') };
    await expect(acquireLock(host.runner, target)).rejects.toMatchObject({ code: 'commandFailed' });
  });

  test.each(['', '../../etc/x', 'a b', '11111111/1111', 'x'.repeat(36)])('is not made for %j', async (uuid) => {
    await expect(
      acquireLock(host.runner, { vmUuid: uuid, folder: host.lockFolder, owner: owner('one') }),
    ).rejects.toMatchObject({ code: 'invalidRequest' });
  });

  test('is taken over only from whom it is said to be, and by one of many', async () => {
    await acquire('gone');
    const take = (operationId: string, from: string) =>
      takeLockOver(host.runner, { vmUuid, folder: host.lockFolder, owner: owner(operationId), from });
    expect(await take('two', 'somebody')).toEqual({ acquired: false, path, owner: owner('gone') });
    const names = ['a', 'b', 'c', 'd'];
    const results = await Promise.all(names.map((name) => take(name, 'gone')));
    expect(results.filter(({ acquired }) => acquired)).toHaveLength(1);
    expect(await readdir(host.lockFolder)).toEqual([`snaptree-${vmUuid}.lock`]);
    await release(names[results.findIndex(({ acquired }) => acquired)] ?? '');
    expect(await acquire('two')).toEqual({ acquired: true });
  });

  test('is explained to whom it stops', async () => {
    await acquire('one');
    const result = await acquire('two');
    if (result.acquired) throw new Error('acquired');
    const error = vmLockedError(
      { hostName: 'kvm1', vmName: 'web' },
      { ...result, isOurs: false, now: owner('one').startedAt + 90_000 },
    );
    expect(error.code).toBe('vmLocked');
    for (const part of [
      'web',
      'kvm1',
      "o'brien",
      'desk',
      'Create[newline]snapshot',
      '2026-11-',
      'for 25 h 00 min',
      'can be taken over',
    ]) {
      expect(error.message).toContain(part);
    }
    expect(error.message).not.toContain('\n');
  });
});
