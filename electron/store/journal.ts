/**
 * The write-ahead journal: one append-only file of JSON lines per operation. A record is on the disk before what it
 * announces is done, so that after a crash the journal says what may have happened, never less.
 */
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Notice } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import { ensureFolder, replaceFile, setAside, syncFolder, systemErrorCode } from './files.ts';
import { readForgottenMark, removeForgottenMark, writeForgottenMark } from './forgotten-marks.ts';
import { journalVersion, knownOf, parseJournal, recordLine } from './journal-records.ts';
import type { JournalEntry, JournalRecord, KnownOfOperation, ParsedJournal } from './journal-records.ts';
import { withSpareDescriptors } from './spare-descriptors.ts';

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
  /** Its user has let the operation be, in a Snaptree that could not write in this journal. */
  readonly forgotten: boolean;
}

/** A journal that cannot be used: damaged, or of a newer Snaptree. Nothing is ever written in it. */
export interface UnreadableJournal {
  readonly operationId: string;
  readonly kind: 'damaged' | 'newer';
  /** What is wrong with which file, in sentences. */
  readonly explanation: string;
  readonly known: KnownOfOperation;
  /** Its user has let the operation be. */
  readonly forgotten: boolean;
  /** Nothing of the operation is left on its host. */
  readonly cleanedUp: boolean;
  /** Remembers, beside the journal, that the operation is let be. Throws `storeUnusable`. */
  forget(): Promise<void>;
  /**
   * Remembers that nothing of it is left on its host: a damaged journal is renamed aside, one of a newer Snaptree stays
   * as it is. Throws `storeUnusable`.
   */
  putAway(): Promise<void>;
}

export interface JournalsRead {
  readonly journals: readonly JournalRead[];
  readonly unreadable: readonly UnreadableJournal[];
  readonly notices: readonly Notice[];
}

const suffix = '.jsonl';

/** The journal of a new operation; its file appears with the first record. */
export function newJournal(folder: string, operationId: string, clock: () => number): JournalFile {
  return journalFile({ folder, operationId, clock, sequence: 0, size: 0, checksum: null, older: null });
}

/**
 * Reads every journal in `folder`, in no particular order; nothing is changed there. A last line that was not written to
 * its end is left out, and a notice says so: what it announced had not been done. What is damaged otherwise, written by a
 * newer Snaptree, or refused by `check` (which throws), is unreadable; the others are not affected. Throws
 * `storeUnusable` where the folder cannot be read.
 *
 * @param inUse whether another Snaptree works there, which may be at writing a last line
 */
export async function readJournals(
  folder: string,
  clock: () => number,
  check: (records: readonly JournalRecord[]) => void,
  { inUse = false }: { readonly inUse?: boolean } = {},
): Promise<JournalsRead> {
  const journals: JournalRead[] = [];
  const unreadable: UnreadableJournal[] = [];
  const notices: Notice[] = [];
  for (const name of await listFolder(folder)) {
    if (!name.endsWith(suffix)) continue;
    const operationId = name.slice(0, -suffix.length);
    const path = join(folder, name);
    const mark = await readForgottenMark(folder, operationId);
    const { content, parsed } = await readOne(path, operationId, check);
    if (parsed.kind === 'records') {
      const { records, version, checksum } = parsed;
      const size = endOfLines(content);
      const older = version < journalVersion ? records : null;
      const file = journalFile({ folder, operationId, clock, sequence: records.length, size, checksum, older });
      journals.push({ operationId, records, file, forgotten: mark !== null });
      if (size < content.length && !inUse) notices.push(tornNotice(path, name));
      continue;
    }
    const known = knownOf(content.toString('utf8'));
    const explanation =
      parsed.kind === 'newer'
        ? `The journal ${path} was written by a newer Snaptree (version ${parsed.version} of its format; this one knows up to ${journalVersion}). It is left as it is.`
        : `The journal ${path} is damaged: ${parsed.reason}.`;
    const cleanedUp = known.cleanedUp || mark?.cleanedUp === true;
    unreadable.push({
      operationId,
      kind: parsed.kind,
      explanation,
      known,
      forgotten: mark !== null,
      cleanedUp,
      forget: () => writeForgottenMark(folder, operationId, { at: clock(), cleanedUp: false }),
      async putAway() {
        if (parsed.kind === 'newer') {
          await writeForgottenMark(folder, operationId, { at: clock(), cleanedUp: true });
          return;
        }
        await setAside(path, new Date(clock() * 1000));
        await removeForgottenMark(folder, operationId);
      },
    });
    if (mark === null && !known.cleanedUp) notices.push(unreadableNotice(name, explanation));
  }
  return { journals, unreadable, notices };
}

