/** What `qemu-img info --output=json` says of one image. */
import { z } from 'zod';
import { formatInReference } from '../image-reference.ts';
import type { InternalSnapshot } from '../../../shared/model/inventory.ts';

const bytes = z.number().nonnegative();

const infoSchema = z.object({
  format: z.string(),
  'virtual-size': bytes,
  'actual-size': bytes.optional(),
  'cluster-size': z.number().positive().optional(),
  'backing-filename': z.string().optional(),
  'full-backing-filename': z.string().optional(),
  'backing-filename-format': z.string().optional(),
  encrypted: z.boolean().optional(),
  'format-specific': z
    .object({
      type: z.string().optional(),
      data: z
        .object({
          corrupt: z.boolean().optional(),
          'data-file': z.string().optional(),
          encrypt: z.object({ format: z.string() }).optional(),
          bitmaps: z.array(z.object({ name: z.string() })).optional(),
        })
        .optional(),
    })
    .optional(),
  snapshots: z
    .array(
      z.object({
        id: z.string(),
        name: z.string(),
        'date-sec': z.number(),
        'date-nsec': z.number().optional(),
        'vm-state-size': bytes,
      }),
    )
    .optional(),
});

export interface RecordedBacking {
  /** The reference as recorded, and as the tool resolved it (null where it could not). */
  readonly recorded: string;
  readonly resolved: string | null;
  /** The format in which it is used: as recorded, else as the reference says; null where neither does. */
  readonly format: string | null;
  /** Whether `format` is recorded; libvirt goes by nothing else. */
  readonly isFormatRecorded: boolean;
}

/** @param format as recorded; null where none is */
export function recordedBacking(recorded: string, resolved: string | null, format: string | null): RecordedBacking {
  return {
    recorded,
    resolved,
    format: format ?? formatInReference(recorded),
    isFormatRecorded: format !== null,
  };
}

export interface QemuImageInfo {
  readonly format: string;
  readonly virtualBytes: number;
  /** Null where the tool did not say. 0 for a block device. */
  readonly allocatedBytes: number | null;
  /** Null where the format has none, or the tool did not say. */
  readonly clusterBytes: number | null;
  readonly backing: RecordedBacking | null;
  readonly internalSnapshots: readonly InternalSnapshot[];
  readonly corrupt: boolean | null;
  /** The file that holds the data in place of the image, as recorded (`data_file` of qcow2); absent where there is none. */
  readonly dataFile?: string;
  /** `luks`, `aes` (qcow2's own, and broken); null where it is not encrypted by its format. */
  readonly encryption: string | null;
  /** Names of dirty bitmaps. */
  readonly bitmaps: readonly string[];
}

/** The answer taken apart, or null where it is not what `qemu-img` 1.5 or later prints. */
export function parseQemuImageInfo(json: string): QemuImageInfo | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const info = infoSchema.safeParse(value).data;
  if (!info) return null;
  const dataFile = info['format-specific']?.data?.['data-file'];
  const recorded = info['backing-filename'] ?? info['full-backing-filename'];
  return {
    format: info.format,
    virtualBytes: info['virtual-size'],
    allocatedBytes: info['actual-size'] ?? null,
    clusterBytes: info['cluster-size'] ?? null,
    backing:
      recorded === undefined
        ? null
        : recordedBacking(recorded, info['full-backing-filename'] ?? null, info['backing-filename-format'] ?? null),
    internalSnapshots: (info.snapshots ?? []).map((snapshot) => ({
      id: snapshot.id,
      name: snapshot.name,
      createdAt: Math.max(0, snapshot['date-sec'] + (snapshot['date-nsec'] ?? 0) / 1e9),
      memoryBytes: snapshot['vm-state-size'],
    })),
    corrupt: info['format-specific']?.data?.corrupt ?? null,
    ...(dataFile !== undefined && { dataFile }),
    encryption: encryptionOf(info),
    bitmaps: (info['format-specific']?.data?.bitmaps ?? []).map(({ name }) => name),
  };
}

function encryptionOf(info: z.infer<typeof infoSchema>): string | null {
  if (info.format === 'luks') return 'luks';
  // Before QEMU 2.10 there was nothing but AES, and no word for it.
  return info['format-specific']?.data?.encrypt?.format ?? (info.encrypted === true ? 'aes' : null);
}
