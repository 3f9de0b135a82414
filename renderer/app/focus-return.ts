import { useStore } from '../store/store.ts';

/**
 * Gives the focus back when a dialog closes. React Aria gives it to what had it when that dialog appeared; where one
 * dialog followed another (the plan after the form) or came from a menu, that is gone, and the focus would be nowhere.
 * Gives a function that ends it.
 */
export function returnFocus(): () => void {
  let opener: Element | null = null;
  return useStore.subscribe((state, before) => {
    if (state.dialog && !before.dialog) opener = document.activeElement;
    if (state.dialog || !before.dialog) return;
    // React Aria does its part in the frame after the dialog went.
    requestAnimationFrame(() => {
      requestAnimationFrame(() => {
        if (document.activeElement !== document.body) return;
        const target =
          opener instanceof HTMLElement && opener.isConnected
            ? opener
            : document.querySelector<HTMLElement>('main [role="row"][tabindex="0"]');
        target?.focus();
      });
    });
  });
}
