/** What a revert saves first, where its user does not say otherwise. Pure. */
import type { Image, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { ChangeRequest } from '../../model/plan.ts';
import { memoryFileBeside } from './new-files.ts';
import { nameOfSavedState } from './snapshot-names.ts';

type SavedState = Pick<Extract<ChangeRequest, { action: 'revertToSnapshot' }>, 'saveAs' | 'saveMemoryFile'>;

/**
 * A new snapshot of the whole present state. Beside an internal snapshot that is an internal one, which holds the memory of a VM that
 * runs by itself; beside an external one its memory gets a file of its own.
 *
 * @param saveAs its name; one with the date where it is not given
 * @param images of the host, by id
 */
export function savedState(
  { kind }: Pick<Snapshot, 'kind'>,
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
  { now, saveAs = nameOfSavedState(now, vm.snapshots) }: { readonly now: Date; readonly saveAs?: string | undefined },
): SavedState {
  const hasMemory = kind === 'external' && ['running', 'idle', 'paused'].includes(vm.state);
  const file = hasMemory ? memoryFileBeside(vm, saveAs, images) : null;
  return { saveAs, ...(file !== null && { saveMemoryFile: file }) };
}
