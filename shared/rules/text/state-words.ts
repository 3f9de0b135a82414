/** The states of VMs and snapshots in words that people use. */
import type { ReadableVm, Snapshot, VmState } from '../../model/inventory.ts';

export const stateWords: Readonly<Record<VmState | Snapshot['vmState'], string>> = {
  running: 'running',
  idle: 'idle',
  paused: 'paused',
  'shutting-down': 'shutting down',
  shutoff: 'shut off',
  crashed: 'crashed',
  suspended: 'suspended',
  unknown: 'unknown',
  'disk-only': 'disks only',
};

/** How a VM is now. One whose memory waits to be resumed is only seemingly shut off. */
export function presentStateWords(state: PresentState): string {
  return isSaved(state) ? `${stateWords[state.state]}, memory saved` : stateWords[state.state];
}

/** The same in one word, for where there is room for no more. */
export function shortPresentStateWord(state: PresentState): string {
  return isSaved(state) ? 'saved' : stateWords[state.state];
}

function isSaved({ state, hasManagedSave = false }: PresentState): boolean {
  return hasManagedSave && state === 'shutoff';
}

type PresentState = Pick<ReadableVm, 'state'> & Partial<Pick<ReadableVm, 'hasManagedSave'>>;
