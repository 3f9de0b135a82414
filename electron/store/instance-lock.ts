/** One Snaptree per data folder: two would overwrite each other's host book and journal. */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SnaptreeError } from '../../shared/errors.ts';
import { ensureFolder, systemErrorCode } from './files.ts';

export interface InstanceLock {
  /** Gives the folder free. Synchronous, so that it can be the last thing a process does. */
  release(): void;
}

const ownerSchema = z.looseObject({ pid: z.int().positive(), started: z.string().nullable() });

/**
 * What tells a process from a later one with the same id: boot id and start time in clock ticks (proc(5), field 22 of
 * `stat`, counted behind the command name, which may hold anything). Null where it cannot be told.
 */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return ticks === undefined ? null : `${boot}:${ticks}`;
  } catch {
    return null;
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return systemErrorCode(error) === 'EPERM';
  }
}

/** The process id that holds the lock, or null where the holder is gone or the file makes no sense. */
function livingOwner(text: string): number | null {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return null;
  }
  const owner = ownerSchema.safeParse(raw);
  if (!owner.success || !lives(owner.data.pid)) return null;
  const start = processStart(owner.data.pid);
  const another = start !== null && owner.data.started !== null && start !== owner.data.started;
  return another ? null : owner.data.pid;
}

function readLock(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Puts a complete file at `path` where there is none. False where there is one. */
function place(path: string, text: string): boolean {
  const draft = `${path}.${process.pid}-${randomUUID()}`;
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  try {
    // A link fails where the name is taken, and the file is whole from the first moment on.
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Takes the lock of a process that is gone away. False where another process was quicker. */
function clearStale(path: string, text: string): boolean {
  const aside = `${path}.stale-${process.pid}-${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return true;
    throw error;
  }
  const ours = readFileSync(aside, 'utf8') === text;
  // Not the one that was looked at: its owner just took the lock. Put it back.
  if (!ours) linkSync(aside, path);
  rmSync(aside, { force: true });
  return ours;
}

/** The process id of the Snaptree that has the lock; null where none has, or the lock cannot be read. */
export function instanceLockHolder(path: string): number | null {
  try {
    const text = readLock(path);
    return text === null ? null : livingOwner(text);
  } catch {
    return null;
  }
}

/**
 * Takes the lock. Throws `storeInUse` with the other's process id (`data.pid`) where another Snaptree has it, and
 * `storeUnusable` where it cannot be made.
 */
export async function acquireInstanceLock(path: string): Promise<InstanceLock> {
  await ensureFolder(dirname(path));
  try {
    return takeLock(path);
  } catch (error) {
    if (error instanceof SnaptreeError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SnaptreeError(
      'storeUnusable',
      `Snaptree cannot make its lock ${path}: ${reason}. Nothing was changed. Check the rights on the folder and the free space; a file system without hard links (FAT) will not do. SNAPTREE_DATA names another folder.`,
      { data: { path, reason }, retryable: true, cause: error },
    );
  }
}

function takeLock(path: string): InstanceLock {
  const text = JSON.stringify({ pid: process.pid, started: processStart(process.pid), id: randomUUID() });
  for (let attempt = 0; attempt < 5; attempt += 1) {
    if (place(path, text)) {
      return {
        release: () => {
          if (readLock(path) === text) rmSync(path, { force: true });
        },
      };
    }
    const found = readLock(path);
    if (found === null) continue;
    const pid = livingOwner(found);
    if (pid !== null) {
      throw new SnaptreeError(
        'storeInUse',
        `Another Snaptree (process ${pid}) uses the data folder ${dirname(path)}. Use that one or quit it first, or give this one a folder of its own with SNAPTREE_DATA.`,
        { data: { pid: String(pid), path }, retryable: true },
      );
    }
    clearStale(path, found);
  }
  throw new SnaptreeError(
    'storeUnusable',
    `The lock ${path} could not be taken: other processes keep taking and leaving it. Close them and start again.`,
    { data: { path }, retryable: true },
  );
}
