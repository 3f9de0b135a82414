/**
 * What is on a host, in words that fit every hypervisor: VMs, their disks and snapshots, and the images on storage.
 *
 * Nothing here is particular to libvirt. A snapshot says *per disk* where its data lives: inside the image (qcow2
 * internal), in the image that was active before (external), in a volume of its own (LVM), or in a copy that shares
 * extents (reflink); and where its memory lives, if it has any.
 */
import { z } from 'zod';

/** The ways in which a VM's snapshots can be made; also the key of the driver that reads and plans for the host. */
export const hypervisorKindSchema = z.enum(['libvirt', 'xen', 'oraclevm']);

/** A point in time: seconds since 1970-01-01T00:00:00Z. Never host local time. */
export const epochSecondsSchema = z.number().nonnegative();

/** How an image hangs on another: an overlay on its backing image, or an LVM snapshot volume on its origin. */
export const imageParentSchema = z.strictObject({
  relation: z.enum(['backing', 'origin']),
  /** The reference as it is recorded in the image: relative, absolute, a `json:` string or a protocol name. */
  reference: z.string(),
  /** The image's id in the inventory, or null where the reference could not be resolved to something readable. */
  imageId: z.string().nullable(),
  /** The format in which the overlay uses it: as recorded, else as a `json:` reference says; null where neither does. */
  format: z.string().nullable(),
  /** Only a `json:` reference says the format, and libvirt takes no notice of that. */
  formatRecorded: z.literal(false).optional(),
  /**
   * The path by which the backing image is opened from here, where it matters: from it, and not from its resolved path,
   * relative references in that image count. Absent where that makes no difference.
   */
  openedAs: z.string().optional(),
});

export const internalSnapshotSchema = z.strictObject({
  /** The number that the image format gives it; the tag need not be unique (qemu-img accepts a tag twice). */
  id: z.string(),
  name: z.string(),
  createdAt: epochSecondsSchema,
  memoryBytes: z.number().nonnegative(),
});

/** A file or volume that holds data. Its id is its resolved path on the host, or its reference where it has no path. */
export const imageSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['file', 'block', 'network']),
  /** ok: read. missing: nothing at that path. unreadable: there, but it could not be examined; `problem` says why. */
  status: z.enum(['ok', 'missing', 'unreadable']),
  problem: z.string().nullable(),
  /** It is unreadable because another file that belongs to it is not there; absent where that is not known. */
  lacksFile: z.literal(true).optional(),
  format: z.string().nullable(),
  /** Bytes that the guest sees. */
  virtualBytes: z.number().nonnegative().nullable(),
  /** Bytes taken on storage. */
  allocatedBytes: z.number().nonnegative().nullable(),
  parent: imageParentSchema.nullable(),
  /**
   * What it hangs on for those who open it by other paths than the one that `parent` is about: a relative reference counts
   * from the folder of the path that is opened. Absent where all lead to the same.
   */
  parentsByPath: z.array(z.strictObject({ path: z.string(), parent: imageParentSchema.nullable() })).optional(),
  /**
   * What its beginning says, where all who use it use it as raw and its beginning says something else; absent where it does
   * not. Either they use it with the wrong format, or the guest wrote that into its raw disk: nobody can tell.
   */
  header: z
    .strictObject({
      format: z.string(),
      /** What it would hang on. */
      reference: z.string().nullable(),
      /** The images that it would depend on, nearest first, as far as they are in the inventory. */
      mayDependOn: z.array(z.string()),
    })
    .optional(),
  /**
   * Where its data is, if not in itself (`data_file` of qcow2): the reference as recorded, and the id of what it leads to, or
   * null where it could not be resolved. Absent where it holds its data itself.
   */
  dataFile: z.strictObject({ reference: z.string(), imageId: z.string().nullable() }).optional(),
  /** How it is encrypted by its own format (`luks`, `aes`); absent where it is not, or that is not known. */
  encryption: z.string().optional(),
  internalSnapshots: z.array(internalSnapshotSchema),
  /** The size of the clusters of a qcow2 image; absent where it is 64 KiB, as QEMU makes them by itself, or not known. */
  clusterBytes: z.number().positive().optional(),
  /** Names of the dirty bitmaps that are kept in it, for incremental backups; absent where there are none. */
  bitmaps: z.array(z.string()).optional(),
  /** Of an LVM COW volume: 0..1 of its room used; it is lost for good when full. */
  fill: z.number().min(0).max(1).nullable(),
  /** The image format's own mark that it was found corrupt, or null where it has none. */
  corrupt: z.boolean().nullable(),
  /** Other paths of the same file (hard links), as far as they were seen. Symbolic links are resolved, not listed. */
  otherPaths: z.array(z.string()),
  /** When its content was last written, as its file system says; null where that is not known. */
  modifiedAt: epochSecondsSchema.nullable(),
});

