import { UNSTABLE_ToastQueue as ToastQueue } from 'react-aria-components';
import type { Operation } from '../../shared/model/operation.ts';
import { asSnaptreeError } from '../ipc/client.ts';

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

/** Says that something asked for did not happen. What was cancelled on purpose is not a failure. */
export function reportFailure(title: string, thrown: unknown): void {
  const { code, message } = asSnaptreeError(thrown);
  if (code === 'cancelled') return;
  toast({ tone: 'danger', title, detail: message });
}

/** Says how an operation ended. */
export function toastOperationEnd(operation: Operation): void {
  const { title, vmName, hostName } = operation.plan;
  const where = `${vmName} on ${hostName}`;
  switch (operation.state) {
    case 'succeeded':
      toast({ tone: 'success', title: `Done: ${title}`, detail: `Checked by reading ${where} again.` });
      break;
    case 'failed':
      toast({ tone: 'danger', title: `Failed: ${title}`, detail: operation.error?.message ?? null });
      break;
    case 'cancelled':
      toast({ tone: 'neutral', title: `Cancelled: ${title}`, detail: where });
      break;
    case 'interrupted':
      toast({
        tone: 'warning',
        title: `Interrupted: ${title}`,
        detail: `The outcome on ${where} is not known. Examine it in Operations.`,
      });
      break;
    case 'preparing':
    case 'running':
    case 'verifying':
    case 'forgotten':
      break;
  }
}
