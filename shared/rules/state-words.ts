/** The states of VMs and snapshots in words that people use. */
import type { ReadableVm, Snapshot, VmState } from '../model/inventory.ts';

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
export function presentStateWords({ state, hasManagedSave = false }: PresentState): string {
  return hasManagedSave && state === 'shutoff' ? `${stateWords[state]}, memory saved` : stateWords[state];
}

type PresentState = Pick<ReadableVm, 'state'> & Partial<Pick<ReadableVm, 'hasManagedSave'>>;
