/** The records of a journal, and the text that they are on disk. Pure. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { errorSchema } from '../../shared/error-schema.ts';
import { visibleJsonLine } from '../../shared/rules/text/visible-json.ts';
import { epochSecondsSchema } from '../../shared/model/inventory.ts';
import { examinationSchema, madeSnapshotSchema, stepWishSchema } from '../../shared/model/operation.ts';
import { planSchema } from '../../shared/model/plan.ts';
import { completedPlan, planMigrations } from './plan-versions.ts';
import { listOf, migrate, objectOf, versionAfter } from './versions.ts';
import type { Migration } from './versions.ts';

const index = z.int().nonnegative();

/** Version 1 to 2: records got checksums (not part of their content), the plan changed, and steps count their attempts. */
const toVersion2: Migration = (records) =>
  listOf(records, 'the journal').map((value) => {
    const record = objectOf(value, 'a record');
    const entry = objectOf(record['entry'], 'an entry');
    if (entry['type'] === 'stepStarting') return { ...record, entry: { ...entry, attempt: 0 } };
    if (entry['type'] !== 'started') return record;
    return { ...record, entry: { ...entry, version: 2, plan: planMigrations[0](entry['plan']) } };
  });

const migrations: readonly Migration[] = [toVersion2];

const completed: Migration = (records) =>
  listOf(records, 'the journal').map((value) => {
    const record = objectOf(value, 'a record');
    const entry = objectOf(record['entry'], 'an entry');
    return entry['type'] === 'started'
      ? { ...record, entry: { ...entry, plan: completedPlan(entry['plan']) } }
      : record;
  });

export const journalVersion = 2;

