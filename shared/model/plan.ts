/** A plan: everything that a change will do to a host, as data, before any of it happens. */
import { z } from 'zod';
import { epochSecondsSchema, snapshotSchema, vmStateSchema } from './inventory.ts';
import { recordFileSchema } from './record-files.ts';

/** How fast a merge of a running VM may copy, at most; null: as fast as it can. */
const bytesPerSecondSchema = z.int().positive().nullable();

/**
 * What a VM can be made to do, in libvirt's words. start: boot, or go on from a managed save. shutdown: the guest is asked to end.
 * destroy: it is ended at once. suspend: it stands still in memory. resume: it goes on after that.
 */
export const powerChangeSchema = z.enum(['start', 'shutdown', 'destroy', 'suspend', 'resume']);

/** What a user asks for. VMs are named by UUID only: a VM *named* `1` is also a domain id. */
export const changeRequestSchema = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('createSnapshot'),
    vmUuid: z.string(),
    kind: z.enum(['internal', 'external']),
    name: z.string(),
    description: z.string().max(10_000),
    /** External only: the targets of the disks to include; the others keep their active layer. */
    diskTargets: z.array(z.string()).nullable(),
    /** External only, of a VM that runs: the new file for the guest's memory. Left out: disks only. */
    memoryFile: z.string().optional(),
    /** External only, by target: the new files that take the disks' writes. One beside its image for each disk that is left out. */
    overlayPaths: z.record(z.string(), z.string()).optional(),
    /** External without memory, of a VM that runs: the file systems of the guest are frozen by its agent meanwhile. */
    quiesce: z.literal(true).optional(),
  }),
  z.strictObject({
    action: z.literal('revertToSnapshot'),
    vmUuid: z.string(),
    snapshotId: z.string(),
    /**
     * The name of a snapshot of the present state, which is taken first, so that the revert can be undone; null: the present state
     * is given up. It is of the kind of the snapshot to go back to.
     */
    saveAs: z.string().nullable(),
    /**
     * Of a VM that runs and goes back to an external snapshot: the new file for the guest's memory, which is saved with its disks
     * then. Left out: the disks only, as after a power cut.
     */
    saveMemoryFile: z.string().optional(),
  }),
  z.strictObject({
    action: z.literal('deleteSnapshot'),
    vmUuid: z.string(),
    snapshotId: z.string(),
    /** Others of the VM that go with it; external ones that are neighbours in its chain by one merge. */
    otherSnapshotIds: z.array(z.string()).min(1).optional(),
    /** Also everything below them in the tree. */
    withDescendants: z.boolean(),
    /**
     * Of an external snapshot in the chain of the VM, which image goes: down, the overlay above its data, which is merged into that;
     * up, the image that holds its data, which the overlay takes up. Left out: down.
     */
    direction: z.enum(['down', 'up']).optional(),
  }),
  /** Merge down: what the images above `baseId`, up to and including `topId`, hold goes into it. */
  z.strictObject({
    action: z.literal('commitImages'),
    vmUuid: z.string(),
    /** Of one or several disks, each at most once. */
    ranges: z.array(z.strictObject({ target: z.string(), topId: z.string(), baseId: z.string() })).min(1),
    /** One image after the other, from the top down, each a step of its own; otherwise each range in one go. */
    oneByOne: z.boolean(),
    bytesPerSecond: bytesPerSecondSchema,
  }),
  /** Merge up: the active layer takes up what the images between it and `baseId` hold, and hangs on that then. */
  z.strictObject({
    action: z.literal('pullImages'),
    vmUuid: z.string(),
    /** Of one or several disks, each at most once. Null: down to the end, so that the active layer stands alone. */
    ranges: z.array(z.strictObject({ target: z.string(), baseId: z.string().nullable() })).min(1),
    bytesPerSecond: bytesPerSecondSchema,
  }),
  /** Starts, ends or pauses a VM. */
  z.strictObject({
    action: z.literal('changePower'),
    vmUuid: z.string(),
    to: powerChangeSchema,
    /** Of a shutdown only: how many seconds the guest has for it. Left out: three minutes. */
    waitSeconds: z.int().min(1).max(3600).optional(),
  }),
  /** A new VM from the disks of another, which stays as it is. */
  z.strictObject({
    action: z.literal('cloneVm'),
    vmUuid: z.string(),
    /** Of which snapshot; null: as the disks are now. */
    snapshotId: z.string().nullable(),
    /** thin: overlays on the images, which both VMs need from then on. full: copies that need nothing else. */
    kind: z.enum(['thin', 'full']),
    newVm: z.strictObject({ uuid: z.uuid(), name: z.string() }),
    /** By target: the new images. One beside the VM's own for each disk that is left out. */
    imagePaths: z.record(z.string(), z.string()).optional(),
  }),
  /** Saves what a guest has in memory and ends its VM: into a new file, or, with null, where the hypervisor keeps it for the next start. */
  z.strictObject({ action: z.literal('saveMemory'), vmUuid: z.string(), file: z.string().nullable() }),
  /** Lets the guest go on from such a file. */
  z.strictObject({ action: z.literal('restoreMemory'), vmUuid: z.string(), file: z.string() }),
  /** Gives up what the hypervisor keeps for the next start. */
  z.strictObject({ action: z.literal('discardMemory'), vmUuid: z.string() }),
  z.strictObject({
    action: z.literal('describeSnapshot'),
    vmUuid: z.string(),
    snapshotId: z.string(),
    description: z.string().max(10_000),
  }),
  z.strictObject({
    action: z.literal('renameSnapshot'),
    vmUuid: z.string(),
    snapshotId: z.string(),
    name: z.string(),
  }),
  /** Lets records of snapshots say what is on storage. No image is touched. */
  z.strictObject({
    action: z.literal('repairRecords'),
    vmUuid: z.string(),
    /** Snapshots whose data is gone: their records are removed, after copies were kept. */
    drop: z.array(z.string()),
    /** Snapshots whose data is in what the overlay that was made for them hangs on: their records name that then. */
    move: z.array(z.string()),
  }),
  /** Defines records of snapshots that are lost again, as files on the host have them. No image is touched. */
  z.strictObject({
    action: z.literal('defineRecords'),
    vmUuid: z.string(),
    records: z.array(recordFileSchema),
    /** Which is the current snapshot then, where the VM has none; null: it stays so. */
    currentId: z.string().nullable(),
  }),
  /** Makes a record of a snapshot whose data is there and that no record names. No image is touched. */
  z.strictObject({
    action: z.literal('adoptSnapshot'),
    vmUuid: z.string(),
    /** The new one of an external snapshot; of an internal one the name that it has in the images. */
    name: z.string(),
    description: z.string().max(10_000),
    /** Of an external one, by target: the images of the disks' chains that hold its data. Null: it is an internal one. */
    images: z.record(z.string(), z.string()).nullable(),
  }),
  /** Gives an image that nobody needs another name beside it, so that nothing finds it and it can be put back; or puts it back. */
  z.strictObject({
    action: z.literal('setAsideImage'),
    vmUuid: z.string(),
    imageId: z.string(),
    to: z.string(),
  }),
  /** Lets an image whose backing image is missing hang on another one, without looking at what that holds. */
  z.strictObject({
    action: z.literal('rebaseImage'),
    vmUuid: z.string(),
    imageId: z.string(),
    baseId: z.string(),
  }),
]);

