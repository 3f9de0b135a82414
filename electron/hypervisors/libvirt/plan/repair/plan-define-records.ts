/** Plans that define lost records of snapshots again, out of files, the parents first. No image is touched. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, PlanNote } from '../../../../../shared/model/plan.ts';
import type { RecordFile } from '../../../../../shared/model/record-files.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';
import { patientVirsh } from '../merge/patient-virsh.ts';
import { virsh, type LibvirtContext } from '../plan-rules.ts';

type DefineRequest = Extract<ChangeRequest, { action: 'defineRecords' }>;

/** Nothing of that name is replaced, and nothing but what was planned is defined. */
const script = `
uri=$1 vm=$2 name=$3 file=$4 checksum=$5
umask 077
fail() { printf '%s\\n' "$*" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${patientVirsh}
cat -- "$file" >"$work/record" || fail "The record could not be read: $file. Nothing was changed."
[ "$(cksum <"$work/record")" = "$checksum" ] || fail "The file is not what it was when the plan was made: $file. Nothing was changed."
if ask snapshot-dumpxml "--domain=$vm" "--snapshotname=$name" >/dev/null 2>&1; then fail "There is a snapshot of that name already: $name. Nothing was changed."; fi
redefine "$work/record" '' || fail "libvirt did not take the record: $file"
`.trim();

export function planDefineRecords(request: DefineRequest, context: LibvirtContext): PlanDraft {
  const { vm, done } = context;
  const { currentId } = request;
  const known = new Set(vm.snapshots.map(({ id }) => id));
  // Without those that a step of the same plan has defined.
  const records = request.records.filter(
    ({ path, snapshot }) => !(known.has(snapshot.id) && done.some(({ argv }) => argv.includes(path))),
  );
  const { ordered, refusals } = parentsFirst(records, known);
  const snapshots = ordered.map(({ snapshot }) => withIds(snapshot, context));
  // What was current before goes on being it where the VM has a current one now.
  const current = vm.currentSnapshotId ?? currentId;
  return {
    vmName: vm.name,
    title: `Define ${records.length === 1 ? 'a record' : `${records.length} records`} of snapshots of ${vm.name} again`,
    refusals: [
      ...(request.records.length === 0 ? [note('nothingToDo', 'No record was found.')] : []),
      ...(vm.persistent
        ? []
        : [note('transient', `${vm.name} exists only as long as it runs, and so do the records of its snapshots.`)]),
      ...refusals,
      ...(currentId === null ||
      current !== currentId ||
      request.records.some(({ snapshot }) => snapshot.id === currentId)
        ? []
        : [note('currentUnknown', `There is no record of "${currentId}", which is to be the current snapshot.`)]),
    ],
    warnings: [
      ...lostData(snapshots, context),
      note(
        'asTheyWere',
        'The records say what they said when they were written. Where images were merged or moved since, repair them afterwards before you go back to a snapshot.',
      ),
      note(
        'secretsMayLack',
        'A record that was saved without --security-info lacks what is secret in the definition of then, such as the password of a console.',
      ),
    ],
    rooms: [],
    expectedPause: null,
    steps: [
      ...ordered.map(({ path, checksum, snapshot }) => ({
        title: `Define the record of "${snapshot.name}"`,
        argv: ['sh', '-c', script, 'snaptree-define', context.uri, vm.uuid, snapshot.name, path, checksum],
        ...touchesNothing,
        verify: [
          { kind: 'snapshotExists', snapshotId: snapshot.id },
          { kind: 'snapshotParent', snapshotId: snapshot.id, parentId: snapshot.parentId },
          ...activeLayersStay(vm.disks),
        ] satisfies Expectation[],
        ...plainStep,
      })),
      ...(current === null || current === vm.currentSnapshotId
        ? []
        : [
            {
              title: `Say that ${vm.name} is at "${current}"`,
              argv: virsh(context, 'snapshot-current', `--snapshotname=${current}`),
              ...touchesNothing,
              verify: [{ kind: 'currentSnapshot', snapshotId: current }] satisfies Expectation[],
              ...plainStep,
              whenInterrupted: 'redo' as const,
            },
          ]),
    ],
    after: {
      vmState: vm.state,
      chains: chainsOf(context),
      snapshots: [...vm.snapshots, ...snapshots],
      currentSnapshotId: current,
    },
  };
}

/** What stands against it is told for all of them at once. */
function parentsFirst(
  records: readonly RecordFile[],
  known: ReadonlySet<string>,
): { readonly ordered: readonly RecordFile[]; readonly refusals: PlanNote[] } {
  const names = records.map(({ snapshot }) => snapshot.id);
  const taken = names.filter((name) => known.has(name));
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  const orphans = records.filter(
    ({ snapshot: { parentId } }) => parentId !== null && !known.has(parentId) && !names.includes(parentId),
  );
  const ordered: RecordFile[] = [];
  const placed = new Set(known);
  for (let left = records; left.length > 0;) {
    const next = left.filter(({ snapshot: { parentId } }) => parentId === null || placed.has(parentId));
    if (next.length === 0) break;
    ordered.push(...next);
    for (const { snapshot } of next) placed.add(snapshot.id);
    left = left.filter((each) => !next.includes(each));
  }
  const inCircle = ordered.length < records.length && orphans.length === 0;
  return {
    ordered,
    refusals: [
      ...taken.map((name) => note('nameTaken', `There is a record of "${name}" already. Leave its file out.`, [name])),
      ...twice.map((name) => note('nameTwice', `Two files are about "${name}". Leave one of them out.`, [name])),
      ...orphans.map(({ path, snapshot }) =>
        note(
          'parentMissing',
          `${path}: "${snapshot.name}" hangs below "${snapshot.parentId ?? ''}", of which there is neither a record nor a file.`,
          [snapshot.name],
        ),
      ),
      ...(inCircle ? [note('circle', 'The records hang below each other in a circle.')] : []),
    ],
  };
}

/** Files name images by whatever path was used; images are known by their resolved ones. */
function withIds(snapshot: Snapshot, { images, inventory }: LibvirtContext): Snapshot {
  const idOf = (path: string | null) =>
    path === null || images.has(path)
      ? path
      : (inventory.images.find(({ otherPaths }) => otherPaths.includes(path))?.id ?? path);
  return {
    ...snapshot,
    disks: snapshot.disks.map((disk) => ({
      ...disk,
      dataImageId: idOf(disk.dataImageId),
      overlayImageId: idOf(disk.overlayImageId),
    })),
  };
}

function lostData(snapshots: readonly Snapshot[], { images }: LibvirtContext): PlanNote[] {
  const lost = snapshots.filter(({ name, disks }) =>
    disks.some(({ kind, dataImageId }) => {
      const image = dataImageId === null ? undefined : images.get(dataImageId);
      if (kind === 'none' || image?.status === 'unreadable') return false;
      if (image?.status !== 'ok') return true;
      return kind === 'internal' && !image.internalSnapshots.some((tag) => tag.name === name);
    }),
  );
  if (lost.length === 0) return [];
  const names = lost.map(({ name }) => name);
  return [
    note(
      'dataNotFound',
      `Not all of the data of ${listed(names.slice(0, 6).map((name) => `"${name}"`))} was found where ${lost.length === 1 ? 'its record says' : 'their records say'}: ${lost.length === 1 ? 'it cannot' : 'they cannot'} be gone back to as ${lost.length === 1 ? 'it is' : 'they are'}.`,
      names,
      names.slice(0, 6),
    ),
  ];
}
