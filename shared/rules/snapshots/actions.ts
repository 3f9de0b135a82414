/** What can be done with a VM or one of its snapshots, and the reason for everything that cannot. */
import type { SessionState } from '../../model/host.ts';
import type { Image, Inventory, ReadableVm, Snapshot, Vm } from '../../model/inventory.ts';
import type { PlanNote, PowerChange } from '../../model/plan.ts';
import {
  createExternalRefusals,
  createInternalRefusals,
  deleteRefusals,
  mergeVmRefusals,
  revertRefusals,
  type LibvirtAbilities,
} from './libvirt-refusals.ts';
import { cloneRefusals } from './clone-rules.ts';
import { brokenChainOfDisk } from '../chains/broken-chains.ts';
import type { VmWithImages } from '../chains/image-refusals.ts';
import { jobsOf, untilJobEnds } from '../inventory/jobs.ts';
import { powerRefusals } from '../power/power-refusals.ts';
import { discardRefusals, restoreRefusals, saveRefusals } from '../power/saved-memory-refusals.ts';
import { mergeableDisks, proposeMerge } from './merge-proposals.ts';
import { describeRefusals, renameRefusals } from './record-refusals.ts';
import { rangeOf } from './snapshot-range.ts';

export const actionIds = [
  'createSnapshot',
  'revertToSnapshot',
  'deleteSnapshot',
  'deleteWithDescendants',
  'describe',
  'rename',
  'start',
  'shutDown',
  'forceOff',
  'pause',
  'resume',
  'saveMemory',
  'restoreMemory',
  'discardMemory',
  'createCheckpoint',
  'mergeDown',
  'mergeUp',
  'clone',
  'thinInstance',
  'attachSnapshot',
  'compare',
  'archive',
  'restoreArchive',
  'repairMetadata',
  'exportDefinition',
  'batch',
  'report',
  'retention',
] as const;

export type ActionId = (typeof actionIds)[number];

/** `present`: the VM as it is now ("you are here"). `snapshot`: one snapshot. `vm`: either. */
type Subject = 'present' | 'snapshot' | 'vm';

interface Definition {
  readonly label: string;
  readonly group: 'change' | 'power' | 'storage' | 'copy' | 'records';
  readonly subject: Subject;
  readonly built: boolean;
  readonly destructive: boolean;
}

const change = { group: 'change', built: true } as const;
const power = { group: 'power', subject: 'vm', built: true } as const;
const copying = { group: 'copy', subject: 'vm', built: true, destructive: false } as const;
const later = { built: false, destructive: false } as const;

const definitions: Readonly<Record<ActionId, Definition>> = {
  createSnapshot: { ...change, label: 'Create snapshot…', subject: 'vm', destructive: false },
  revertToSnapshot: { ...change, label: 'Revert…', subject: 'snapshot', destructive: true },
  deleteSnapshot: { ...change, label: 'Delete…', subject: 'snapshot', destructive: true },
  deleteWithDescendants: { ...change, label: 'Delete with descendants…', subject: 'snapshot', destructive: true },
  describe: { ...change, label: 'Description…', subject: 'snapshot', destructive: false },
  rename: { ...change, label: 'Rename…', subject: 'snapshot', destructive: false },
  start: { ...power, label: 'Start…', destructive: false },
  shutDown: { ...power, label: 'Shut down…', destructive: false },
  forceOff: { ...power, label: 'Force off…', destructive: true },
  pause: { ...power, label: 'Pause…', destructive: false },
  resume: { ...power, label: 'Resume…', destructive: false },
  saveMemory: { ...power, label: 'Save memory and end…', destructive: false },
  restoreMemory: { ...power, label: 'Restore from a file…', destructive: false },
  discardMemory: { ...power, label: 'Discard saved memory…', destructive: true },
  createCheckpoint: { ...later, group: 'storage', label: 'Create checkpoint…', subject: 'vm' },
  mergeDown: { group: 'storage', label: 'Merge down (commit)…', subject: 'vm', built: true, destructive: true },
  mergeUp: { group: 'storage', label: 'Merge up (pull)…', subject: 'vm', built: true, destructive: false },
  clone: { ...copying, label: 'Create full clone…' },
  thinInstance: { ...copying, label: 'Create thin instance…' },
  attachSnapshot: { ...later, group: 'copy', label: 'Attach read-only to a VM…', subject: 'snapshot' },
  compare: { ...later, group: 'copy', label: 'Compare with…', subject: 'snapshot' },
  archive: { ...later, group: 'copy', label: 'Archive…', subject: 'snapshot' },
  restoreArchive: { ...later, group: 'copy', label: 'Restore an archive…', subject: 'vm' },
  repairMetadata: {
    group: 'records',
    label: 'Repair records and chains…',
    subject: 'vm',
    built: true,
    destructive: false,
  },
  exportDefinition: { ...later, group: 'records', label: 'Export VM definition…', subject: 'vm' },
  batch: { ...change, label: 'Batch…', subject: 'vm', destructive: false },
  report: { group: 'records', label: 'Report…', subject: 'vm', built: true, destructive: false },
  retention: { ...later, group: 'records', label: 'Retention…', subject: 'vm' },
};

