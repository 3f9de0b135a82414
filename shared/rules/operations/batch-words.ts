/** A batch in words. */
import type { Batch, BatchItem, PlannedBatchItem } from '../../model/batch.ts';
import type { ChangeRequest } from '../../model/plan.ts';

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
};

type Titled = Pick<PlannedBatchItem, 'request' | 'hostId' | 'hostName' | 'vmName'>;

/** `Delete 37 snapshots of 12 VMs on 3 hosts` */
export function batchTitle(items: readonly Titled[]): string {
  const [first] = items;
  if (!first) return 'Nothing';
  const vms = new Set(items.map(({ hostId, request }) => `${hostId}/${request.vmUuid}`)).size;
  const hosts = new Set(items.map(({ hostId }) => hostId)).size;
  const isSame = items.every(({ request }) => request.action === first.request.action);
  const [verb, one, several] = actions[first.request.action];
  const what = isSame
    ? `${verb} ${counted(items.length, one, several)}`
    : `Make ${counted(items.length, 'change', 'changes')}`;
  const whose = isSame && several === 'VMs' ? '' : ` of ${vms === 1 ? first.vmName : `${vms} VMs`}`;
  return `${what}${whose} on ${hosts === 1 ? first.hostName : `${hosts} hosts`}`;
}

/** A change that could not be planned, by what was asked for. */
export function changeInWords(request: ChangeRequest): string {
  const [verb, one] = actions[request.action];
  const name = 'name' in request ? request.name : 'snapshotId' in request ? request.snapshotId : '';
  return name === '' ? `${verb} ${one}` : `${verb} ${one} “${name}”`;
}

function counted(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** How many of its changes are in which state, those that matter most first: `3 failed, 1 left out, 12 done, 4 to do`. */
export function batchCounts({ items }: Pick<Batch, 'items'>): string {
  const words: readonly (readonly [BatchItem['state'], string])[] = [
    ['failed', 'failed'],
    ['interrupted', 'interrupted'],
    ['notRun', 'left out'],
    ['running', 'running'],
    ['succeeded', 'done'],
    ['waiting', 'to do'],
  ];
  return words
    .map(([state, word]) => [items.filter((item) => item.state === state).length, word] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

/** Whether nothing more is done for a batch. */
export function hasBatchEnded({ endedAt }: Pick<Batch, 'endedAt'>): boolean {
  return endedAt !== null;
}