/** A fact about the host that can be checked by reading it again. */
export const expectationSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('snapshotExists'), snapshotId: z.string() }),
  z.strictObject({ kind: z.literal('snapshotAbsent'), snapshotId: z.string() }),
  z.strictObject({ kind: z.literal('currentSnapshot'), snapshotId: z.string().nullable() }),
  z.strictObject({ kind: z.literal('vmState'), oneOf: z.array(vmStateSchema) }),
  /** The active layer of a disk is this image. */
  z.strictObject({ kind: z.literal('activeLayer'), target: z.string(), imageId: z.string() }),
  /** Null: it hangs on nothing. */
  z.strictObject({ kind: z.literal('imageParent'), imageId: z.string(), parentId: z.string().nullable() }),
  /** Nothing is at its path. */
  z.strictObject({ kind: z.literal('imageGone'), imageId: z.string() }),
  /** No image besides these hangs on one of them, and no VM names one, in whatever definition or record. */
  z.strictObject({ kind: z.literal('noDependents'), imageIds: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('snapshotParent'), snapshotId: z.string(), parentId: z.string().nullable() }),
  z.strictObject({ kind: z.literal('snapshotDescription'), snapshotId: z.string(), description: z.string() }),
  /** A snapshot's record says that its data of the disk is in this image. */
  z.strictObject({
    kind: z.literal('snapshotData'),
    snapshotId: z.string(),
    target: z.string(),
    dataImageId: z.string(),
  }),
  /** Nothing but the guest works on the disk. */
  z.strictObject({ kind: z.literal('noBlockJob'), target: z.string() }),
  /** There is a VM of this UUID and name, shut off, with these images as its active layers, by target. */
  z.strictObject({
    kind: z.literal('vmDefined'),
    vmUuid: z.string(),
    name: z.string(),
    activeLayers: z.record(z.string(), z.string()),
  }),
  /** Whether the hypervisor keeps the VM's memory for its next start. */
  z.strictObject({ kind: z.literal('managedSave'), present: z.boolean() }),
  z.strictObject({ kind: z.literal('internalSnapshot'), imageId: z.string(), name: z.string(), present: z.boolean() }),
]);

