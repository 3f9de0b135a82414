/**
 * The write-ahead journal: one append-only file of JSON lines per operation. A record is on the disk before what it
 * announces is done, so that after a crash the journal says what may have happened, never less.
 */
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Notice } from '../../shared/contract.ts';
import { errorSchema, SnaptreeError } from '../../shared/errors.ts';
import { epochSecondsSchema } from '../../shared/model/inventory.ts';
import { examinationSchema } from '../../shared/model/operation.ts';
import { planSchema } from '../../shared/model/plan.ts';
import { ensureFolder, setAside, syncFolder, systemErrorCode } from './files.ts';
import { withSpareDescriptors } from './spare-descriptors.ts';
import type { DamagedFile } from './json-file.ts';

const index = z.int().nonnegative();
const schemaVersion = 1;

/** What can happen to an operation, in the order of its life. operation-machine.ts says what each means. */
export const journalEntrySchema = z.discriminatedUnion('type', [
  /** Before anything is done. */
  z.strictObject({
    type: z.literal('started'),
    version: z.literal(schemaVersion),
    operationId: z.uuid(),
    plan: planSchema,
    startedBy: z.strictObject({ user: z.string(), computer: z.string() }),
  }),
  /** The VM is locked, the host is as planned. `jobFolder`: the operation's folder on the host. */
  z.strictObject({ type: z.literal('accepted'), jobFolder: z.string() }),
  /** Refused before any step: the VM is locked by others, the host has changed. */
  z.strictObject({ type: z.literal('rejected'), error: errorSchema }),
  /** `alreadyMet`: what the step is to bring about holds before it runs, so that finding it later proves nothing. */
  z.strictObject({ type: z.literal('stepStarting'), index, alreadyMet: z.boolean() }),
  /** The step's command has ended (`exitCode` null: without saying how); the host has not been read yet. */
  z.strictObject({ type: z.literal('stepExited'), index, exitCode: z.int().nullable(), output: z.string() }),
  /** The host was read. `fingerprint`: of the state that the step left. */
  z.strictObject({
    type: z.literal('stepFinished'),
    index,
    outcome: z.enum(['done', 'failed']),
    fingerprint: z.string(),
  }),
  z.strictObject({ type: z.literal('interrupted'), error: errorSchema }),
  z.strictObject({ type: z.literal('examined'), examination: examinationSchema }),
  /** A step that still ran was found again, or the user wants the steps that are not done. */
  z.strictObject({ type: z.literal('continued'), why: z.enum(['reattached', 'resumed']) }),
  z.strictObject({ type: z.literal('cancelRequested') }),
  z.strictObject({
    type: z.literal('ended'),
    state: z.enum(['succeeded', 'failed', 'cancelled', 'forgotten']),
    error: errorSchema.nullable(),
  }),
  /** Nothing of the operation is left on the host: neither its lock nor its jobs. */
  z.strictObject({ type: z.literal('cleanedUp') }),
]);

export type JournalEntry = z.infer<typeof journalEntrySchema>;

/** An entry with its place and its time. */
export interface JournalRecord {
  /** From 0, without a gap. */
  readonly sequence: number;
  readonly at: number;
  readonly entry: JournalEntry;
}

const recordSchema = z.strictObject({ sequence: index, at: epochSecondsSchema, entry: journalEntrySchema });

/** One operation's file, open for more. */
export interface JournalFile {
  /**
   * Adds a record and answers when it is safe on the disk. One after the other, also when called at once. Throws
   * `storeUnusable`; the file then is as before, and what the entry announces must not be done.
   */
  append(entry: JournalEntry): Promise<JournalRecord>;
  /** Deletes the file. */
  remove(): Promise<void>;
}

export interface JournalRead {
  readonly operationId: string;
  readonly records: readonly JournalRecord[];
  readonly file: JournalFile;
}

const suffix = '.jsonl';

/** The journal of a new operation; its file appears with the first record. */
export function newJournal(folder: string, operationId: string, clock: () => number): JournalFile {
  return journalFile({ folder, operationId, clock, sequence: 0, size: 0 });
}

/**
 * Reads every journal in `folder`, in no particular order. A last line that was not written to its end is left out, and
 * a notice says so: what it announced had not been done. A file that is damaged otherwise, or that `check` throws for,
 * is renamed aside (or left, see `damaged`) with a notice; the others are not affected. Throws `storeUnusable` where the folder cannot be read.
 */