/** What can happen to an operation, in the order of its life. operation-machine.ts says what each means. */
export const journalEntrySchema = z.discriminatedUnion('type', [
  /** Before anything is done. */
  z.strictObject({
    type: z.literal('started'),
    version: z.literal(journalVersion),
    operationId: z.uuid(),
    plan: planSchema,
    startedBy: z.strictObject({ user: z.string(), computer: z.string() }),
  }),
  /** The VM is locked, the host is as planned. `jobFolder`: the operation's folder on the host. */
  z.strictObject({ type: z.literal('accepted'), jobFolder: z.string() }),
  /** Refused before any step: the VM is locked by others, the host has changed. */
  z.strictObject({ type: z.literal('rejected'), error: errorSchema }),
  /**
   * `alreadyMet`: what the step is to bring about holds before it runs, so that finding it later proves nothing. `attempt`:
   * how often it was run before, and left without an end.
   */
  z.strictObject({ type: z.literal('stepStarting'), index, alreadyMet: z.boolean(), attempt: index }),
  /** A step that takes things back is not needed: what it is to bring about holds. */
  z.strictObject({ type: z.literal('stepSkipped'), index }),
  /** The step's command has ended (`exitCode` null: without saying how); the host has not been read yet. */
  z.strictObject({ type: z.literal('stepExited'), index, exitCode: z.int().nullable(), output: z.string() }),
  /** The host was read. `fingerprint`: of the state that the step left. `made`: left out where nothing is known to be its. */
  z.strictObject({
    type: z.literal('stepFinished'),
    index,
    outcome: z.enum(['done', 'failed', 'cancelled']),
    fingerprint: z.string(),
    made: z.array(madeSnapshotSchema).optional(),
  }),
  z.strictObject({ type: z.literal('interrupted'), error: errorSchema }),
  z.strictObject({ type: z.literal('examined'), examination: examinationSchema }),
  /** A step that still ran was found again, or the user wants the steps that are not done, or those that take things back. */
  z.strictObject({ type: z.literal('continued'), why: z.enum(['reattached', 'resumed', 'undoing']) }),
  z.strictObject({ type: z.literal('cancelRequested') }),
  /** The step that runs was told to work otherwise; what it said to that is in what it printed. */
  z.strictObject({ type: z.literal('adjustRequested'), index, wish: stepWishSchema }),
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

/**
 * A record as its line (with the newline), and the checksum of all records up to it. Throws where it is not a record.
 *
 * The checksum is of the record's own text and of the checksum before it (of the first: of the operation's id). So a
 * record that was changed, left out, moved, or put in from another journal is noticed. It is no signature: it guards
 * against storage that lies, not against somebody who may write here anyway.
 *
 * @param before the checksum of the record before; null of the first
 */
export function recordLine(
  record: JournalRecord,
  operationId: string,
  before: string | null,
): { readonly line: string; readonly checksum: string } {
  const text = visibleJsonLine(recordSchema.parse(record));
  const checksum = checksumOf(text, operationId, before);
  return { line: `${text.slice(0, -1)}${checksumKey}${checksum}"}\n`, checksum };
}

const checksumKey = ',"checksum":"';
const checksumLength = 64;

function checksumOf(text: string, operationId: string, before: string | null): string {
  return createHash('sha256')
    .update(`${before ?? operationId}\n${text}`)
    .digest('hex');
}

export type ParsedJournal =
  | {
      readonly kind: 'records';
      readonly records: readonly JournalRecord[];
      /** Which version wrote it. */
      readonly version: number;
      /** Of the last record; null in a version without checksums. */
      readonly checksum: string | null;
    }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string };

/** What the complete lines of a journal say. */
export function parseJournal(text: string, operationId: string): ParsedJournal {
  const lines = text.split('\n').slice(0, -1);
  const version = versionOf(lines[0] ?? '');
  if (version === null) return { kind: 'damaged', reason: 'it does not begin with an operation' };
  if (version > versionAfter(migrations)) return { kind: 'newer', version };
  try {
    const checked = version === 1 ? { texts: lines, checksum: null } : checkedLines(lines, operationId);
    const raw = checked.texts.map((line): unknown => JSON.parse(line));
    const records = z.array(recordSchema).safeParse(completed(migrate(raw, version, migrations)));
    if (!records.success) throw new Error(`line ${whereOf(records.error)} is not a record`);
    const first = records.data[0]?.entry;
    if (first?.type !== 'started' || first.operationId !== operationId) {
      throw new Error('it does not begin with the operation that it is named after');
    }
    // A plan of the first version has no checksum that would notice it.
    if (first.plan.steps.some((step, place) => step.index !== place)) throw new Error('its steps are out of order');
    const misplaced = records.data.findIndex(({ sequence }, place) => sequence !== place);
    if (misplaced >= 0) throw new Error(`line ${misplaced + 1} is out of order`);
    return { kind: 'records', records: records.data, version, checksum: checked.checksum };
  } catch (error) {
    return { kind: 'damaged', reason: error instanceof Error ? error.message : String(error) };
  }
}

function whereOf(error: z.ZodError): string {
  const place = error.issues[0]?.path[0];
  return typeof place === 'number' ? String(place + 1) : 'none';
}

/** The first line's version; it has stood at the same place since version 1, and stays there. */
function versionOf(line: string): number | null {
  const parsed = z.looseObject({ entry: z.looseObject({ version: z.int().positive() }) }).safeParse(parsedJson(line));
  return parsed.success ? parsed.data.entry.version : null;
}

/** The lines without their checksums. Throws at the first whose checksum is not that of its text. */
function checkedLines(
  lines: readonly string[],
  operationId: string,
): { readonly texts: readonly string[]; readonly checksum: string | null } {
  let checksum: string | null = null;
  const texts = lines.map((line, place) => {
    const at = line.length - checksumKey.length - checksumLength - '"}'.length;
    const text = `${line.slice(0, Math.max(0, at))}}`;
    checksum = checksumOf(text, operationId, checksum);
    if (line.slice(Math.max(0, at)) !== `${checksumKey}${checksum}"}`) {
      throw new Error(`line ${place + 1} is not what was written there`);
    }
    return text;
  });
  return { texts, checksum };
}

/** What can be told of an operation whose journal cannot be used. Null or false where it cannot. */
export interface KnownOfOperation {
  readonly hostId: string | null;
  readonly hostName: string | null;
  readonly vmUuid: string | null;
  readonly vmName: string | null;
  readonly title: string | null;
  readonly startedAt: number | null;
  readonly jobFolder: string | null;
  /** It says that nothing of it was left on its host. */
  readonly cleanedUp: boolean;
}

const shortText = z.string().max(2000).nullable().catch(null);

const knownSchema = z.looseObject({
  at: z.number().nonnegative().nullable().catch(null),
  entry: z.looseObject({
    plan: z.looseObject({
      hostId: z.uuid().nullable().catch(null),
      hostName: shortText,
      vmUuid: shortText,
      vmName: shortText,
      title: shortText,
    }),
  }),
});

/**
 * What can be told of an operation from a journal that is damaged, or written by a newer version. Every version keeps
 * these members where they have been since the first: that is what makes this possible.
 */
export function knownOf(text: string): KnownOfOperation {
  const lines = text.split('\n').filter((line) => line !== '');
  const first = knownSchema.safeParse(parsedJson(lines[0] ?? ''));
  const types = lines.map((line) => lineSchema.safeParse(parsedJson(line)).data?.entry);
  const jobFolder = types.find((entry) => entry?.type === 'accepted')?.jobFolder ?? null;
  const cleanedUp = types.at(-1)?.type === 'cleanedUp';
  if (first.success) {
    const { at, entry } = first.data;
    const { hostId, hostName, vmUuid, vmName, title } = entry.plan;
    return { hostId, hostName, vmUuid, vmName, title, startedAt: at, jobFolder, cleanedUp };
  }
  // No JSON any more: its members are looked for one by one, and most of them are as they were.
  const head = (lines[0] ?? '').slice(0, 1_000_000);
  const member = (name: string) => {
    const found = new RegExp(`"${name}":("(?:[^"\\\\]|\\\\.){0,2000}")`).exec(head)?.[1];
    return found === undefined ? null : shortText.parse(parsedJson(found));
  };
  const hostId = z.uuid().safeParse(member('hostId'));
  return {
    hostId: hostId.success ? hostId.data : null,
    hostName: member('hostName'),
    vmUuid: member('vmUuid'),
    vmName: member('vmName'),
    title: member('title'),
    startedAt: null,
    jobFolder,
    cleanedUp,
  };
}

const lineSchema = z.looseObject({
  entry: z.looseObject({ type: z.string(), jobFolder: z.string().optional().catch(undefined) }),
});

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
