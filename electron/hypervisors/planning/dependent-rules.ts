/** Rules about who else needs the images that a change would touch. */
import type { Disk, ReadableVm, UnknownDependents } from '../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../shared/model/plan.ts';
import { dependentsOf } from '../../../shared/rules/chains/chains.ts';
import {
  remoteDependents,
  unknownDependentsOf,
  unknownDependentsOfAny,
  wordsOfUse,
} from '../../../shared/rules/chains/dependents.ts';
import { note } from '../../../shared/rules/text/plan-note.ts';
import { listed } from './notes.ts';
import type { PlanningContext } from './planning-context.ts';

/**
 * Whoever else needs an image that a change would write to. Nothing upstream looks for them: committing into, or
 * reverting, an image with another dependent returns 0 and gives the dependent wrong data (seen on QEMU 7.2).
 *
 * @param ownChildIds overlays of the VM itself that take part in the change
 */
export function dependentRefusals(
  context: PlanningContext,
  imageIds: readonly string[],
  verb: string,
  ownChildIds: ReadonlySet<string> = new Set(),
): PlanNote[] {
  return imageIds.flatMap((imageId) => {
    const { childImageIds, activeFor, uses, vms } = dependentsOf(imageId, context.dependents);
    const ownUses = uses.filter(({ vm, use }) => vm.uuid === context.vm.uuid && use.by !== 'snapshot');
    const otherVms = new Set(vms.filter((vm) => vm.uuid !== context.vm.uuid).map((vm) => vm.name));
    const ownDisks = activeFor.filter(({ vm }) => vm.uuid === context.vm.uuid).map(({ disk }) => disk.target);
    const names = [
      ...childImageIds.filter((id) => !ownChildIds.has(id)),
      ...[...otherVms].map((name) => `VM ${name}`),
      // What the VM will use otherwise than now, e.g. from its next start on.
      ...ownUses.map(({ use }) => wordsOfUse(use)),
      // The same image in two drives: qemu-img would make two snapshots of one name in it.
      ...(ownDisks.length > 1 ? ownDisks.map((target) => `disk ${target}`) : []),
    ];
    if (names.length === 0) return possibleDependentRefusals(context, imageId, verb);
    const left = childImageIds.filter((id) => !ownChildIds.has(id) && isNamedByNobody(id, context));
    return [
      note(
        'imageHasDependents',
        `${verb} would change ${imageId}, which others depend on: ${listed(names)}. Their data would silently become wrong.${adviceOnLeft(left)}`,
        names,
      ),
      ...possibleDependentRefusals(context, imageId, verb),
    ];
  });
}

/**
 * For what lets the guest of the VM write to these images. A template that others hang on must not run: each write would show through in
 * the overlays, whose own data does not fit it any more. QEMU locks only what is open at the same time, so that nothing upstream notices
 * while the others are shut off. A disk that is declared shareable may be of several VMs at once.
 *
 * @param verb such as `Starting web`
 */
export function templateRefusals(context: PlanningContext, disks: readonly Disk[], verb: string): PlanNote[] {
  return disks.flatMap(({ imageId, shareable, target }) => {
    if (imageId === null) return [];
    const { childImageIds, activeFor, uses, vms } = dependentsOf(imageId, context.dependents);
    const others = vms.filter(({ uuid }) => uuid !== context.vm.uuid);
    const asDisk = activeFor.filter(({ vm }) => vm.uuid !== context.vm.uuid);
    const isBelow = (vm: ReadableVm): boolean =>
      !asDisk.some((each) => each.vm === vm) || (!shareable && uses.some((each) => each.vm === vm));
    const left = childImageIds.filter((id) => isNamedByNobody(id, context));
    const ownOverlays = childImageIds.filter(
      (id) => !left.includes(id) && dependentsOf(id, context.dependents).vms.every((vm) => vm === context.vm),
    );
    const names = [
      ...(childImageIds.length > 0 || !shareable ? others.filter(isBelow).map(({ name }) => `VM ${name}`) : []),
      ...ownOverlays,
      ...left,
    ];
    return [
      ...(names.length === 0 ? [] : [templateRefusal(imageId, target, names, left, verb)]),
      ...(shareable ? [] : sharedDiskRefusals(imageId, asDisk, verb)),
      ...possibleDependentRefusals(context, imageId, verb),
    ];
  });
}