export const planStepSchema = z.strictObject({
  /** Position, from 0. */
  index: z.int().nonnegative(),
  title: z.string(),
  argv: z.array(z.string()).min(1),
  /** Paths (or volume names) on the host, by what the step does to them. */
  reads: z.array(z.string()),
  writes: z.array(z.string()),
  creates: z.array(z.string()),
  /** Still there afterwards, but no longer what it was: whoever else depends on it reads something else. */
  invalidates: z.array(z.string()),
  deletes: z.array(z.string()),
  /** Must hold when the step is done; also how a step found interrupted is judged. */
  verify: z.array(expectationSchema),
  /**
   * What a cancel does while this step runs. never: the step after it is run as well. betweenSteps: it is finished, and
   * nothing after it is begun. abort: its command is ended at once.
   */
  cancellation: z.enum(['never', 'betweenSteps', 'abort']),
  /**
   * What may be done where its command is gone without having said how it ended, and the host does not show its result.
   * redo: it may be run again, and brings about the same. examine: only looking helps. undo: the steps of its group that
   * take things back. takeUp: as redo, and where the hypervisor still works at what the command began, that is taken up.
   */
  whenInterrupted: z.enum(['redo', 'examine', 'undo', 'takeUp']),
  /**
   * Steps of one group follow each other, and what they pass through is no state to leave a VM in: once the first has
   * begun, neither a cancel nor a host that becomes read-only stops before the last. Null: it stands alone.
   */
  group: z.string().nullable(),
  /**
   * inOrder: an ordinary step. Of a group only: always (thaw what was frozen), also after an ordinary step of the group
   * failed or was aborted; onFailure (undo), only then. These two are left out where what they verify holds already.
   */
  runs: z.enum(['inOrder', 'always', 'onFailure']),
  /** It changes nothing on the host: the state before it is the state after it. */
  onlyLooks: z.literal(true).optional(),
});

/** Why a plan is refused, or what its user should know first. */
export const planNoteSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  /** Names of VMs, snapshots or images that the note is about. */
  names: z.array(z.string()),
  /** Those of the names that the message leaves out, where there are too many for a sentence. Absent where it says all. */
  untold: z.array(z.string()).optional(),
});

/** One disk's chain, from the active layer down to the base, as image ids. */
export const diskChainSchema = z.strictObject({ target: z.string(), imageIds: z.array(z.string()) });

/** What a change may need on one file system, and finds there. In bytes; null where it cannot be told. */
export const planRoomSchema = z.strictObject({
  /** Where on it the change writes. */
  folders: z.array(z.string()).min(1),
  /** While the change is made, by an estimate. */
  likelyBytes: z.number().nonnegative().nullable(),
  /** While the change is made, but for what the guest writes meanwhile. */
  atMostBytes: z.number().nonnegative().nullable(),
  /** What the guest may add at most by what it writes, because of the change: while it is made, or ever afterwards. */
  guestBytes: z.number().nonnegative().nullable(),
  freeBytes: z.number().nonnegative().nullable(),
});

export const planSchema = z.strictObject({
  id: z.uuid(),
  hostId: z.uuid(),
  hostName: z.string(),
  vmUuid: z.string(),
  vmName: z.string(),
  request: changeRequestSchema,
  /** One line that names the change. */
  title: z.string(),
  createdAt: epochSecondsSchema,
  /** Of the state that the plan was made from: electron/operations/plans/state-digest.ts makes it. The name is older: files and documents have it. */
  fingerprint: z.string(),
  steps: z.array(planStepSchema),
  /** A plan with a refusal has no steps and cannot be run. */
  refusals: z.array(planNoteSchema),
  warnings: z.array(planNoteSchema),
  /** Of each file system on which it may need room, the tightest first. Empty: none of its files is on one. */
  rooms: z.array(planRoomSchema),
  /** How long the guest stands still, in a sentence; null where it does not. */
  expectedPause: z.string().nullable(),
  after: z.strictObject({
    vmState: vmStateSchema,
    snapshots: z.array(snapshotSchema),
    currentSnapshotId: z.string().nullable(),
    chains: z.array(diskChainSchema),
    /** The VM that the change makes, shut off; absent where it makes none. */
    newVm: z.strictObject({ uuid: z.string(), name: z.string(), chains: z.array(diskChainSchema) }).optional(),
  }),
  /** The same steps as a POSIX shell script. Empty for a refused plan. */
  script: z.string(),
});

export type ChangeRequest = z.infer<typeof changeRequestSchema>;
export type PowerChange = z.infer<typeof powerChangeSchema>;
export type Expectation = z.infer<typeof expectationSchema>;
export type PlanStep = z.infer<typeof planStepSchema>;
export type PlanNote = z.infer<typeof planNoteSchema>;
export type PlanRoom = z.infer<typeof planRoomSchema>;
export type DiskChain = z.infer<typeof diskChainSchema>;
export type Plan = z.infer<typeof planSchema>;
