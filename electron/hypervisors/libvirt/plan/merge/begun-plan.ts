/**
 * What a plan that was begun still knows and the host no longer shows: the records of deleted snapshots are gone before the last
 * steps are run. What of it can be judged on the host is judged there all the same. Pure.
 */
import { memoryFilesIn } from '../../../../../shared/rules/snapshots/snapshot-data.ts';
import type { BegunPlan } from '../../../driver.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { droppedNames } from './drop-records.ts';
import { rangeGroup, type MergeRange } from './merge-ranges.ts';

type Step = BegunPlan['done'][number];

export interface BegunMerge {
  readonly target: string;
  readonly topId: string;
  /** The image that it writes to. */
  readonly writtenId: string;
}

/** All merges of the plan, once one of them is done; before that the host shows what there is to merge. */
export function begunMerges({ done, rest }: BegunPlan): readonly BegunMerge[] {
  const merges = (steps: readonly Step[]) => steps.flatMap((step) => mergeOf(step) ?? []);
  return merges(done).length === 0 ? [] : merges([...done, ...rest]);
}

function mergeOf({ group, runs, writes }: Step): BegunMerge | null {
  const [, target, topId] = /^merge (\S{1,200}) ([^]{1,5000})$/.exec(group ?? '') ?? [];
  const [writtenId] = writes;
  if (runs !== 'inOrder' || target === undefined || topId === undefined || writtenId === undefined) return null;
  return { target, topId, writtenId };
}

/** The step that removes records with a merge, where it is left or was cut off, and whose they are; null where it is done. */
export function begunRecords(
  range: MergeRange,
  { rest }: BegunPlan,
): { readonly argv: string[]; readonly names: readonly string[] } | null {
  const step = rest.find(({ group, runs }) => group === rangeGroup(range) && runs === 'always');
  return step ? { argv: step.argv, names: droppedNames(step.argv) } : null;
}

/** The snapshots whose absence is still to be verified. */
export function begunAbsentIds({ rest }: BegunPlan): readonly string[] {
  return rest
    .flatMap(({ verify }) => verify)
    .flatMap((expectation) => (expectation.kind === 'snapshotAbsent' ? expectation.snapshotId : []));
}

/** The files that are still to be removed. */
export interface BegunFiles {
  readonly imageIds: readonly string[];
  /** Of the memory of snapshots whose records are gone. */
  readonly memoryFiles: readonly string[];
}

/** A memory file that a snapshot names by now is not one of them any more. */
export function begunFiles({ rest, inventory }: LibvirtContext): BegunFiles {
  const images = new Set(
    rest
      .flatMap(({ verify }) => verify)
      .flatMap((expectation) => {
        if (expectation.kind === 'noDependents') return expectation.imageIds;
        return expectation.kind === 'imageGone' ? [expectation.imageId] : [];
      }),
  );
  const named = new Set(memoryFilesIn(inventory.vms.flatMap((vm) => (vm.readable ? vm.snapshots : []))));
  return {
    imageIds: [...images],
    memoryFiles: rest.flatMap(({ deletes }) => deletes).filter((path) => !images.has(path) && !named.has(path)),
  };
}
