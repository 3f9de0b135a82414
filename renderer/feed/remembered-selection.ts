import { nothingSelected, type SelectionState } from '../store/state.ts';
import { useStore } from '../store/store.ts';

const storageKey = 'snaptree.selection';

/** What was selected in this window the last time, by ids; what is gone meanwhile falls away as hosts are heard of. */
export function rememberedSelection(): SelectionState {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? 'null');
    if (typeof stored !== 'object' || stored === null) return nothingSelected;
    const { hostId, vmUuid, snapshotId } = { hostId: null, vmUuid: null, snapshotId: null, ...stored };
    return { hostId: textOrNull(hostId), vmUuid: textOrNull(vmUuid), snapshotId: textOrNull(snapshotId) };
  } catch {
    return nothingSelected;
  }
}

/** Remembers what is selected from now on. Gives a function that ends it. */
export function rememberSelection(): () => void {
  return useStore.subscribe(({ selection }, before) => {
    if (selection !== before.selection) localStorage.setItem(storageKey, JSON.stringify(selection));
  });
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
