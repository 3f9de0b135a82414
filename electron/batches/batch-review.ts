/**
 * What was agreed to for one change of a batch, and whether what is planned at its turn is still that. Pure.
 *
 * Of one VM each change alters what the next one finds, so only the first can be run exactly as it was reviewed. The others are
 * planned again when they are due, and run only where the new plan stays within what was agreed to for the VM.
 */
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Plan } from '../../shared/model/plan.ts';
import type { Review } from '../store/batch-files.ts';
import { firstOf } from '../../shared/rules/text/first-of.ts';

type Planned = Pick<Plan, 'request' | 'steps' | 'warnings' | 'after' | 'vmUuid'>;

/**
 * @param inventory the one that the plan was made for
 * @param fingerprint of the plan, where nothing of the batch comes before it on its VM
 */
export function reviewOf(plan: Planned, inventory: Inventory, fingerprint: string | null = null): Review {
  return {
    fingerprint,
    warnings: [...new Set(plan.warnings.map(({ code }) => code))],
    // What it makes is there for those behind it, which write to the new active layer.
    touched: [...new Set([...filesTouched(plan), ...plan.steps.flatMap(({ creates }) => creates)])],
    snapshots: snapshotsConcerned(plan, inventory),
  };
}

function filesTouched({ steps }: Pick<Planned, 'steps'>): readonly string[] {
  return [...new Set(steps.flatMap(({ writes, invalidates, deletes }) => [...writes, ...invalidates, ...deletes]))];
}

function snapshotsConcerned({ vmUuid, request, after }: Planned, { vms }: Inventory): Review['snapshots'] {
  const vm = vms.find(({ uuid }) => uuid === vmUuid);
  if (!vm?.readable) return [];
  const kept = new Set(after.snapshots.map(({ id }) => id));
  const target = 'snapshotId' in request ? request.snapshotId : null;
  return vm.snapshots
    .filter(({ id }) => id === target || !kept.has(id))
    .map(({ id, createdAt }) => ({ id, createdAt }));
}

/**
 * Why a plan made at its turn must not be run without being looked at, in sentences; empty where it may.
 *
 * @param reviewed what was agreed to for this change
 * @param ofVm what was agreed to for all changes of its VM: what one was to touch another may, since they shift into each other
 * @param inventory the one that the plan was made for
 */
export function beyondReview(
  plan: Plan,
  inventory: Inventory,
  reviewed: Review,
  ofVm: readonly Review[],
): readonly string[] {
  if (plan.refusals.length > 0) return plan.refusals.map(({ message }) => message);
  if (plan.steps.length === 0) return ['There is nothing to do any more.'];
  if (reviewed.fingerprint !== null && reviewed.fingerprint !== plan.fingerprint) {
    return [
      `${plan.hostName} has changed since it was reviewed: the VM, its snapshots, its images or what depends on them are not as they were.`,
    ];
  }
  const now = reviewOf(plan, inventory);
  const touched = new Set(ofVm.flatMap((each) => each.touched));
  const known = new Map(ofVm.flatMap((each) => each.snapshots.map(({ id, createdAt }) => [id, createdAt] as const)));
  const news = plan.warnings.filter(({ code }) => !reviewed.warnings.includes(code)).map(({ message }) => message);
  const files = filesTouched(plan).filter((path) => !touched.has(path));
  const others = now.snapshots.filter(({ id }) => !known.has(id)).map(({ id }) => id);
  const replaced = now.snapshots.filter(({ id, createdAt }) => known.has(id) && known.get(id) !== createdAt);
  return [
    ...news.map((message) => `This was not known when it was reviewed: ${message}`),
    ...(files.length > 0 ? [`It would also change ${firstOf(files)}, which was not reviewed.`] : []),
    ...(others.length > 0 ? [`It would also concern ${firstOf(others)}, which was not reviewed.`] : []),
    ...(replaced.length > 0
      ? [`${firstOf(replaced.map(({ id }) => id))} is not the snapshot that was reviewed: it was made anew since.`]
      : []),
  ];
}