function templateRefusal(
  imageId: string,
  target: string,
  names: readonly string[],
  left: readonly string[],
  verb: string,
): PlanNote {
  const told = names.slice(0, 6);
  const more = names.length - told.length;
  return note(
    'imageHasDependents',
    `${verb} would let its guest write to ${imageId} (disk ${target}), on which others depend: ${listed(more > 0 ? [...told, `${more} more`] : told)}. Their data would silently become wrong. Leave it shut off, as a template is: to go on from it, make an overlay on it for another VM; or let those who hang on it stand alone first (merge up).${adviceOnLeft(left)}`,
    names,
    told,
  );
}

/** Two VMs that take the same image for their own: at the same time QEMU refuses it, and one whose memory was saved would be spoilt. */
function sharedDiskRefusals(
  imageId: string,
  asDisk: readonly { readonly vm: ReadableVm; readonly disk: Disk }[],
  verb: string,
): PlanNote[] {
  const busy = asDisk.filter(({ vm, disk }) => !disk.readOnly && (vm.state !== 'shutoff' || vm.hasManagedSave));
  const names = [...new Set(busy.map(({ vm }) => `VM ${vm.name}`))];
  if (names.length === 0) return [];
  return [
    note(
      'imageOpenElsewhere',
      `${verb} would write to ${imageId}, which is a disk of others as well that run or whose memory was saved: ${listed(names)}. Two at once would spoil it. Shut them down first.`,
      names,
    ),
  ];
}

/** Whether no VM and no snapshot of this host names an image, nor one above it. */
function isNamedByNobody(imageId: string, { dependents }: PlanningContext): boolean {
  const { childImageIds, possibleChildIds, vms } = dependentsOf(imageId, dependents);
  return vms.length === 0 && childImageIds.length === 0 && possibleChildIds.length === 0;
}

function adviceOnLeft(imageIds: readonly string[]): string {
  if (imageIds.length === 0) return '';
  const [isAre, it] = imageIds.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return ` ${listed(imageIds)} ${isAre} named by no VM and no snapshot of this host, as what a revert without saving leaves: where nobody needs what was written to ${it}, move ${it} away, refresh, and plan again.`;
}

/**
 * For changes that leave what is read through an image as it is, as the deletion of an internal snapshot does: overlays may
 * stay, but nobody else may have the image open. Two who write its tables spoil it, and QEMU locks out the second.
 */
export function openElsewhereRefusals(context: PlanningContext, imageIds: readonly string[], verb: string): PlanNote[] {
  return imageIds.flatMap((imageId) => {
    const { activeFor, vms } = dependentsOf(imageId, context.dependents);
    const writers = activeFor
      .filter(({ vm, disk }) => vm.uuid !== context.vm.uuid && !disk.readOnly)
      .map(({ vm }) => vm);
    const running = vms.filter((vm) => vm.uuid !== context.vm.uuid && vm.state !== 'shutoff');
    const ownDisks = activeFor.filter(({ vm }) => vm.uuid === context.vm.uuid).map(({ disk }) => disk.target);
    const unexplained = unknownDependentsOf(context.inventory, imageId).filter(({ hasOpen }) => hasOpen === true);
    const names = [
      ...new Set([...writers, ...running].map(({ name }) => `VM ${name}`)),
      ...unexplained.map(({ what, reason }) => `${what} (${reason.replace(/\.$/, '')})`),
      ...(ownDisks.length > 1 ? ownDisks.map((target) => `disk ${target}`) : []),
    ];
    if (names.length === 0) return [];
    return [
      note(
        'imageOpenElsewhere',
        `${verb} would write to ${imageId}, which is in use by others as well: ${listed(names)}. Two at once would spoil it. Shut them off first.`,
        names,
      ),
    ];
  });
}

/**
 * Images that every VM uses as raw and that begin as an overlay of this one. Where the format is the mistake (a definition
 * without `<driver>` counts as raw), their data would silently become wrong as that of any overlay.
 */
function possibleDependentRefusals(context: PlanningContext, imageId: string, verb: string): PlanNote[] {
  const { possibleChildIds } = dependentsOf(imageId, context.dependents);
  return possibleChildIds.map((childId) => {
    const { activeFor } = dependentsOf(childId, context.dependents);
    const users = [...new Set(activeFor.map(({ vm, disk }) => `disk ${disk.target} of VM ${vm.name}`))];
    const use = users.length === 0 ? 'is used as raw' : `is used as raw by ${listed(users)}`;
    return note(
      'imageMayHaveDependents',
      `${verb} would change ${imageId}. ${childId} ${use}, but begins as an overlay of ${imageId}: where the format in the definition is wrong, its data would silently become wrong. Find out which is right: correct the definition, or, where the guest itself wrote this beginning, move its data to another image.`,
      [childId],
    );
  });
}

/**
 * For changes that take data away which others may depend on: what could not be looked into may be such another, and
 * nobody can say that it is not.
 */