/** A line counts from its newline on; after a power cut the tail of a file can also be a run of zeros. */
function endOfLines(content: Buffer): number {
  return content.lastIndexOf('\n') + 1;
}

async function readOne(
  path: string,
  operationId: string,
  check: (records: readonly JournalRecord[]) => void,
): Promise<{ readonly content: Buffer; readonly parsed: ParsedJournal }> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    return { content: Buffer.alloc(0), parsed: { kind: 'damaged', reason: reasonOf(error) } };
  }
  const text = content.subarray(0, endOfLines(content)).toString('utf8');
  const parsed = parseJournal(text, operationId);
  if (parsed.kind !== 'records') return { content, parsed };
  try {
    check(parsed.records);
    return { content, parsed };
  } catch (error) {
    return { content, parsed: { kind: 'damaged', reason: reasonOf(error) } };
  }
}

function tornNotice(path: string, name: string): Notice {
  return {
    id: `journal-${name}`,
    severity: 'warning',
    message: `The last line of the journal ${path} was not written to its end and is left out. What it announced had not begun; the operation is examined on its host.`,
  };
}

function unreadableNotice(name: string, explanation: string): Notice {
  return {
    id: `journal-${name}`,
    severity: 'error',
    message: `${explanation} Its operation is in the list of operations, with what is known of it. If it had not ended, its VM is still locked on its host, and the host says what was done: forget the operation there, and the VM is unlocked.`,
  };
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
  /** Of the last record. */
  checksum: string | null;
  /** The records of a file that an earlier version wrote: with the next record the whole of it is written anew. */
  older: readonly JournalRecord[] | null;
}

function journalFile(position: Position): JournalFile {
  const { folder, operationId, clock } = position;
  const path = join(folder, operationId + suffix);
  let last: Promise<unknown> = Promise.resolve();
  let isThere = position.size > 0;

  async function write(entry: JournalEntry): Promise<JournalRecord> {
    const record: JournalRecord = { sequence: position.sequence, at: clock(), entry };
    if (position.older === null) {
      const { line, checksum } = recordLine(record, operationId, position.checksum);
      await appendLine(Buffer.from(line));
      position.size += Buffer.byteLength(line);
      position.checksum = checksum;
    } else {
      let { checksum }: { checksum: string | null } = { checksum: null };
      const lines = [...position.older, record].map((each) => {
        const written = recordLine(each, operationId, checksum);
        checksum = written.checksum;
        return written.line;
      });
      const text = lines.join('');
      await replaceFile(path, text);
      Object.assign(position, { size: Buffer.byteLength(text), checksum, older: null });
    }
    position.sequence += 1;
    return record;
  }

  async function appendLine(line: Buffer): Promise<void> {
    const isNew = position.size === 0;
    try {
      if (isNew) await ensureFolder(folder);
      // Never over a file that is there: it would be another operation's.
      const handle = await withSpareDescriptors(() => open(path, isThere ? 'r+' : 'wx', 0o600));
      isThere = true;
      try {
        // Without this the end of a longer line, of which a crash left a part, would stay behind this one.
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
      await removeForgottenMark(folder, operationId);
    },
  };
}
