/** What Snaptree must tell its user about itself, until the user has seen it. */
import type { Notice } from '../../shared/contract.ts';
import { createListeners } from '../base/listeners.ts';

export interface Notices {
  add(notice: Notice): void;
  /** Takes a notice away; one that is gone already is no error. */
  dismiss(noticeId: string): void;
  list(): readonly Notice[];
  /** Called whenever `list()` changed. Gives a function that takes the listener off. */
  onChange(listener: () => void): () => void;
}

export function openNotices(): Notices {
  let open: readonly Notice[] = [];
  const changed = createListeners<[]>();
  const replace = (notices: readonly Notice[]): void => {
    open = notices;
    changed.call();
  };
  return {
    add(notice) {
      replace([...open.filter(({ id }) => id !== notice.id), notice]);
    },
    dismiss(noticeId) {
      replace(open.filter(({ id }) => id !== noticeId));
    },
    list: () => open,
    onChange: (listener) => changed.add(listener),
  };
}
