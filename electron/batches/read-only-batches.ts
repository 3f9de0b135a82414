/** The batches as their files tell them, for a Snaptree that may only look. */
import type { SnaptreeError } from '../../shared/errors.ts';
import type { BatchRequest } from '../../shared/model/batch.ts';
import { readBatches } from '../store/batch-files.ts';
import type { BatchService } from './batches.ts';
import { planBatch } from './plan-batch.ts';
import type { BatchPlanningParts } from './plan-batch.ts';

/** Plans, as looking does no harm, and refuses everything else. Throws `storeUnusable`. */
export async function openReadOnlyBatches(
  parts: BatchPlanningParts & { readonly batchFolder: string; readonly refuse: (verb: string) => SnaptreeError },
): Promise<BatchService> {
  const { records, notices } = await readBatches(parts.batchFolder, 'leave');
  const batches = records.map(({ batch }) => batch).sort((a, b) => b.startedAt - a.startedAt);
  const refused = (verb: string) => () => Promise.reject(parts.refuse(verb));
  return {
    notices,
    plan: async (requests: readonly BatchRequest[]) => (await planBatch(parts, requests)).batchPlan,
    start: refused('run a batch'),
    list: () => batches,
    onChange: () => () => undefined,
    cancel: refused('cancel a batch'),
    resolve: refused('resume or forget a batch'),
    dispose: () => Promise.resolve(),
  };
}