export function unknownDependentRefusals(
  context: PlanningContext,
  imageIds: readonly string[],
  verb: string,
): PlanNote[] {
  return unknownDependentNotes(context, imageIds, (images, they, unknown) => {
    const advice = [
      ...(unknown.some(({ remedy }) => remedy === undefined)
        ? ['Log in as a user who may read all of it (root, or with sudo), or put in order what is named.']
        : []),
      ...new Set(unknown.flatMap(({ remedy }) => remedy ?? [])),
    ];
    return `${verb} would change ${images} for good, and whether others depend on ${they} is not known. ${advice.join(' ')} Then read the host again.`;
  });
}

/** What nothing speaks for and what cannot be ruled out either: whoever runs the plan should have heard of it. */
export function remoteDependentWarnings({ inventory }: PlanningContext, imageIds: readonly string[]): PlanNote[] {
  const remote = remoteDependents(inventory, imageIds);
  if (remote.length === 0) return [];
  const told = remote.slice(0, 5);
  const shown = told.map(({ what, reason, remedy = '' }) => `${what}: ${reason} ${remedy}`.trimEnd());
  const more = remote.length > shown.length ? ` And ${remote.length - shown.length} more.` : '';
  return [
    note(
      'dependentsNotRuledOut',
      `Nothing says that anything else depends on ${listed([...new Set(imageIds)])}, but this could not be looked into. ${shown.join(' ')}${more}`,
      [...new Set(remote.map(({ what }) => what))],
      told.map(({ what }) => what),
    ),
  ];
}

/**
 * For a guest that will write to images of which nobody can say that others hang on them. Starting VMs is for those as well who may not
 * look into everything: that alone does not make a template of one.
 */
export function unknownInstanceWarnings(context: PlanningContext, imageIds: readonly string[]): PlanNote[] {
  const { name } = context.vm;
  return unknownDependentNotes(
    context,
    imageIds,
    (images) =>
      `Whether others hang on ${images} is not known. If ${name} is a template, what its guest writes makes the data of its instances wrong.`,
  );
}

/** For changes that others survive, as long as they are what they seem to be. */
export function unknownDependentWarnings(context: PlanningContext, imageIds: readonly string[]): PlanNote[] {
  return unknownDependentNotes(
    context,
    imageIds,
    (images) => `Whether others depend on ${images} is not known. This change itself does not harm overlays.`,
  );
}

function unknownDependentNotes(
  { inventory }: PlanningContext,
  imageIds: readonly string[],
  say: (images: string, they: string, unknown: readonly UnknownDependents[]) => string,
): PlanNote[] {
  const unknown = unknownDependentsOfAny(inventory, imageIds);
  if (unknown.length === 0) return [];
  const told = unknown.slice(0, 5);
  const shown = told.map(({ what, reason }) => `${what} (${reason.replace(/\.$/, '')})`);
  const more = unknown.length - shown.length;
  const what = listed(more > 0 ? [...shown, `${more} more`] : shown);
  const images = [...new Set(imageIds)];
  return [
    note(
      'dependentsUnknown',
      `${say(listed(images), images.length === 1 ? 'it' : 'them', unknown)} What could not be looked into: ${what}.`,
      [...new Set(unknown.map((each) => each.what))],
      told.map((each) => each.what),
    ),
  ];
}

/**
 * What becomes the snapshot's data must stay as it is, so no other disk may write to it. Other overlays on it may stay.
 *
 * @param use what becomes of it, as the end of a sentence, where that is not the data of a snapshot
 */
export function sharedLayerRefusals(context: PlanningContext, disks: readonly Disk[], use?: string): PlanNote[] {
  return disks.flatMap((disk) => {
    if (disk.imageId === null) return [];
    const writers = dependentsOf(disk.imageId, context.dependents)
      .activeFor.filter(
        ({ vm, disk: other }) => !other.readOnly && !(vm.uuid === context.vm.uuid && other.target === disk.target),
      )
      .map(({ vm, disk: other }) => (vm.uuid === context.vm.uuid ? `disk ${other.target}` : `VM ${vm.name}`));
    const names = [...new Set(writers)];
    return names.length === 0
      ? []
      : [
          note(
            'imageHasDependents',
            use === undefined
              ? `${disk.imageId} would become the snapshot's data of disk ${disk.target}, but it is written to by others as well: ${listed(names)}. The snapshot and the present data above it would silently become wrong.`
              : `${disk.imageId} (disk ${disk.target}) would ${use}, but it is written to by others as well: ${listed(names)}. What is read would silently become wrong.`,
            names,
          ),
        ];
  });
}
