/** Which of the records in files can be defined again. Pure. */
import type { ReadableVm } from '../../model/inventory.ts';
import type { ChangeRequest } from '../../model/plan.ts';
import type { RecordFiles } from '../../model/record-files.ts';

/** The request for those of which the VM has no record; what is left out is said in sentences. */
export function defineRequest(
  { records, unusable, currentId }: RecordFiles,
  vm: Pick<ReadableVm, 'uuid' | 'snapshots'>,
): { readonly request: ChangeRequest; readonly leftOut: readonly string[] } {
  const known = new Set(vm.snapshots.map(({ id }) => id));
  const there = records.filter(({ snapshot }) => known.has(snapshot.id));
  return {
    request: {
      action: 'defineRecords',
      vmUuid: vm.uuid,
      records: records.filter((record) => !there.includes(record)),
      currentId,
    },
    leftOut: [
      ...unusable.map(({ path, reason }) => `${path}: ${reason}`),
      ...there.map(({ path, snapshot }) => `${path}: There is a record of “${snapshot.name}” already.`),
    ],
  };
}
