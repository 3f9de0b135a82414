/** For tests of what a host records of snapshots: a host with one VM that is shut off and has one disk, vda. */
import type { ReadableVm } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import type { PlannedHost } from './carry-out.fixtures.ts';

export interface OneDiskHost {
  readonly planned: PlannedHost;
  up(): Promise<unknown>;
  /** Anew where it is there already. Its image is `vda.qcow2` in its folder. */
  createVirtualMachine(): Promise<{ readonly uuid: string; readonly folder: string }>;
  deleteVirtualMachine(): Promise<void>;
  virsh(argv: readonly string[]): Promise<{ readonly stdout: string }>;
  /** At one place of the disk, always the same. */
  write(byte: number): Promise<void>;
  holds(byte: number): Promise<boolean>;
}

/** The VM as Snaptree reads it. Throws where it cannot be read. */
export async function readVm({ planned }: Pick<OneDiskHost, 'planned'>, vmUuid: string): Promise<ReadableVm> {
  const found = (await planned.read()).vms.find(({ uuid }) => uuid === vmUuid);
  if (!found?.readable) throw new Error('The VM is not readable.');
  return found;
}

/** Each snapshot with the one above it, and the current one: `s1 < s2 *`. */
export function treeLines({ snapshots, currentSnapshotId }: ReadableVm): readonly string[] {
  const lines = snapshots.map(({ id, parentId }) => `${parentId ?? ''} < ${id}${id === currentSnapshotId ? ' *' : ''}`);
  return lines.toSorted();
}

/** Goes back to a snapshot; the present state is given up. */
export function revertTo(vmUuid: string, snapshotId: string): ChangeRequest {
  return { action: 'revertToSnapshot', vmUuid, snapshotId, saveAs: null };
}
