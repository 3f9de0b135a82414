import { UNSTABLE_ToastQueue as ToastQueue } from 'react-aria-components';

export interface ToastContent {
  readonly tone: 'success' | 'danger' | 'warning' | 'neutral';
  readonly title: string;
  readonly detail: string | null;
}

/** What is shown in the corner. Good news goes by itself; bad news stays until it is closed. */
export const toasts = new ToastQueue<ToastContent>({ maxVisibleToasts: 4 });

/** Shows a toast; a good or neutral one for 6 s (React Aria advises at least 5 s). */
export function toast(content: ToastContent): void {
  const stays = content.tone === 'danger' || content.tone === 'warning';
  toasts.add(content, stays ? {} : { timeout: 6000 });
}
