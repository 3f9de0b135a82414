/** A batch in words. */
import type { Batch, BatchItem, BatchResolution, PlannedBatchItem } from '../../model/batch.ts';
import type { ChangeRequest } from '../../model/plan.ts';
import { count } from '../text/units.ts';
import { vmKeyOf } from './batch-items.ts';

type Action = ChangeRequest['action'];

/** What is done, and to what, where several of one kind are made. */
const actions: Readonly<Record<Action, readonly [verb: string, one: string, several: string]>> = {
  createSnapshot: ['Create', 'snapshot', 'snapshots'],
  revertToSnapshot: ['Revert', 'VM', 'VMs'],
  deleteSnapshot: ['Delete', 'snapshot', 'snapshots'],
  commitImages: ['Commit', 'chain', 'chains'],
  pullImages: ['Pull', 'chain', 'chains'],
  changePower: ['Start or stop', 'VM', 'VMs'],
  cloneVm: ['Clone', 'VM', 'VMs'],
  saveMemory: ['Save the memory of', 'VM', 'VMs'],
  restoreMemory: ['Restore the memory of', 'VM', 'VMs'],
  discardMemory: ['Discard the saved memory of', 'VM', 'VMs'],
  describeSnapshot: ['Describe', 'snapshot', 'snapshots'],
  renameSnapshot: ['Rename', 'snapshot', 'snapshots'],
  repairRecords: ['Repair the records of', 'VM', 'VMs'],
  defineRecords: ['Define the records of', 'VM', 'VMs'],
  adoptSnapshot: ['Make the record of', 'snapshot', 'snapshots'],
  setAsideImage: ['Rename', 'image', 'images'],
  rebaseImage: ['Mend', 'chain', 'chains'],
};

type Titled = Pick<PlannedBatchItem, 'request' | 'hostId' | 'hostName' | 'vmName'>;

/** `Delete 37 snapshots of 12 VMs on 3 hosts` */
export function batchTitle(items: readonly Titled[]): string {
  const [first] = items;
  if (!first) return 'Nothing';
  const vms = new Set(items.map(vmKeyOf)).size;
  const hosts = new Set(items.map(({ hostId }) => hostId)).size;
  const isSame = items.every(({ request }) => request.action === first.request.action);
  const [verb, one, several] = actions[first.request.action];
  const what = isSame
    ? `${verb} ${count(items.length + items.flatMap(({ request }) => othersIn(request)).length, one, several)}`
    : `Make ${count(items.length, 'change', 'changes')}`;
  const whose = isSame && several === 'VMs' ? '' : ` of ${vms === 1 ? first.vmName : `${vms} VMs`}`;
  return `${what}${whose} on ${hosts === 1 ? first.hostName : `${hosts} hosts`}`;
}

/** The snapshots that a deletion names besides the one. */
function othersIn(request: ChangeRequest): readonly string[] {
  return request.action === 'deleteSnapshot' ? (request.otherSnapshotIds ?? []) : [];
}

/** A change that could not be planned, by what was asked for. */
export function changeInWords(request: ChangeRequest): string {
  const [verb, one, several] = actions[request.action];
  const name = 'name' in request ? request.name : 'snapshotId' in request ? request.snapshotId : null;
  const others = othersIn(request);
  if (name === null) return `${verb} ${one}`;
  return others.length === 0 ? `${verb} ${one} “${name}”` : `${verb} ${several} “${name}” and ${others.length} more`;
}

/** Whether it goes on by itself. */
export function isBatchUnderWay({ state }: Pick<Batch, 'state'>): boolean {
  return state === 'running' || state === 'stopping';
}

/** How many of its changes are in which state, those that matter most first: `3 failed, 1 left out, 12 done, 4 to do`. */
export function batchCounts({ items }: Pick<Batch, 'items'>): string {
  return batchItemStates
    .map((state) => [items.filter((item) => item.state === state).length, batchItemWords[state]] as const)
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(', ');
}

export const batchItemWords: Readonly<Record<BatchItem['state'], string>> = {
  failed: 'failed',
  interrupted: 'interrupted',
  notRun: 'left out',
  running: 'running',
  succeeded: 'done',
  waiting: 'to do',
};

/** Those that matter most first. */
export const batchItemStates = [
  'failed',
  'interrupted',
  'notRun',
  'running',
  'succeeded',
  'waiting',
] as const satisfies readonly BatchItem['state'][];

/** What running a batch means, in a sentence or two, for whoever is about to. */
export const batchRunMeaning =
  'Changes of one VM are made one after the other, those of different VMs beside each other. The first on a VM is run as it stands here; each one after it is planned again at its turn and begun only if that is within what stands here. If one fails, the rest on its VM is left out, and the others go on.';

/** What cancelling a batch does. */
export const batchCancelMeaning =
  'Begins nothing more. What runs now is finished; each operation can be cancelled by itself.';

/** What a choice about an interrupted batch does, in a sentence. */
export function batchResolutionMeaning(choice: BatchResolution): string {
  return choice === 'resume'
    ? 'Resume looks at what was cut off and goes on with it where that is safe, then with the changes that are left.'
    : 'Forget begins nothing more of it. What is done stays done; an operation that was cut off stays as it is and is decided by itself.';
}
