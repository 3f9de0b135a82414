import { remember } from '../store/remembered.ts';
import { useStore } from '../store/store.ts';

/** Remembers what is selected from now on. Gives a function that ends it. */
export function rememberSelection(): () => void {
  return useStore.subscribe(({ selection }, before) => {
    if (selection !== before.selection) remember({ selection });
  });
}
