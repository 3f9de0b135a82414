import type { Batch } from '../../../../shared/model/batch.ts';
import { batchCounts } from '../../../../shared/rules/operations/batch-words.ts';
import { shownSentence } from '../output.ts';
import type { Paint } from '../output.ts';
import { tableLines } from './table.ts';
import { utc } from './words.ts';

/** One line for each batch. */
export function batchTable(batches: readonly Batch[], paint: Paint): readonly string[] {
  const head = ['ID', 'STARTED', 'STATE', 'CHANGES', 'BATCH'];
  return tableLines([
    head.map((text) => ({ text, paint: (plain: string) => paint('dim', plain) })),
    ...batches.map((batch) => [
      batch.id.slice(0, 8),
      utc(batch.startedAt),
      batch.state,
      batchCounts(batch),
      shownSentence(batch.title),
    ]),
  ]);
}
