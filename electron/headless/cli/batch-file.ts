/** Batch files: what `plan batch --json` prints and `run` takes. */
import { z } from 'zod';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { BatchPlan, PlannedBatchItem } from '../../../shared/model/batch.ts';
import { stepDifferences } from '../../operations/plans/same-steps.ts';
import { documents } from './documents.ts';
import { whyLeftOut } from '../../../shared/rules/operations/batch-items.ts';

/** The batch plan in a text; null where it is no batch file at all. Throws `invalidRequest`. */
export function parseBatchFile(text: string, name: string): BatchPlan | null {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return null;
  }
  if (!z.looseObject({ schema: z.literal('snaptree.batchPlan') }).safeParse(raw).success) return null;
  const parsed = documents.batchPlan.safeParse(raw);
  if (parsed.success) return parsed.data.batchPlan;
  const reason = z.prettifyError(parsed.error).split('\n').slice(0, 4).join(' ');
  throw new SnaptreeError(
    'invalidRequest',
    `${name} is not a batch file that this Snaptree understands: ${reason} Nothing was done. “snaptree plan batch … --json” makes one.`,
  );
}

/**
 * Whether the batch that was just planned is the one in the file, but for changes that are left out of both. Throws `planStale` where a
 * host has changed or the file was edited. What is run is always the new one.
 */
export function checkSameBatch(inFile: BatchPlan, now: BatchPlan): void {
  const differences = now.items.flatMap((item, index) => {
    const before = inFile.items[index];
    const differing = before ? itemDifference(before, item) : 'It is not in the file.';
    return differing === null ? [] : [`“${item.title}” for the VM ${item.vmName} on ${item.hostName}: ${differing}`];
  });
  if (differences.length === 0 && now.items.length === inFile.items.length) return;
  const more = differences.length > 5 ? ` And ${differences.length - 5} more.` : '';
  throw new SnaptreeError(
    'planStale',
    `What “${inFile.title}” takes now is not what is in the file: a host has changed since, or the file was edited. ${differences.slice(0, 5).join(' ')}${more} Nothing was done. Plan the batch again and look at what it does now.`,
  );
}

function itemDifference(before: PlannedBatchItem, now: PlannedBatchItem): string | null {
  const [was, is] = [whyLeftOut(before), whyLeftOut(now)];
  if (was !== null && is !== null) return null;
  if (was !== null) return 'it was left out.';
  if (is !== null) return is;
  if (before.plan?.fingerprint !== now.plan?.fingerprint)
    return 'the VM, its snapshots, its images or what depends on them have changed.';
  const steps = stepDifferences(before.plan?.steps ?? [], now.plan?.steps ?? []);
  return steps.length === 0 ? null : steps.join(' ');
}