/** What is asked for by those that change a VM's power. */
export const powerActions: ReadonlyMap<ActionId, PowerChange> = new Map([
  ['start', 'start'],
  ['shutDown', 'shutdown'],
  ['forceOff', 'destroy'],
  ['pause', 'suspend'],
  ['resume', 'resume'],
]);

export interface Action {
  readonly id: ActionId;
  readonly label: string;
  readonly group: Definition['group'];
  readonly destructive: boolean;
  /** Why it cannot be done now, in a sentence; null where it can. */
  readonly reason: string | null;
}

export interface ActionContext {
  /** Whether the window can reach Snaptree itself. */
  readonly shellConnected: boolean;
  readonly session: SessionState['state'];
  readonly vm: Vm;
  /** The snapshot that is selected; null for "you are here". */
  readonly snapshot: Snapshot | null;
  /** Where several are selected, all of them, with null for "you are here"; null: only one is. */
  readonly several: ReadonlySet<string | null> | null;
  /** Of the snapshot, however deep. */
  readonly descendants: readonly Snapshot[];
  /** Of the host, by id. */
  readonly images: ReadonlyMap<string, Image>;
  /** Null: not known. */
  readonly hypervisor: Inventory['hypervisor'] | null;
  /** The host's settings allow no change. */
  readonly readOnly: boolean;
  /** An operation on the VM has not ended. */
  readonly operationRuns: boolean;
}

/**
 * All actions in the order in which they are shown. What is known to be refused, by the rules that plans are refused by, is
 * not offered. What depends on dependents, and on what an image holds of a snapshot, is not judged here: the plan does that from a
 * fresh reading, and a refused plan says more than a greyed word.
 */
export function actionsFor(context: ActionContext): readonly Action[] {
  return actionIds.map((id) => {
    const { label, group, destructive } = definitions[id];
    return { id, label, group, destructive, reason: reasonAgainst(id, context) };
  });
}

function reasonAgainst(id: ActionId, context: ActionContext): string | null {
  const { built, subject } = definitions[id];
  if (!built) return 'Not built yet.';
  if (!context.shellConnected) return 'There is no connection to Snaptree itself at the moment.';
  // These are about all hosts, and say of which they know nothing.
  if (id === 'report' || id === 'batch') return null;
  if (!context.vm.readable) return 'This VM could not be read, so nothing can be planned for it.';
  if (context.readOnly) return 'This host is set to read-only in Snaptree. Edit the host to change that.';
  if (context.session !== 'connected') return 'The host is not connected. Connect to it first.';
  if (context.operationRuns) return 'An operation on this VM has not ended yet.';
  if (context.several !== null && id === 'deleteSnapshot') {
    return againstDeleting(context.several, context.vm, context);
  }
  if (context.several !== null && subject === 'snapshot') {
    return `${context.several.size} are selected. Select one snapshot: this is done with one at a time.`;
  }
  if (context.several !== null && (id === 'clone' || id === 'thinInstance')) {
    return `${context.several.size} are selected. Select one snapshot, or “You are here”: a new VM is made of one state.`;
  }
  if (subject === 'snapshot' && !context.snapshot) return 'Select a snapshot first.';
  if (id === 'deleteWithDescendants' && context.descendants.length === 0) {
    return 'This snapshot has no descendants. Use Delete.';
  }
  if (id === 'mergeDown' || id === 'mergeUp') {
    const nothing = nothingToMerge(context.vm, context);
    if (nothing !== null) return nothing;
  }
  return knownRefusal(id, context.vm, context);
}