/** A job inside the hypervisor that reads or writes a disk's images while the guest runs. */
export const blockJobSchema = z.strictObject({
  kind: z.enum(['copy', 'commit', 'activeCommit', 'pull', 'backup', 'unknown']),
  /** What it writes to, as the hypervisor names it; null where that is not said. */
  target: z.string().nullable(),
  /** It has done its work and only waits for being ended, one way or the other; until then it goes on. */
  ready: z.boolean(),
  /** What the hypervisor says, where the kind is not known: its word for the job, or why it could not be asked. */
  detail: z.string().nullable(),
});

/** Work on a VM as a whole that forbids others meanwhile. */
export const vmJobSchema = z.strictObject({
  /** `unknown`: the VM does not answer, so that nobody can tell whether there are jobs. */
  kind: z.enum(['backup', 'save', 'dump', 'migration', 'snapshot', 'other', 'unknown']),
  /** In the hypervisor's words. */
  detail: z.string(),
});

export const diskSchema = z.strictObject({
  /** The name by which VM and snapshots know the disk: `vda`, `sdb`, `xvda`. */
  target: z.string(),
  device: z.enum(['disk', 'cdrom', 'floppy', 'lun']),
  /** The active layer: where the guest's writes go now. Null: empty drive, or a source that has no image. */
  imageId: z.string().nullable(),
  /** The source as the VM's definition names it; null for an empty drive. */
  source: z.string().nullable(),
  format: z.string().nullable(),
  readOnly: z.boolean(),
  shareable: z.boolean(),
  /** What is written to it is thrown away when the VM is shut off; absent where it is kept. */
  transient: z.literal(true).optional(),
  /** The VM starts without it where its image is not there; absent where it does not. */
  optional: z.literal(true).optional(),
  /** How the definition says that it is encrypted (`luks`, `qcow`); absent where it does not. */
  encryption: z.string().optional(),
  /** The path by which it is opened, where other chains start from other paths of the image; absent where that makes no difference. */
  openedAs: z.string().optional(),
  /**
   * The images below the active layer that the VM's definition names, nearest first, where those are others than the images themselves
   * record: the hypervisor goes by the definition. Absent where both say the same, or the definition says nothing of them.
   */
  definedChain: z.array(z.string()).optional(),
  /** Absent where there is none. */
  blockJob: blockJobSchema.optional(),
});

/** Something that must be there for a VM to start, or for a snapshot to be reverted to, and is not. */
export const obstacleSchema = z.strictObject({
  /** What is missing: a path on the host, or `POOL/VOLUME`. */
  path: z.string(),
  /** What will be refused and why, in a sentence. */
  message: z.string(),
  /** What mends it, with the command. */
  remedy: z.string(),
  /** Of a snapshot: a revert is refused for it even where it starts nothing. Absent where only the start is. */
  stopsRevert: z.literal(true).optional(),
});

export const snapshotDiskSchema = z.strictObject({
  target: z.string(),
  kind: z.enum(['none', 'internal', 'external', 'volume', 'copy']),
  /** The image that holds this snapshot's data of the disk; null where it is not known. */
  dataImageId: z.string().nullable(),
  /** External only: the overlay that was made when the snapshot was taken and took the writes from then on. */
  overlayImageId: z.string().nullable(),
});

const snapshotMemorySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('unknown') }),
  z.strictObject({ kind: z.literal('internal') }),
  z.strictObject({ kind: z.literal('external'), file: z.string() }),
]);

export const snapshotSchema = z.strictObject({
  /** Unique within the VM; for libvirt the name is the identity. */
  id: z.string(),
  name: z.string(),
  parentId: z.string().nullable(),
  kind: z.enum(['internal', 'external', 'mixed', 'volume', 'copy', 'unknown']),
  /** What the VM was doing when the snapshot was taken. */
  vmState: z.enum(['running', 'paused', 'shutoff', 'suspended', 'crashed', 'disk-only', 'unknown']),
  createdAt: epochSecondsSchema.nullable(),
  description: z.string(),
  memory: snapshotMemorySchema,
  disks: z.array(snapshotDiskSchema),
  /** What is missing besides images of its disks, so that it cannot be reverted to. Absent where nothing is. */
  revertObstacles: z.array(obstacleSchema).optional(),
  /** What of its record is not known, in a sentence; absent where all is. No plan is made that would need it. */
  unknownPart: z.string().optional(),
});

