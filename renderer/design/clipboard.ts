import { toast } from '../app/toasts.ts';

/** Says that the clipboard could not be written. */
export function reportCopyFailure(): void {
  toast({
    tone: 'warning',
    title: 'Not copied',
    detail: 'The browser did not allow writing to the clipboard. Select the text and copy it by hand.',
  });
}
