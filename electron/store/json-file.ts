/**
 * A JSON file with a schema name, a version and a checksum of its content; migrated and validated when read, replaced
 * atomically when written.
 */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Notice } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import { visibleJson } from '../../shared/rules/text/visible-json.ts';
import { readTextFile, replaceFile, setAside } from './files.ts';
import { migrate, versionAfter } from './versions.ts';
import type { Migration } from './versions.ts';

export interface JsonFileFormat<Content extends z.ZodRawShape> {
  /** As in the file's `schema` property, e.g. `snaptree.hostBook`. */
  readonly schema: string;
  /** From each version of the content to the next. */
  readonly migrations: readonly Migration[];
  /** The properties beside `schema`, `version` and `checksum`: decoded when read, encoded when written. */
  readonly content: z.ZodObject<Content>;
  /** What the file is, in words, for messages: `host book`. */
  readonly title: string;
}

const headerSchema = z.looseObject({
  schema: z.string(),
  version: z.int().positive(),
  /** May be left out, by whoever edits the file. */
  checksum: z.string().optional(),
});

/** SHA-256 (hex) of a content as JSON without spaces. */
function checksumOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** The content of a file's text, or why it cannot be used. Pure. */
function parseJsonFile<Content extends z.ZodRawShape>(
  format: JsonFileFormat<Content>,
  text: string,
):
  | { kind: 'content'; content: z.output<z.ZodObject<Content>> }
  | { kind: 'newer'; version: number }
  | { kind: 'corrupt'; reason: string } {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return { kind: 'corrupt', reason: error instanceof Error ? error.message : String(error) };
  }
  const header = headerSchema.safeParse(raw);
  if (!header.success) return { kind: 'corrupt', reason: 'it has no schema name and version' };
  const { schema, version, checksum, ...rest } = header.data;
  if (schema !== format.schema) {
    return { kind: 'corrupt', reason: `it is of the schema ${JSON.stringify(schema)}, not ${format.schema}` };
  }
  if (version > versionAfter(format.migrations)) return { kind: 'newer', version };
  if (checksum !== undefined && checksum !== checksumOf(rest)) {
    return {
      kind: 'corrupt',
      reason:
        'its content is not what was written: it does not fit its checksum. If you edited it on purpose, take out its line "checksum"',
    };
  }
  let migrated: unknown;
  try {
    migrated = migrate(rest, version, format.migrations);
  } catch (error) {
    return { kind: 'corrupt', reason: error instanceof Error ? error.message : String(error) };
  }
  const content = format.content.safeParse(migrated);
  if (content.success) return { kind: 'content', content: content.data };
  return { kind: 'corrupt', reason: onOneLine(z.prettifyError(content.error)) };
}

function onOneLine(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}

/** What is to become of a damaged file: renamed aside, or left, where another Snaptree may be about to use it. */
export type DamagedFile = 'setAside' | 'leave';

/**
 * Reads the file. Null content: there is none, or it was damaged; then `notice` says what became of it.
 * Throws `storeUnusable` where it cannot be read, or was written by a newer Snaptree (it is left as it is).
 */
export async function readJsonFile<Content extends z.ZodRawShape>(
  path: string,
  format: JsonFileFormat<Content>,
  { now = () => new Date(), damaged = 'setAside' }: { now?: () => Date; damaged?: DamagedFile } = {},
): Promise<{ content: z.output<z.ZodObject<Content>> | null; notice: Notice | null }> {
  const text = await readTextFile(path);
  if (text === null) return { content: null, notice: null };
  const parsed = parseJsonFile(format, text);
  switch (parsed.kind) {
    case 'content':
      return { content: parsed.content, notice: null };
    case 'newer':
      throw new SnaptreeError(
        'storeUnusable',
        `The ${format.title} ${path} was written by a newer Snaptree (version ${parsed.version} of its format; this one knows up to ${versionAfter(format.migrations)}). It was left as it is. Start the newer Snaptree, or choose another data folder with SNAPTREE_DATA.`,
        { data: { path, version: String(parsed.version) } },
      );
    case 'corrupt': {
      if (damaged === 'leave') {
        const message = `The ${format.title} ${path} is damaged (${parsed.reason}). It was left as it is and counts as empty; Snaptree keeps it aside and says where when it is started next.`;
        return { content: null, notice: { id: randomUUID(), severity: 'error', message } };
      }
      const kept = await setAside(path, now());
      const message = `The ${format.title} ${path} was damaged (${parsed.reason}). It was kept as ${kept}, and an empty one was begun. To get its content back, repair that file, quit Snaptree and put it back.`;
      return { content: null, notice: { id: randomUUID(), severity: 'error', message } };
    }
  }
}

/** Replaces the file. Throws `storeUnusable`; the old content then stays. */
export async function writeJsonFile<Content extends z.ZodRawShape>(
  path: string,
  format: JsonFileFormat<Content>,
  content: z.output<z.ZodObject<Content>>,
): Promise<void> {
  const encoded = z.encode(format.content, content);
  const file = {
    schema: format.schema,
    version: versionAfter(format.migrations),
    checksum: checksumOf(encoded),
    ...encoded,
  };
  await replaceFile(path, `${visibleJson(file)}\n`);
}