export async function readJournals(
  folder: string,
  clock: () => number,
  check: (records: readonly JournalRecord[]) => void,
  damaged: DamagedFile = 'setAside',
): Promise<{ readonly journals: readonly JournalRead[]; readonly notices: readonly Notice[] }> {
  if (damaged === 'setAside') await ensureFolder(folder);
  const journals: JournalRead[] = [];
  const notices: Notice[] = [];
  for (const name of await listFolder(folder)) {
    if (!name.endsWith(suffix)) continue;
    const operationId = name.slice(0, -suffix.length);
    const path = join(folder, name);
    let content: Buffer;
    try {
      content = await readFile(path);
    } catch (error) {
      notices.push(
        notice(
          name,
          'error',
          `The journal ${path} cannot be read (${reasonOf(error)}). It was left where it is, and its operation is not shown.`,
        ),
      );
      continue;
    }
    // A line counts from its newline on; after a power cut the tail of a file can also be a run of zeros.
    const size = content.lastIndexOf('\n') + 1;
    try {
      const records = parseRecords(content.subarray(0, size).toString('utf8'), operationId);
      check(records);
      journals.push({
        operationId,
        records,
        file: journalFile({ folder, operationId, clock, sequence: records.length, size }),
      });
    } catch (error) {
      const reason = reasonOf(error);
      notices.push(
        damaged === 'leave'
          ? notice(name, 'error', `The journal ${path} is damaged (${reason}). It was left as it is. ${damagedMeaning}`)
          : await keepAside(path, name, clock, reason),
      );
      continue;
    }
    // Where the file is left, its owner may be at writing that very line.
    if (size < content.length && damaged === 'setAside') {
      notices.push(
        notice(
          name,
          'warning',
          `The last line of the journal ${path} was not written to its end and is left out. What it announced had not begun; the operation is examined on its host.`,
        ),
      );
    }
  }
  return { journals, notices };
}

function parseRecords(text: string, operationId: string): readonly JournalRecord[] {
  const lines = text.split('\n').slice(0, -1);
  if (lines.length === 0) throw new Error('it holds no complete record');
  const records = lines.map((line, sequence): JournalRecord => {
    const parsed = recordSchema.safeParse(parseJson(line));
    if (!parsed.success) throw new Error(`line ${sequence + 1} is not a record`);
    if (parsed.data.sequence !== sequence) throw new Error(`line ${sequence + 1} is out of order`);
    return parsed.data;
  });
  const first = records[0]?.entry;
  if (first?.type !== 'started' || first.operationId !== operationId) {
    throw new Error('it does not begin with the operation that it is named after');
  }
  return records;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const damagedMeaning =
  'Its operation is not shown. If it was not finished, its VM may still be locked on its host, and the host says what was done.';

async function keepAside(path: string, name: string, clock: () => number, reason: string): Promise<Notice> {
  try {
    const kept = await setAside(path, new Date(clock() * 1000));
    return notice(
      name,
      'error',
      `The journal ${path} is damaged (${reason}). It was kept as ${kept}. ${damagedMeaning}`,
    );
  } catch (error) {
    return notice(
      name,
      'error',
      `The journal ${path} is damaged (${reason}) and could not be renamed (${reasonOf(error)}). ${damagedMeaning}`,
    );
  }
}

function notice(name: string, severity: Notice['severity'], message: string): Notice {
  return { id: `journal-${name}`, severity, message };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw unusable(folder, 'read', error);
  }
}

function unusable(path: string, what: string, error: unknown): SnaptreeError {
  return new SnaptreeError(
    'storeUnusable',
    `Snaptree cannot ${what} its journal ${path} (${reasonOf(error)}), and without its journal it changes nothing on a host. Check the rights on the folder and the free space, then try again.`,
    { data: { path }, retryable: true, cause: error },
  );
}

interface Position {
  readonly folder: string;
  readonly operationId: string;
  readonly clock: () => number;
  sequence: number;
  /** Bytes of the file that are known to be good; a failed write may have left more. */
  size: number;
}

function journalFile(position: Position): JournalFile {
  const { folder, operationId, clock } = position;
  const path = join(folder, operationId + suffix);
  let last: Promise<unknown> = Promise.resolve();

  async function write(entry: JournalEntry): Promise<JournalRecord> {
    const record: JournalRecord = { sequence: position.sequence, at: clock(), entry };
    const line = Buffer.from(`${JSON.stringify(recordSchema.parse(record))}\n`);
    const isNew = position.size === 0;
    try {
      if (isNew) await ensureFolder(folder);
      const handle = await withSpareDescriptors(() => open(path, isNew ? 'w' : 'r+', 0o600));
      try {
        await handle.truncate(position.size);
        let written = 0;
        while (written < line.length) {
          const { bytesWritten } = await handle.write(line, written, line.length - written, position.size + written);
          written += bytesWritten;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (isNew) await syncFolder(folder);
    } catch (error) {
      throw unusable(path, 'write', error);
    }
    position.size += line.length;
    position.sequence += 1;
    return record;
  }

  return {
    append(entry) {
      const result = last.then(() => write(entry));
      last = result.catch(() => undefined);
      return result;
    },
    async remove() {
      await last;
      await rm(path, { force: true });
    },
  };
}