/** That a VM names an image otherwise than as a present disk or as a disk of a snapshot that is known. */
export const imageUseSchema = z.strictObject({
  imageId: z.string(),
  /** For what: a word of the hypervisor's driver that people understand, such as `mirror`, `nvram` or `argument`. */
  use: z.string(),
  /** The disk, or the part of the definition, that names it. */
  place: z.string(),
  /** What names it: how the VM runs or is defined, how it will start next, its saved memory, or a snapshot's record. */
  by: z.enum(['definition', 'nextStart', 'savedMemory', 'snapshot']),
  /** The first of the snapshots that name it so; null where none does. */
  snapshotName: z.string().nullable(),
  /** The format in which it is used; null where that is not said. */
  format: z.string().nullable(),
});

/** A folder of the host that a VM names, in which images lie. */
export const namedFolderSchema = z.strictObject({
  /** Behind all symbolic links. */
  path: z.string(),
  /** As in `imageUseSchema`: `filesystem` where it is shared with the guest. */
  use: z.string(),
});

export const vmStateSchema = z.enum([
  'running',
  'idle',
  'paused',
  'shutting-down',
  'shutoff',
  'crashed',
  'suspended',
  'unknown',
]);

/**
 * What could not be read, as data: the same thing stands in several lists (a VM that could not be read may also depend on any
 * image), and is told and counted once.
 */
export const unreadSubjectSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('vm'), uuid: z.string() }),
  /** `part`: all of the image; what it hangs on; what a device stands for; what its beginning means. */
  z.strictObject({
    kind: z.literal('image'),
    id: z.string(),
    part: z.enum(['whole', 'backing', 'device', 'header']),
  }),
  z.strictObject({
    kind: z.literal('folder'),
    path: z.string(),
    part: z.enum(['list', 'furtherFiles', 'subfolders', 'closedFiles']),
  }),
  /** What a definition names and nobody could find: a disk's `source`. */
  z.strictObject({ kind: z.literal('source'), reference: z.string() }),
  z.strictObject({ kind: z.literal('host'), part: z.enum(['vmList', 'images']) }),
]);

/** Something about a VM or host that an administrator should know, in a sentence. */
export const problemSchema = z.strictObject({
  severity: z.enum(['warning', 'error']),
  message: z.string(),
  /** Of something that could not be read: what that is. */
  subject: unreadSubjectSchema.optional(),
});

/** Memory of a guest in a file of its own, from which the guest can go on as long as its disks stay as they were then (`virsh restore`). */
export const savedMemorySchema = z.strictObject({
  /** Its path. */
  file: z.string(),
  /** Seconds since 1970, of the last change of the file; null where that is not known. */
  savedAt: z.number().nullable(),
  /** What it takes on storage; null where that is not known. */
  allocatedBytes: z.number().nonnegative().nullable(),
});

export const readableVmSchema = z.strictObject({
  readable: z.literal(true),
  uuid: z.string(),
  name: z.string(),
  state: vmStateSchema,
  stateReason: z.string().nullable(),
  /** False for a VM that exists only as long as it runs. */
  persistent: z.boolean(),
  hasManagedSave: z.boolean(),
  /**
   * What was saved of its guest's memory into files beside the images of the host, the oldest first, without that of snapshots and of the
   * managed save. Absent where nothing is.
   */
  savedMemory: z.array(savedMemorySchema).optional(),
  /** Absent where there is none. */
  job: vmJobSchema.optional(),
  /** Whether it has checkpoints, from which incremental backups are made; absent where it has none. */
  hasCheckpoints: z.literal(true).optional(),
  /** Firmware with its own variable store, which disk snapshots may not hold. */
  hasNvram: z.boolean(),
  /** The format of that store; absent where the definition does not say it. */
  nvramFormat: z.string().optional(),
  /** The file of that store; absent where the definition does not say it. */
  nvramFile: z.string().optional(),
  /** What a second VM cannot have as well, or would share: a TPM with its own state, devices and folders of the host. Absent where it has none. */
  ownDevices: z.array(z.enum(['tpm', 'hostDevice', 'sharedFolder'])).optional(),
  title: z.string(),
  description: z.string(),
  /** The guest's memory; null where the definition does not say. */
  memoryBytes: z.number().nonnegative().nullable(),
  cpuCount: z.int().nonnegative().nullable(),
  disks: z.array(diskSchema),
  /** Images that it names besides: whatever the use, the VM needs them as they are. Absent where it names none. */
  uses: z.array(imageUseSchema).optional(),
  /**
   * Folders that it names, of those in which images of the inventory lie, however deep: what is in them it may use without naming it.
   * Absent where it names none.
   */
  folders: z.array(namedFolderSchema).optional(),
  /** What is missing besides its disks, so that the hypervisor will refuse to start it. Absent where nothing is. */
  startObstacles: z.array(obstacleSchema).optional(),
  snapshots: z.array(snapshotSchema),
  currentSnapshotId: z.string().nullable(),
  problems: z.array(problemSchema),
});

