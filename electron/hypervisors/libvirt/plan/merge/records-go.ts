/** Steps that remove records of external snapshots, with which nothing else changes. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { Expectation } from '../../../../../shared/model/plan.ts';
import { activeLayersStay } from '../../../planning/chain-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';
import { virsh, type LibvirtContext } from '../plan-rules.ts';
import { dropRecordsArgv } from './drop-records.ts';
import type { Step } from './merge-steps.ts';

/** The records, what is below first; by `virsh snapshot-delete --metadata` alone where no snapshot is below that stays. */
export function recordsGo(doomed: readonly Snapshot[], context: LibvirtContext): readonly Step[] {
  const { vm } = context;
  const ids = new Set(doomed.map(({ id }) => id));
  const step = (snapshots: readonly Snapshot[], argv: string[]): Step => ({
    title: `Remove the record${snapshots.length === 1 ? '' : 's'} of ${listed(snapshots.map(({ name }) => `"${name}"`))}`,
    argv,
    ...touchesNothing,
    verify: [
      ...snapshots.map(({ id }): Expectation => ({ kind: 'snapshotAbsent', snapshotId: id })),
      ...activeLayersStay(vm.disks),
    ],
    ...plainStep,
  });
  const leavesFirst = doomed.toReversed();
  const haveChildren = vm.snapshots.some(({ id, parentId }) => parentId !== null && ids.has(parentId) && !ids.has(id));
  return haveChildren
    ? [
        {
          ...step(leavesFirst, dropRecordsArgv(leavesFirst, null, context)),
          verify: [...step(leavesFirst, []).verify, ...dataStays(ids, context)],
          whenInterrupted: 'redo',
        },
      ]
    : leavesFirst.map((snapshot) =>
        step([snapshot], virsh(context, 'snapshot-delete', `--snapshotname=${snapshot.name}`, '--metadata')),
      );
}

/** What the records of the others say of their data. */
function dataStays(doomed: ReadonlySet<string>, { vm }: LibvirtContext): Expectation[] {
  return vm.snapshots
    .filter(({ id }) => !doomed.has(id))
    .flatMap(({ id, disks }) =>
      disks.flatMap(({ target, kind, dataImageId }): Expectation[] =>
        kind !== 'external' || dataImageId === null
          ? []
          : [{ kind: 'snapshotData', snapshotId: id, target, dataImageId }],
      ),
    );
}
