/** The report over hosts: made once as data, from which every format is written, so that all show the same numbers. */
import { z } from 'zod';
import { epochSecondsSchema, hypervisorKindSchema } from './inventory.ts';

/** What counts as too old, too many, too long, too full. */
export const reportThresholdsSchema = z.strictObject({
  maximumAgeDays: z.int().min(0).max(36_500),
  /** Of one VM. */
  maximumSnapshots: z.int().min(0).max(100_000),
  /** Images in one chain, the base included. */
  maximumChainLength: z.int().min(1).max(1000),
  /** Per cent of a file system that should stay free. */
  minimumFreePercent: z.int().min(0).max(100),
});

export const findingCodeSchema = z.enum([
  'snapshotOld',
  'olderThanParent',
  'tooManySnapshots',
  'chainTooLong',
  'chainBeyondLimit',
  'imageMissing',
  'chainLoops',
  'chainUnreadable',
  'vmWillNotStart',
  'nextStartDiffers',
  'recordWithoutFile',
  'fileWithoutRecord',
  'dataMoved',
  'activeLayerMismatch',
  'branchLeft',
  'internalInsideOverlay',
  'imageCorrupt',
  'jobRuns',
  'formatContradicted',
  'storageNearlyFull',
  'mergeWouldNotFit',
  'pausedByError',
  'memorySaved',
]);

export const findingSchema = z.strictObject({
  code: findingCodeSchema,
  severity: z.enum(['information', 'warning', 'critical']),
  hostName: z.string(),
  /** Null where the finding is about storage or a file that no VM names. */
  vmName: z.string().nullable(),
  vmUuid: z.string().nullable(),
  snapshotName: z.string().nullable(),
  /** The image or folder that it is about. */
  path: z.string().nullable(),
  /** What is the case, with the names and numbers that it rests on. */
  message: z.string(),
  /** What to do about it. */
  remedy: z.string(),
});

/** One snapshot of one VM; a VM without snapshots has one row with `snapshotName` null. */
export const reportRowSchema = z.strictObject({
  hostName: z.string(),
  vmName: z.string(),
  vmUuid: z.string(),
  vmState: z.string(),
  /** Unique within the VM, as `parentId`; names need not be. Null with `snapshotName`. */
  snapshotId: z.string().nullable(),
  snapshotName: z.string().nullable(),
  /** May name a snapshot that does not exist (a record that is wrong). */
  parentId: z.string().nullable(),
  parentName: z.string().nullable(),
  kind: z.string().nullable(),
  /** What the VM was doing when the snapshot was taken. */
  snapshotState: z.string().nullable(),
  /** UTC, ISO 8601, to the second. */
  createdAt: z.string().nullable(),
  /** Days of 24 hours from `createdAt` to the report's `createdAt`, one decimal; negative where clocks disagree. */
  ageDays: z.number().nullable(),
  /**
   * Bytes that storage holds because the snapshot was taken: of external disks what the overlays made for it have
   * allocated (what was written from then until the next snapshot), of internal ones the saved memory, of volumes what
   * they have allocated. It is not what deleting frees: a merge may leave as much in the image below. Null where
   * nothing is known of it.
   */
  sizeBytes: z.number().nonnegative().nullable(),
  /** True where a part is not known (the disks of internal snapshots never are), so that the size is at least that. */
  sizeIsLowerBound: z.boolean(),
  /** Images in the longest chain of the VM's disks, the base included; null where no chain is known to its end. */
  chainDepth: z.int().nonnegative().nullable(),
  current: z.boolean(),
  /** Of findings about this snapshot. */
  findings: z.array(findingCodeSchema),
  /** Of findings about the VM as a whole or its images. The same in every row of the VM. */
  vmFindings: z.array(findingCodeSchema),
});

/** Something that the report does not know, or not for certain, and why. */
export const unreadSchema = z.strictObject({
  hostName: z.string(),
  /** The host itself, or what on it. */
  what: z.string(),
  reason: z.string(),
});

export const reportHostSchema = z.strictObject({
  hostName: z.string(),
  /** Null where the host could not be read. */
  hypervisor: z
    .strictObject({ kind: hypervisorKindSchema, version: z.string().nullable(), emulator: z.string().nullable() })
    .nullable(),
  readAt: epochSecondsSchema.nullable(),
  /** All 0 where the host could not be read. `vms` includes those that could not be read. */
  counts: z.strictObject({
    vms: z.int().nonnegative(),
    unreadableVms: z.int().nonnegative(),
    snapshots: z.int().nonnegative(),
    images: z.int().nonnegative(),
    allocatedBytes: z.number().nonnegative(),
  }),
  filesystems: z.array(
    z.strictObject({
      /** The first of `folders`. */
      folder: z.string(),
      /** All folders with images that are taken to lie on this file system. */
      folders: z.array(z.string()),
      freeBytes: z.number().nonnegative(),
      totalBytes: z.number().nonnegative(),
    }),
  ),
});

export const reportSchema = z.strictObject({
  schema: z.literal('snaptree.report'),
  version: z.literal(1),
  /** UTC, ISO 8601. */
  createdAt: z.string(),
  thresholds: reportThresholdsSchema,
  hosts: z.array(reportHostSchema),
  rows: z.array(reportRowSchema),
  findings: z.array(findingSchema),
  unread: z.array(unreadSchema),
  totals: z.strictObject({
    hosts: z.int().nonnegative(),
    unreadHosts: z.int().nonnegative(),
    vms: z.int().nonnegative(),
    unreadableVms: z.int().nonnegative(),
    snapshots: z.int().nonnegative(),
    /** How many rows the report has: every format must have so many. */
    rows: z.int().nonnegative(),
    findings: z.strictObject({
      information: z.int().nonnegative(),
      warning: z.int().nonnegative(),
      critical: z.int().nonnegative(),
    }),
    unread: z.int().nonnegative(),
  }),
});

export const reportFormatSchema = z.enum(['csv', 'json', 'html', 'pdf']);

/** How far the making of a report has got. */
export const reportStateSchema = z.strictObject({
  hosts: z.array(
    z.strictObject({
      hostId: z.uuid(),
      hostName: z.string(),
      state: z.enum(['waiting', 'reading', 'read', 'unread']),
    }),
  ),
  /** Set when the report is ready. */
  report: reportSchema.nullable(),
});

export type ReportThresholds = z.infer<typeof reportThresholdsSchema>;
export type FindingCode = z.infer<typeof findingCodeSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type ReportRow = z.infer<typeof reportRowSchema>;
export type Unread = z.infer<typeof unreadSchema>;
export type ReportHost = z.infer<typeof reportHostSchema>;
export type Report = z.infer<typeof reportSchema>;
export type ReportFormat = z.infer<typeof reportFormatSchema>;
export type ReportState = z.infer<typeof reportStateSchema>;
