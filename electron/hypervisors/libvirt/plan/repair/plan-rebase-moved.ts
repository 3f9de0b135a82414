/** Plans that let a chain go on where its missing backing image is now. Nothing but the reference in one image is changed. */
import type { Image, ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanNote } from '../../../../../shared/model/plan.ts';
import { chainFrom, chainOfDisk, dependentsOf } from '../../../../../shared/rules/chains/chains.ts';
import {
  baseCandidates,
  isWrittenSinceOverlay,
  lostBase,
  reasonAgainstBase,
  type LostBase,
} from '../../../../../shared/rules/repair/moved-base.ts';
import { shellLine } from '../../../../../shared/rules/text/shell-words.ts';
import { fileNameOf } from '../../../../../shared/rules/text/folders.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';
import { editArgv } from '../merge/record-script.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { keepRecordsStep, keptIn } from './keep-records.ts';

type RebaseRequest = Extract<ChangeRequest, { action: 'rebaseImage' }>;

/**
 * `rebase -u` takes no lock, checks nothing, and writes only the header (QEMU docs, qemu-img); so the script looks first: that what it
 * replaces is still what was planned for and still missing, that nobody has the overlay open, and that the base is there.
 */
const script = `
overlay=$1 base=$2 format=$3 missing=$4
fail() { printf '%s\\n' "$*" >&2; exit 1; }
[ -f "$overlay" ] || [ -b "$overlay" ] || fail "$overlay is not there. Nothing was changed."
if [ -e "$missing" ]; then fail "$missing is there again. Nothing was changed: refresh, and plan again where something is still wrong."; fi
why=$(LC_ALL=C qemu-img info -f "$format" -- "$base" 2>&1 >/dev/null) || fail "$base cannot be used as $format. Nothing was changed. $why"
why=$(LC_ALL=C qemu-img info -- "$overlay" 2>&1 >/dev/null) || fail "$overlay is in use, or cannot be examined. Nothing was changed. $why"
qemu-img rebase -u -F "$format" -b "$base" -- "$overlay" || fail 'The reference could not be written.'
`.trim();

const scriptName = 'snaptree-rebase';

/** What a step of the same plan has given the overlay another base for; null where none has. */
function lostBefore(overlay: Image, { done }: LibvirtContext): LostBase | null {
  const step = done.find(({ argv }) => argv[3] === scriptName && argv[4] === overlay.id);
  const missingId = step?.argv.at(-1);
  return missingId === undefined ? null : { overlay, missingId };
}

export function planRebaseMoved({ imageId, baseId }: RebaseRequest, context: LibvirtContext): PlanDraft {
  const { vm, images } = context;
  const overlay = images.get(imageId);
  const base = images.get(baseId);
  const begun = overlay?.parent?.imageId === baseId ? lostBefore(overlay, context) : null;
  const lost = begun ?? lostIn(imageId, context);
  const title = `Let ${imageId} hang on ${baseId}, in the place of an image that is missing`;
  const draft: PlanDraft = {
    vmName: vm.name,
    title,
    refusals: refusalsFor(overlay, base, lost, baseId, begun !== null, context),
    warnings: [],
    rooms: [],
    expectedPause: null,
    steps: [],
    after: {
      vmState: vm.state,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: chainsOf(context),
    },
  };
  if (draft.refusals.length > 0 || !overlay || !base || !lost) return draft;
  const { missingId } = lost;
  const format = base.format ?? '';
  const records = vm.snapshots.filter(({ disks }) => disks.some(({ dataImageId }) => dataImageId === missingId));
  const reference = (begun ? null : overlay.parent?.reference) ?? missingId;
  const below = chainFrom(base.id, images).images.map(({ id }) => id);
  return {
    ...draft,
    warnings: warningsFor(lost, base, reference, records.length > 0, context),
    steps: [
      ...(records.length === 0
        ? []
        : [
            keepRecordsStep(
              records.map(({ name }) => name),
              context,
            ),
          ]),
      {
        title,
        argv: ['sh', '-c', script, scriptName, imageId, baseId, format, missingId],
        reads: [baseId],
        writes: [],
        creates: [],
        // What others read through it is something else then.
        invalidates: [imageId],
        deletes: [],
        verify: [
          { kind: 'imageParent', imageId, parentId: baseId },
          { kind: 'vmState', oneOf: ['shutoff'] },
          ...activeLayersStay(vm.disks),
        ],
        ...plainStep,
        whenInterrupted: 'examine',
      },
      {
        title: `Let the definition of ${vm.name}${records.length === 0 ? '' : `, and the record${records.length === 1 ? '' : 's'} of ${listed(records.map(({ name }) => `"${name}"`))},`} name it too`,
        argv: editArgv({
          uri: context.uri,
          vmUuid: vm.uuid,
          replacements: [...new Set([missingId, ...(reference.startsWith('/') ? [reference] : [])])].map((from) => ({
            from,
            to: baseId,
            format,
            isBlock: base.kind === 'block',
          })),
          snapshotNames: records.map(({ name }) => name),
          definition: 'shutOff',
        }),
        ...touchesNothing,
        verify: [
          ...records.flatMap(({ id, disks }) =>
            disks
              .filter(({ dataImageId }) => dataImageId === missingId)
              .map(({ target }) => ({ kind: 'snapshotData' as const, snapshotId: id, target, dataImageId: baseId })),
          ),
          { kind: 'vmState', oneOf: ['shutoff'] },
          ...activeLayersStay(vm.disks),
        ],
        ...plainStep,
        whenInterrupted: 'redo',
      },
    ],
    after: {
      ...draft.after,
      snapshots: vm.snapshots.map((each) => ({
        ...each,
        disks: each.disks.map((disk) => (disk.dataImageId === missingId ? { ...disk, dataImageId: baseId } : disk)),
      })),
      chains: draft.after.chains.map(({ target, imageIds }) => {
        const at = imageIds.indexOf(imageId);
        return { target, imageIds: at < 0 ? imageIds : [...imageIds.slice(0, at + 1), ...below] };
      }),
    },
  };
}

