/**
 * A small file beside a journal in which nothing may be written, that says that its operation is let be. A Snaptree that can
 * use the journal goes by it as well.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { epochSecondsSchema } from '../../shared/model/inventory.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import type { JsonFileFormat } from './json-file.ts';

const content = z.strictObject({
  at: epochSecondsSchema,
  /** Nothing of the operation is left on its host. */
  cleanedUp: z.boolean(),
});

const format = {
  schema: 'snaptree.forgottenOperation',
  migrations: [],
  content,
  title: 'mark of a forgotten operation',
} as const satisfies JsonFileFormat<typeof content.shape>;

export type ForgottenMark = z.infer<typeof content>;

const pathOf = (folder: string, operationId: string) => join(folder, `${operationId}.forgotten.json`);

/** Null where there is none; one that cannot be read counts as none: the operation can be forgotten again. */
export async function readForgottenMark(folder: string, operationId: string): Promise<ForgottenMark | null> {
  try {
    return (await readJsonFile(pathOf(folder, operationId), format, { damaged: 'leave' })).content;
  } catch {
    return null;
  }
}

/** Throws `storeUnusable`. */
export async function writeForgottenMark(folder: string, operationId: string, mark: ForgottenMark): Promise<void> {
  await writeJsonFile(pathOf(folder, operationId), format, mark);
}

export async function removeForgottenMark(folder: string, operationId: string): Promise<void> {
  await rm(pathOf(folder, operationId), { force: true });
}
