import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireInstanceLock, instanceLockHolder } from './instance-lock.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-lock-'));
  path = join(folder, 'data', 'instance.lock');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const program = `
  import { acquireInstanceLock } from ${JSON.stringify(new URL('instance-lock.ts', import.meta.url).href)};
  await acquireInstanceLock(process.argv[1]);
  console.log('locked');
  setInterval(() => undefined, 1000);
`;

describe('the instance lock', () => {
  it('is held until it is released', async () => {
    const lock = await acquireInstanceLock(path);
    await expect(acquireInstanceLock(path)).rejects.toMatchObject({
      code: 'storeInUse',
      data: { pid: String(process.pid) },
    });
    expect(instanceLockHolder(path)).toBe(process.pid);
    lock.release();
    expect(instanceLockHolder(path)).toBeNull();
    expect(existsSync(path)).toBe(false);
    (await acquireInstanceLock(path)).release();
    expect(readdirSync(join(folder, 'data'))).toEqual([]);
  });

  it('is not released by one who no longer has it', async () => {
    const old = await acquireInstanceLock(path);
    rmSync(path);
    const lock = await acquireInstanceLock(path);
    old.release();
    expect(existsSync(path)).toBe(true);
    lock.release();
  });

  it('keeps another process out while it lives, and is taken over when it was killed', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await expect(acquireInstanceLock(path)).rejects.toMatchObject({ data: { pid: String(child.pid) } });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await acquireInstanceLock(path);
    lock.release();
    expect(readdirSync(join(folder, 'data'))).toEqual([]);
  });

  it('is taken over from a process whose id belongs to another now, and from a damaged file', async () => {
    (await acquireInstanceLock(path)).release();
    const gone = spawnSync('true').pid;
    for (const text of [
      JSON.stringify({ pid: process.pid, started: 'another boot:1' }),
      JSON.stringify({ pid: gone, started: null }),
      '',
      'nonsense',
      '{"pid":-1}',
    ]) {
      writeFileSync(path, text);
      (await acquireInstanceLock(path)).release();
    }
    // Without knowing when it started, a living process is given the benefit of the doubt.
    writeFileSync(path, JSON.stringify({ pid: process.pid, started: null }));
    await expect(acquireInstanceLock(path)).rejects.toMatchObject({ code: 'storeInUse' });
  });

  it('says that it cannot be made', async () => {
    // A folder in its place: that can be neither linked over nor read.
    mkdirSync(path, { recursive: true });
    await expect(acquireInstanceLock(path)).rejects.toMatchObject({ code: 'storeUnusable', data: { path } });
  });

  it('goes to one of many who take it at once', async () => {
    (await acquireInstanceLock(path)).release();
    writeFileSync(path, 'stale');
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => acquireInstanceLock(path)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
