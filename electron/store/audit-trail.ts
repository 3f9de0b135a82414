/** Everything that was run on any host, with its outcome: append-only JSON lines that other tools can read. */
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SnaptreeError } from '../../shared/errors.ts';
import { visibleJsonLine } from '../../shared/rules/text/visible-json.ts';
import { ensureFolder, systemErrorCode } from './files.ts';
import { withSpareDescriptors } from './spare-descriptors.ts';
import { migrate, objectOf, versionAfter } from './versions.ts';
import type { Migration } from './versions.ts';

/** Version 1 to 2: an entry says its version. The first had none. */
const toVersion2: Migration = (entry) => objectOf(entry, 'an entry');

const migrations: readonly Migration[] = [toVersion2];
const version = versionAfter(migrations);

const auditEntrySchema = z.strictObject({
  /** ISO 8601, UTC. */
  at: z.string(),
  event: z.enum([
    'operationStarted',
    'operationRefused',
    'stepStarted',
    /** A step that ran was told to work otherwise: `argv` is what it was told, `output` what it said to that. */
    'stepAdjusted',
    'stepEnded',
    'operationEnded',
    'interrupted',
  ]),
  /** Who, on the machine where Snaptree runs. */
  user: z.string(),
  computer: z.string(),
  hostId: z.string(),
  hostName: z.string(),
  vmUuid: z.string(),
  vmName: z.string(),
  operationId: z.string(),
  title: z.string(),
  /** Of a step: its index and what was run. An argv holds no secrets: those never become arguments. */
  stepIndex: z.int().nonnegative().nullable(),
  argv: z.array(z.string()).nullable(),
  /** Null while it runs, and where the command did not say. */
  exitCode: z.int().nullable(),
  /** The end of what the command printed. */
  output: z.string(),
  /** In words: `done`, `failed`, the operation's state, or why it was refused. */
  outcome: z.string(),
});

const lineSchema = z.looseObject({ version: z.int().positive().default(1) });

export type AuditEntry = z.infer<typeof auditEntrySchema>;

export interface AuditTrail {
  /** Adds an entry and answers when it is safe on the disk. Throws `storeUnusable`. */
  append(entry: AuditEntry): Promise<void>;
}

/** The audit trail in `path`. A last line that was cut off by a crash is closed first, so that it costs itself only. */
export function createAuditTrail(path: string): AuditTrail {
  let last: Promise<unknown> = Promise.resolve();

  async function write(entry: AuditEntry): Promise<void> {
    try {
      await ensureFolder(dirname(path));
      const handle = await withSpareDescriptors(() => open(path, 'a+', 0o600));
      try {
        const { size } = await handle.stat();
        const end = Buffer.alloc(1);
        if (size > 0) await handle.read(end, 0, 1, size - 1);
        const separator = size > 0 && end.toString('latin1') !== '\n' ? '\n' : '';
        await handle.appendFile(`${separator}${visibleJsonLine({ version, ...entry })}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (SnaptreeError.is(error)) throw error;
      throw unusable(path, 'write', error);
    }
  }

  return {
    append(entry) {
      const result = last.then(() => write(entry));
      last = result.catch(() => undefined);
      return result;
    },
  };
}

/**
 * Every entry in the file, oldest first, how many lines a newer Snaptree wrote, and how many are not entries. Throws
 * `storeUnusable`.
 */
export async function readAuditTrail(path: string): Promise<{
  readonly entries: readonly AuditEntry[];
  readonly newerLines: number;
  readonly damagedLines: number;
}> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { entries: [], newerLines: 0, damagedLines: 0 };
    throw unusable(path, 'read', error);
  }
  const entries: AuditEntry[] = [];
  let newerLines = 0;
  let damagedLines = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      const { version: written, ...entry } = lineSchema.parse(JSON.parse(line));
      if (written > version) newerLines += 1;
      else entries.push(auditEntrySchema.parse(migrate(entry, written, migrations)));
    } catch {
      damagedLines += 1;
    }
  }
  return { entries, newerLines, damagedLines };
}

function unusable(path: string, what: string, error: unknown): SnaptreeError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SnaptreeError('storeUnusable', `Snaptree cannot ${what} its audit trail ${path}: ${reason}.`, {
    data: { path },
    cause: error,
  });
}
