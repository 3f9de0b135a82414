/** What the window tells its user in the corner: what could not be done, and how operations ended. */
import type { Batch } from '../../shared/model/batch.ts';
import type { Operation } from '../../shared/model/operation.ts';
import { batchCounts } from '../../shared/rules/operations/batch-words.ts';
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

/** Says how a batch ended, once for all its operations. */
export function toastBatchEnd(batch: Batch): void {
  const { title, state } = batch;
  const counts = batchCounts(batch);
  switch (state) {
    case 'succeeded':
      toast({ tone: 'success', title: `Done: ${title}`, detail: 'Each change was checked by reading its host again.' });
      break;
    case 'incomplete':
      toast({ tone: 'danger', title: `Done in part: ${title}`, detail: `${counts}. Operations says why.` });
      break;
    case 'cancelled':
      toast({ tone: 'neutral', title: `Cancelled: ${title}`, detail: `${counts}.` });
      break;
    case 'interrupted':
      toast({
        tone: 'warning',
        title: `Interrupted: ${title}`,
        detail: `${counts}. It can be resumed in Operations.`,
      });
      break;
    case 'running':
    case 'stopping':
    case 'forgotten':
      break;
  }
}
