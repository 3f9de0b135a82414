import { useMemo } from 'react';
import type { Image, ReadableVm } from '../../shared/model/inventory.ts';
import { restorePointsOf, type RestorePoint } from '../../shared/rules/snapshots/restore-points.ts';
import { imageIndex } from './selectors.ts';
import { useStore } from './store.ts';

const noImages: readonly Image[] = [];

/** The same list as long as nothing of it changes: images are other ones with every reading. */
export function useRestorePoints(hostId: string, vm: ReadableVm): readonly RestorePoint[] {
  // As text, which is compared by what it says; of nearly every VM it is that of an empty list.
  const text = useStore((state) =>
    vm.hasManagedSave || vm.savedMemory
      ? JSON.stringify(restorePointsOf(vm, imageIndex(state.inventories[hostId]?.inventory?.images ?? noImages)))
      : '[]',
  );
  return useMemo(() => JSON.parse(text) as readonly RestorePoint[], [text]);
}
