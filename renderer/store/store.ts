import { create } from 'zustand';
import { initialState, type State } from './state.ts';

/** The window's one store. Reducers of `reducers.ts` make the next state; `update` puts it in. */
export const useStore = create<State>()(() => initialState);

/** Replaces the state by what `reduce` makes of it. */
export function update(reduce: (state: State) => State): void {
  useStore.setState(reduce, true);
}

/** Opens a dialog, or closes the open one. */
export function showDialog(dialog: State['dialog']): void {
  update((state) => ({ ...state, dialog }));
}
