/** Records of snapshots that lie in files on a host, as `virsh snapshot-dumpxml` writes them and Snaptree keeps them. */
import { z } from 'zod';
import { snapshotSchema } from './inventory.ts';

export const recordFileSchema = z.strictObject({
  path: z.string(),
  /** Of its content: what POSIX `cksum` prints of it. */
  checksum: z.string(),
  /** What it says; images by the paths that it names. */
  snapshot: snapshotSchema,
});

export const recordFilesSchema = z.strictObject({
  folder: z.string(),
  records: z.array(recordFileSchema),
  /** Files that are no record of a snapshot of the VM, each with the reason in a sentence. */
  unusable: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
  /** Which was the current one, where the files say that. */
  currentId: z.string().nullable(),
});

export type RecordFile = z.infer<typeof recordFileSchema>;
export type RecordFiles = z.infer<typeof recordFilesSchema>;
