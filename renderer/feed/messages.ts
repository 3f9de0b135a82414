/** What the window tells its user in the corner: what could not be done, and how operations ended. */
import type { Operation } from '../../shared/model/operation.ts';
import { toast } from '../design/toasts.ts';
import { asSnaptreeError } from '../ipc/client.ts';

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