/** Of the chain of a disk of the VM, or of a snapshot's data. */
function lostIn(imageId: string, { vm, images }: LibvirtContext): LostBase | null {
  const chains = [
    ...vm.disks.flatMap((disk) => chainOfDisk(disk, images) ?? []),
    ...vm.snapshots.flatMap(({ disks }) =>
      disks.flatMap(({ dataImageId }) => (dataImageId === null ? [] : [chainFrom(dataImageId, images)])),
    ),
  ];
  return chains.map(lostBase).find((lost) => lost?.overlay.id === imageId) ?? null;
}

function refusalsFor(
  overlay: Image | undefined,
  base: Image | undefined,
  lost: LostBase | null,
  baseId: string,
  isBegun: boolean,
  context: LibvirtContext,
): PlanNote[] {
  const { vm, inventory, images, dependents } = context;
  if (!lost || !overlay) {
    return [
      note(
        'nothingMissing',
        `No chain of ${vm.name} ends at that image because its backing image is missing: there is nothing to mend.`,
      ),
    ];
  }
  const against = isBegun
    ? null
    : base
      ? reasonAgainstBase(base, lost, inventory, images)
      : `${baseId} was not found on the host.`;
  const using = dependentsOf(overlay.id, dependents).vms;
  const users: readonly ReadableVm[] = using.includes(vm) ? using : [...using, vm];
  const running = users.filter(({ state }) => state !== 'shutoff');
  return [
    ...(against === null ? [] : [note('notTheBase', against, [baseId])]),
    ...(overlay.parentsByPath === undefined
      ? []
      : [
          note(
            'otherPath',
            `${overlay.id} is opened by several paths, and what it hangs on counts from each: with another reference one of them would read something else.`,
            [overlay.id],
          ),
        ]),
    ...running.map(({ name, state }) =>
      note(
        'vmRuns',
        `${name} needs ${overlay.id} and is ${state}: what it hangs on is changed only while it is shut off.`,
        [name],
      ),
    ),
    ...users
      .filter(({ hasManagedSave }) => hasManagedSave)
      .map(({ name }) =>
        note(
          'managedSave',
          `The memory of ${name} was saved. On a disk that is not what it was, its guest would destroy its file systems, and what the missing image held cannot be proven. Discard that memory first, or put the image back where it was.`,
          [name],
        ),
      ),
    ...((base?.virtualBytes ?? 0) > (overlay.virtualBytes ?? Infinity) && base
      ? [
          note(
            'baseTooLarge',
            `${base.id} is larger than ${overlay.id}: an overlay is made as large as what it hangs on, and never shrinks by itself.`,
            [base.id],
          ),
        ]
      : []),
  ];
}

function warningsFor(
  lost: LostBase,
  base: Image,
  reference: string,
  hasRecords: boolean,
  context: LibvirtContext,
): PlanNote[] {
  const { inventory, dependents, vm } = context;
  const { overlay, missingId } = lost;
  const candidates = baseCandidates(lost, inventory);
  const own = candidates.find(({ image }) => image === base);
  const rivals = candidates
    .filter(({ image, rank }) => image !== base && rank >= (own?.rank ?? 0))
    .map(({ image }) => image.id);
  const others = dependentsOf(overlay.id, dependents).vms.filter(({ uuid }) => uuid !== vm.uuid);
  const written = isWrittenSinceOverlay(base, overlay, inventory);
  const format = base.format ?? 'qcow2';
  return [
    note(
      'baseNotProven',
      `${base.id} is taken for ${missingId}: ${own ? `${listed(own.signs)}.` : `it has neither its name (${fileNameOf(missingId)}) nor the size of the overlay.`} What it holds cannot be compared with anything: with another image, or another state of it, the disk is a mixture of both, and no tool notices. Look at what the guest reads before it writes.`,
      [base.id],
    ),
    ...(rivals.length === 0
      ? []
      : [
          note(
            'otherCandidates',
            `${listed(rivals.slice(0, 5))} ${rivals.length === 1 ? 'fits' : 'fit'} as well. Compare them before you choose: ${shellLine(['qemu-img', 'compare', '-U', '--', base.id, rivals[0] ?? ''])}`,
            rivals,
          ),
        ]),
    ...(written === true
      ? [
          note(
            'writtenSince',
            `${base.id} was written to after ${overlay.id} was made. A copy is written when it is made; but where a guest wrote to it, it does not fit.`,
            [base.id],
          ),
        ]
      : []),
    ...(others.length === 0
      ? []
      : [
          note(
            'othersToo',
            `${listed(others.map(({ name }) => name))} hang on ${overlay.id} too, and read ${base.id} below it then.`,
            others.map(({ name }) => name),
          ),
        ]),
    note(
      'undoneBy',
      `Until something was written, this takes it back: ${shellLine(['qemu-img', 'rebase', '-u', '-F', overlay.parent?.format ?? format, '-b', reference, '--', overlay.id])}${hasRecords ? ` Copies of the records stay in ${keptIn(context)} on the host.` : ''}`,
    ),
  ];
}
