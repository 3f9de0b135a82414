/**
 * Batches on disk: one JSON file each, replaced whole at every change. A batch only says which operations belong together and what is
 * still to be begun; what was done to a host is in the journal of each operation.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Notice } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import { batchSchema } from '../../shared/model/batch.ts';
import { ensureFolder, systemErrorCode } from './files.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import type { DamagedFile, JsonFileFormat } from './json-file.ts';

/** What its user agreed to for one change by running a batch. */
export const reviewSchema = z.strictObject({
  /** The digest of the state that its plan was made from; null where another change on its VM comes before it. */
  fingerprint: z.string().nullable(),
  /** The codes of the warnings that were shown. */
  warnings: z.array(z.string()),
  /** The files that its steps make, write to, make useless or delete. */
  touched: z.array(z.string()),
  /** The snapshots that it ends, or goes back to, with the time of each: a later one of the same name is another one. */
  snapshots: z.array(z.strictObject({ id: z.string(), createdAt: z.number().nullable() })),
});

export const batchRecordSchema = z
  .strictObject({
    batch: batchSchema,
    /** Of each change, by its index; null for one that was left out. */
    reviews: z.array(reviewSchema.nullable()),
    /** The file systems that each change fills, by its index, by keys that are the same for what shares one. */
    fills: z.array(z.array(z.string())),
  })
  .refine(({ batch, reviews, fills }) => [reviews, fills].every(({ length }) => length === batch.items.length), {
    message: 'there are not as many reviews as changes',
  })
  .refine(({ batch }) => batch.items.every(({ index, after }, at) => index === at && (after ?? -1) < at), {
    message: 'the changes are not in order',
  });

export type Review = z.infer<typeof reviewSchema>;
export type BatchRecord = z.infer<typeof batchRecordSchema>;

const content = z.strictObject({ record: batchRecordSchema });

const format = {
  schema: 'snaptree.batch',
  migrations: [],
  content,
  title: 'batch',
} as const satisfies JsonFileFormat<typeof content.shape>;

const suffix = '.json';

export interface BatchFiles {
  /** Throws `storeUnusable`; what is on disk then is as before. */
  write(record: BatchRecord): Promise<void>;
  remove(batchId: string): Promise<void>;
}

export function batchFiles(folder: string): BatchFiles {
  const path = (batchId: string) => join(folder, batchId + suffix);
  return {
    async write(record) {
      await ensureFolder(folder);
      await writeJsonFile(path(record.batch.id), format, { record });
    },
    remove: (batchId) => rm(path(batchId), { force: true }),
  };
}

/**
 * Reads every batch in `folder`, in no particular order. One that is damaged, or of a newer Snaptree, is left out, and a notice says so:
 * its operations are not affected. Throws `storeUnusable` where the folder cannot be read.
 */
export async function readBatches(
  folder: string,
  damaged: DamagedFile,
): Promise<{ readonly records: readonly BatchRecord[]; readonly notices: readonly Notice[] }> {
  const records: BatchRecord[] = [];
  const notices: Notice[] = [];
  for (const name of await listFolder(folder)) {
    if (!name.endsWith(suffix)) continue;
    try {
      const { content: read, notice } = await readJsonFile(join(folder, name), format, { damaged });
      if (read !== null) records.push(read.record);
      if (notice !== null) notices.push({ ...notice, message: `${notice.message} ${operationsStay}` });
    } catch (error) {
      if (!SnaptreeError.is(error)) throw error;
      notices.push({ id: `batch-${name}`, severity: 'error', message: `${error.message} ${operationsStay}` });
    }
  }
  return { records, notices };
}

const operationsStay =
  'What it had begun is in the list of operations; nothing more of it is begun. Plan anew what is left.';

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw new SnaptreeError(
      'storeUnusable',
      `Snaptree cannot read its folder ${folder} (${error instanceof Error ? error.message : String(error)}). Check the rights on it, then try again.`,
      { data: { path: folder }, retryable: true, cause: error },
    );
  }
}
