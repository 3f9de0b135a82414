/** Plans that put images out of the way that nobody needs, by another name, and put them back. Nothing is deleted. */
import type { Image } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanNote } from '../../../../../shared/model/plan.ts';
import { dependentsOf } from '../../../../../shared/rules/chains/chains.ts';
import { foldersAround, wordsOfUse } from '../../../../../shared/rules/chains/dependents.ts';
import { missingLike, unusedImages } from '../../../../../shared/rules/findings/findings-images.ts';
import { isBeside, isSetAside, nameBefore } from '../../../../../shared/rules/chains/set-aside.ts';
import { fileNameOf } from '../../../../../shared/rules/text/folders.ts';
import { shellLine } from '../../../../../shared/rules/text/shell-words.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { remoteDependentWarnings, unknownDependentRefusals } from '../../../planning/dependent-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import type { LibvirtContext } from '../plan-rules.ts';

type SetAsideRequest = Extract<ChangeRequest, { action: 'setAsideImage' }>;

/**
 * A rename in the same folder: at once, on the same file system, and undone by the same. `qemu-img info` without `-U` finds whoever writes
 * to it now, on this host. A file of several names would be found by the others.
 */
const script = `
from=$1 to=$2
fail() { printf '%s\\n' "$*" >&2; exit 1; }
if [ ! -e "$from" ] && [ -f "$to" ]; then exit 0; fi
[ -f "$from" ] && [ ! -L "$from" ] || fail "$from is not a plain file. Nothing was changed."
if [ -e "$to" ] || [ -L "$to" ]; then fail "There is something at $to already. Nothing was changed."; fi
[ "$(stat -c %h -- "$from")" = 1 ] || fail "$from has other names as well, which whoever uses it may know. Nothing was changed."
why=$(LC_ALL=C qemu-img info -- "$from" 2>&1 >/dev/null) || fail "$from is in use, or cannot be examined. Nothing was changed. $why"
mv -n -- "$from" "$to" || exit 1
if [ -e "$from" ] || [ ! -f "$to" ]; then fail "$from could not be renamed to $to."; fi
`.trim();

export function planSetAside({ imageId, to }: SetAsideRequest, context: LibvirtContext): PlanDraft {
  const { vm, images } = context;
  const image = images.get(imageId);
  const isBack = isSetAside(imageId);
  const title = isBack ? `Put ${imageId} back as ${to}` : `Set ${imageId} aside as ${to}`;
  const like = image ? missingLike(image, context.inventory) : null;
  const parentId = image?.parent?.imageId ?? null;
  return {
    vmName: vm.name,
    title,
    refusals: image ? refusalsFor(image, to, context) : [notThere(imageId)],
    warnings: [
      note(
        'renamedOnly',
        isBack
          ? `Only the name changes.`
          : `Only the name changes: nothing is deleted, and no room becomes free. It is put back by “snaptree plan repair ${vm.name} --put-back” or ${shellLine(['mv', '-n', '--', to, imageId])}. Leave it for as long as somebody may miss it.`,
      ),
      ...(isBack
        ? []
        : [
            note(
              'otherHostsNotKnown',
              'What other hosts, VMs of other users and other hypervisors, and backup programs use is not known here. Make sure that none of them needs it.',
            ),
          ]),
      ...(like === null || isBack
        ? []
        : [
            note(
              'mayBeMissing',
              `It is as large as what hangs on ${like}, which is missing, and may be that under another name.`,
              [like],
            ),
          ]),
      ...remoteDependentWarnings(context, [imageId]),
    ],
    rooms: [],
    expectedPause: null,
    steps: [
      {
        title,
        argv: ['sh', '-c', script, 'snaptree-aside', imageId, to],
        reads: [],
        writes: [],
        creates: [to],
        invalidates: [imageId],
        deletes: [],
        verify: [
          { kind: 'imageGone', imageId },
          ...(isBack ? [] : [{ kind: 'noDependents' as const, imageIds: [imageId] }]),
          // What it hangs on counts from its folder, which stays.
          ...(parentId === null && image?.parent ? [] : [{ kind: 'imageParent' as const, imageId: to, parentId }]),
          ...activeLayersStay(vm.disks),
        ],
        ...plainStep,
        whenInterrupted: 'redo',
      },
    ],
    after: {
      vmState: vm.state,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: chainsOf(context),
    },
  };
}

function notThere(imageId: string): PlanNote {
  return note('imageNotFound', `${imageId} is not among the images that were read. Nothing of it is known.`, [imageId]);
}

/** Whatever speaks for somebody who needs it, also where that is only possible: nobody is asked to be sure in the place of the host. */
function refusalsFor(image: Image, to: string, context: LibvirtContext): PlanNote[] {
  const { inventory, images, dependents } = context;
  const { id, kind, otherPaths, status } = image;
  const isBack = isSetAside(id);
  const vms = inventory.vms.flatMap((vm) => (vm.readable ? [vm] : []));
  const { childImageIds, possibleChildIds, activeFor, uses, vms: needing } = dependentsOf(id, dependents);
  const names = [
    ...childImageIds,
    ...possibleChildIds,
    ...activeFor.map(({ vm, disk }) => `disk ${disk.target} of VM ${vm.name}`),
    ...uses.map(({ vm, use }) => `${wordsOfUse(use)} (VM ${vm.name})`),
    ...needing.map(({ name }) => `VM ${name}`),
  ];
  const isUnused = unusedImages({ inventory, vms }).has(image);
  const folders = foldersAround(image, vms);
  const missing = inventory.images.find((each) => each.status === 'missing' && fileNameOf(each.id) === fileNameOf(id));
  return [
    ...(status !== 'ok' || kind !== 'file' ? [note('notAFile', `${id} is not a file that could be read.`, [id])] : []),
    ...((isBack ? to === nameBefore(id) : isBeside(to, id) && isSetAside(to))
      ? []
      : [note('badPath', `${id} keeps its folder, and its name only gets an ending: ${to} is not that.`, [to])]),
    ...(images.has(to) && images.get(to)?.status !== 'missing'
      ? [note('pathTaken', `There is something at ${to} already.`, [to])]
      : []),
    ...(names.length > 0
      ? [note('imageHasDependents', `${id} is needed: ${listed([...new Set(names)].slice(0, 6))}.`, names)]
      : isUnused
        ? []
        : [note('imageHasDependents', `${id} is named by a VM, a snapshot or another image of this host.`, [id])]),
    ...(otherPaths.length > 0
      ? [
          note(
            'otherNames',
            `${id} has other names as well (hard links), by which somebody may use it: ${listed(otherPaths)}.`,
            [id],
          ),
        ]
      : []),
    ...folders.map((words) => note('folderInUse', `${id} may be in use: ${words}.`, [id])),
    ...(missing === undefined || isBack
      ? []
      : [
          note(
            'mayBeMissing',
            `${id} has the file name of ${missing.id}, which is missing, and may be that: let that chain be whole again first.`,
            [missing.id],
          ),
        ]),
    ...unreadVms(context),
    ...unknownDependentRefusals(context, [id], isBack ? 'Putting it back' : 'Setting it aside'),
  ];
}

/** A VM that could not be read may name any image. */
function unreadVms({ inventory }: LibvirtContext): PlanNote[] {
  const unread = inventory.vms.filter((vm) => !vm.readable).map(({ name, uuid }) => name ?? uuid);
  return unread.length === 0
    ? []
    : [note('vmsNotRead', `${listed(unread.slice(0, 5))} could not be read, and may need it.`, unread)];
}