/** Why no chain of the VM, or none that holds the snapshot, has anything to merge; null where one has. */
function nothingToMerge(vm: ReadableVm, { images, snapshot: selected, several }: ActionContext): string | null {
  const disks = mergeableDisks(vm, images);
  if (disks.length === 0) {
    return vm.disks.some((disk) => brokenChainOfDisk(disk, images) !== null)
      ? 'The chains of this VM are not whole, so nothing of them is merged. The details say what is missing.'
      : 'No disk of this VM hangs on another image, so there is nothing to merge.';
  }
  const range = several === null ? null : rangeOf(several, vm.snapshots, vm.currentSnapshotId);
  if (range !== null && 'reason' in range) return range.reason;
  const snapshot = range === null ? selected : range.oldest;
  if (disks.some((disk) => proposeMerge('down', disk, snapshot, () => true, range?.youngest ?? null) !== null))
    return null;
  return range !== null
    ? 'No disk in use hangs on the data of all that is selected, so there is nothing to merge between them.'
    : 'No disk in use hangs on the data of this snapshot, so there is nothing to merge into it. To merge other images, select "You are here".';
}

/** Why several cannot be deleted by one plan; null where they can. */
function againstDeleting(several: ReadonlySet<string | null>, vm: ReadableVm, context: ActionContext): string | null {
  if (several.has(null))
    return `${several.size} are selected, and “You are here” is no snapshot: select snapshots only.`;
  const doomed = vm.snapshots.filter(({ id }) => several.has(id));
  const areExternal = doomed.every(({ kind }) => kind === 'external');
  if (areExternal && 'reason' in rangeOf(several, vm.snapshots, vm.currentSnapshotId)) {
    return 'What is selected is not one line of the tree without a gap, so one merge would take others away as well. Batch… deletes them one after the other.';
  }
  return knownRefusal('deleteSnapshot', vm, { ...context, doomed });
}

/** The first reason for which a plan would be refused, as far as it is known without a fresh reading. */
function knownRefusal(
  id: ActionId,
  vm: ReadableVm,
  { hypervisor, snapshot, descendants, images, doomed }: ActionContext & { readonly doomed?: readonly Snapshot[] },
): string | null {
  // Of the other hypervisors nothing is planned yet.
  if (hypervisor?.kind !== 'libvirt') return null;
  const known = { vm, images, hypervisor: hypervisor.kind };
  const to = powerActions.get(id);
  // What of jobs stands in the way, these judge themselves.
  if (to !== undefined) return sentenceOf(powerRefusals(to, known)[0]);
  const [job] = jobsOf(vm);
  if (job) return job.isSilent ? job.message : `${job.message} ${untilJobEnds}`;
  if (id === 'saveMemory') return sentenceOf(saveRefusals(vm)[0]);
  if (id === 'restoreMemory') return sentenceOf(restoreRefusals(known)[0]);
  if (id === 'discardMemory') return sentenceOf(discardRefusals(vm)[0]);
  if (doomed !== undefined) return sentenceOf(deleteRefusals(doomed, vm)[0]);
  return sentenceOf(libvirtRefusals(id, known, abilitiesOf(hypervisor), snapshot, descendants)[0]);
}

function sentenceOf(refusal: PlanNote | undefined): string | null {
  if (refusal === undefined) return null;
  return onStorage.has(refusal.code) ? `${refusal.message} Then refresh.` : refusal.message;
}

/** What is put back on storage is not always noticed between two readings of everything. */
const onStorage: ReadonlySet<string> = new Set(['revertObstacle', 'chainBroken', 'imageCorrupt', 'startObstacle']);

function libvirtRefusals(
  id: ActionId,
  known: VmWithImages,
  abilities: LibvirtAbilities,
  snapshot: Snapshot | null,
  descendants: readonly Snapshot[],
) {
  const { vm } = known;
  if (id === 'createSnapshot') {
    const external = createExternalRefusals(known);
    return createInternalRefusals(known, abilities).length > 0 ? external : [];
  }
  if (id === 'mergeDown' || id === 'mergeUp') return mergeVmRefusals(vm);
  if (id === 'clone') return cloneRefusals(known, snapshot, 'full');
  if (id === 'thinInstance') return cloneRefusals(known, snapshot, 'thin');
  if (!snapshot) return [];
  if (id === 'describe') return describeRefusals(snapshot, vm);
  if (id === 'rename') return renameRefusals(snapshot, vm);
  if (id === 'revertToSnapshot') return revertRefusals(snapshot, vm, abilities);
  if (id === 'deleteSnapshot') return deleteRefusals([snapshot], vm);
  return id === 'deleteWithDescendants' ? deleteRefusals([snapshot, ...descendants], vm) : [];
}

/** What a host can do, as it said when it was read. */
export function abilitiesOf({ version, capabilities }: Inventory['hypervisor']): LibvirtAbilities {
  return { version, can: (id) => capabilities.some((each) => each.id === id && each.available) };
}