/** A VM that is there but could not be read. It is shown as such, with the reason: no list is silently shorter. */
export const unreadableVmSchema = z.strictObject({
  readable: z.literal(false),
  uuid: z.string(),
  name: z.string().nullable(),
  reason: z.string(),
});

export const vmSchema = z.discriminatedUnion('readable', [readableVmSchema, unreadableVmSchema]);

const filesystemSchema = z.strictObject({
  /** A folder that holds images. */
  folder: z.string(),
  freeBytes: z.number().nonnegative(),
  totalBytes: z.number().nonnegative(),
});

/** What a host may or may not be able to do, depending on the versions of its tools. */
export const capabilitySchema = z.strictObject({
  id: z.enum([
    'revertToExternal',
    'deleteExternal',
    'deleteExternalWithDescendants',
    'createInternalWithNvram',
    'internalWithNvram',
    'events',
  ]),
  available: z.boolean(),
  /** In a sentence: since which version, or what is missing. */
  explanation: z.string(),
});

/** Something that could not be resolved and may, for all that is known, depend on images. */
export const unknownDependentsSchema = z.strictObject({
  /** The folder, file, reference or VM that could not be looked into. */
  what: z.string(),
  /** Why, in a sentence. */
  reason: z.string(),
  /** What it is, where that may stand in other lists too, or is an image itself. */
  subject: unreadSubjectSchema.optional(),
  /** The images that it may depend on; null where it may be any. */
  imageIds: z.array(z.string()).nullable(),
  /** What would settle it, in a sentence; absent where the right to read it would. */
  remedy: z.string().optional(),
  /**
   * `possible`, as where it is absent: plans that would harm a dependent are refused. `remote`: nothing speaks for it, and it
   * cannot be ruled out; plans go with a warning.
   */
  likelihood: z.enum(['possible', 'remote']).optional(),
  /** It has the images open at the moment; absent where that is not known. */
  hasOpen: z.literal(true).optional(),
});

/** Everything read from one host at one moment. */
export const inventorySchema = z.strictObject({
  hypervisor: z.strictObject({
    kind: hypervisorKindSchema,
    /** Dotted version of the management layer (libvirt, xl), e.g. `9.0.0`; null where it did not say. */
    version: z.string().nullable(),
    /** e.g. `QEMU 7.2.22`. */
    emulator: z.string().nullable(),
    capabilities: z.array(capabilitySchema),
  }),
  hostName: z.string(),
  readAt: epochSecondsSchema,
  vms: z.array(vmSchema),
  images: z.array(imageSchema),
  filesystems: z.array(filesystemSchema),
  unknownDependents: z.array(unknownDependentsSchema),
  /** What could not be read, each in a sentence: folders that could not be listed, lists that could not be told apart. */
  problems: z.array(problemSchema),
});

export type HypervisorKind = z.infer<typeof hypervisorKindSchema>;
export type ImageParent = z.infer<typeof imageParentSchema>;
export type InternalSnapshot = z.infer<typeof internalSnapshotSchema>;
export type Image = z.infer<typeof imageSchema>;
export type ImageUse = z.infer<typeof imageUseSchema>;
export type NamedFolder = z.infer<typeof namedFolderSchema>;
export type BlockJob = z.infer<typeof blockJobSchema>;
export type VmJob = z.infer<typeof vmJobSchema>;
export type UnreadSubject = z.infer<typeof unreadSubjectSchema>;
export type Obstacle = z.infer<typeof obstacleSchema>;
export type Disk = z.infer<typeof diskSchema>;
export type SnapshotDisk = z.infer<typeof snapshotDiskSchema>;
export type Snapshot = z.infer<typeof snapshotSchema>;
export type Capability = z.infer<typeof capabilitySchema>;
export type UnknownDependents = z.infer<typeof unknownDependentsSchema>;
export type VmState = z.infer<typeof vmStateSchema>;
export type SavedMemory = z.infer<typeof savedMemorySchema>;
export type Problem = z.infer<typeof problemSchema>;
export type ReadableVm = z.infer<typeof readableVmSchema>;
export type UnreadableVm = z.infer<typeof unreadableVmSchema>;
export type Vm = z.infer<typeof vmSchema>;
export type Inventory = z.infer<typeof inventorySchema>;
