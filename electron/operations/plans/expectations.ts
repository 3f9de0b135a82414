/** Whether a host is as a plan's step should have left it. */
import { assertNever } from '../../../shared/assert-never.ts';
import type { Inventory, ReadableVm } from '../../../shared/model/inventory.ts';
import type { Expectation } from '../../../shared/model/plan.ts';
import { blockJobWords } from '../../../shared/rules/inventory/jobs.ts';
import { dependentsIndex, dependentsOf } from '../../../shared/rules/chains/chains.ts';
import { wordsOfUse } from '../../../shared/rules/chains/dependents.ts';
import { firstOf } from '../../../shared/rules/text/first-of.ts';
import { oneLine, outputLine } from '../host/one-line.ts';

export interface ExpectationCheck {
  readonly met: boolean;
  /** What is as expected, each in half a sentence. */
  readonly held: readonly string[];
  /** What is not as expected, each in a sentence. */
  readonly unmet: readonly string[];
}

/**
 * Checks what should hold of a VM against a freshly read inventory. What cannot be read is never taken as met, not even
 * where something is expected to be absent. No expectations are met.
 */
export function checkExpectations(
  expectations: readonly Expectation[],
  vmUuid: string,
  inventory: Inventory,
): ExpectationCheck {
  if (expectations.length === 0) return { met: true, held: [], unmet: [] };
  const vm = inventory.vms.find((candidate) => candidate.uuid === vmUuid);
  if (!vm) return { met: false, held: [], unmet: [`The VM ${vmUuid} is not on the host any more.`] };
  if (!vm.readable) {
    const unmet = [`The VM ${oneLine(vm.name ?? vmUuid)} cannot be read: ${outputLine(vm.reason)}`];
    return { met: false, held: [], unmet };
  }
  const held: string[] = [];
  const unmet: string[] = [];
  for (const expectation of expectations) {
    const sentence = deviation(expectation, vm, inventory);
    if (sentence === null) held.push(inWords(expectation));
    else unmet.push(sentence);
  }
  return { met: unmet.length === 0, held, unmet };
}

function deviation(expectation: Expectation, vm: ReadableVm, inventory: Inventory): string | null {
  const imageOf = (imageId: string) => inventory.images.find((image) => image.id === imageId);
  switch (expectation.kind) {
    case 'snapshotExists':
      return vm.snapshots.some(({ id }) => id === expectation.snapshotId)
        ? null
        : `There is no snapshot ${quoted(expectation.snapshotId)}.`;
    case 'snapshotAbsent':
      return vm.snapshots.some(({ id }) => id === expectation.snapshotId)
        ? `The snapshot ${quoted(expectation.snapshotId)} is still there.`
        : null;
    case 'currentSnapshot':
      return vm.currentSnapshotId === expectation.snapshotId
        ? null
        : `The current snapshot is ${named(vm.currentSnapshotId)}, not ${named(expectation.snapshotId)}.`;
    case 'snapshotParent': {
      const snapshot = vm.snapshots.find(({ id }) => id === expectation.snapshotId);
      if (!snapshot) return `There is no snapshot ${quoted(expectation.snapshotId)}.`;
      return snapshot.parentId === expectation.parentId
        ? null
        : `The snapshot ${quoted(expectation.snapshotId)} is below ${named(snapshot.parentId)}, not below ${named(expectation.parentId)}.`;
    }
    case 'snapshotDescription': {
      const snapshot = vm.snapshots.find(({ id }) => id === expectation.snapshotId);
      if (!snapshot) return `There is no snapshot ${quoted(expectation.snapshotId)}.`;
      return snapshot.description.trim() === expectation.description.trim()
        ? null
        : `The snapshot ${quoted(expectation.snapshotId)} has another description: ${quoted(snapshot.description)}.`;
    }
    case 'vmState': {
      const wanted = expectation.oneOf;
      // `idle` is a running guest that waits for something.
      const met = wanted.includes(vm.state) || (vm.state === 'idle' && wanted.includes('running'));
      return met ? null : `The VM is ${vm.state}, not ${wanted.join(' or ')}.`;
    }
    case 'activeLayer': {
      const disk = vm.disks.find(({ target }) => target === expectation.target);
      if (!disk) return `The VM has no disk ${quoted(expectation.target)}.`;
      return disk.imageId === expectation.imageId
        ? null
        : `The active layer of ${quoted(expectation.target)} is ${named(disk.imageId)}, not ${quoted(expectation.imageId)}.`;
    }
    case 'noBlockJob': {
      const disk = vm.disks.find(({ target }) => target === expectation.target);
      if (!disk) return `The VM has no disk ${quoted(expectation.target)}.`;
      if (disk.blockJob)
        return `On ${quoted(expectation.target)} a block job runs: ${oneLine(blockJobWords(disk.blockJob))}.`;
      return vm.job?.kind === 'unknown'
        ? `Whether a block job runs on ${quoted(expectation.target)} could not be told: ${outputLine(vm.job.detail)}.`
        : null;
    }
    case 'imageParent': {
      const image = imageOf(expectation.imageId);
      if (image?.status !== 'ok') return unreadable(expectation.imageId, image?.problem);
      const parentId = image.parent?.imageId ?? null;
      // What is recorded and could not be resolved is not nothing.
      const isMet = parentId === expectation.parentId && (parentId !== null || image.parent === null);
      return isMet
        ? null
        : `The image ${quoted(expectation.imageId)} hangs on ${named(parentId ?? image.parent?.reference ?? null)}, not on ${named(expectation.parentId)}.`;
    }
    case 'imageGone': {
      const image = imageOf(expectation.imageId);
      return image === undefined || image.status === 'missing'
        ? null
        : `The image ${quoted(expectation.imageId)} is still there.`;
    }
    case 'noDependents': {
      const names = outsideDependents(expectation.imageIds, inventory);
      return names.length === 0
        ? null
        : `${expectation.imageIds.map(quoted).join(', ')} ${expectation.imageIds.length === 1 ? 'is' : 'are'} still needed: ${firstOf(names)}.`;
    }
    case 'snapshotData': {
      const snapshot = vm.snapshots.find(({ id }) => id === expectation.snapshotId);
      if (!snapshot) return `There is no snapshot ${quoted(expectation.snapshotId)}.`;
      const recorded = snapshot.disks.find(({ target }) => target === expectation.target)?.dataImageId ?? null;
      return recorded === expectation.dataImageId
        ? null
        : `The record of the snapshot ${quoted(expectation.snapshotId)} names ${named(recorded)} for ${quoted(expectation.target)}, not ${quoted(expectation.dataImageId)}.`;
    }
    case 'vmDefined':
      return newVmDeviation(expectation, inventory);
    case 'internalSnapshot': {
      const image = imageOf(expectation.imageId);
      if (image?.status !== 'ok') return unreadable(expectation.imageId, image?.problem);
      const present = image.internalSnapshots.some(({ name }) => name === expectation.name);
      if (present === expectation.present) return null;
      return present
        ? `The image ${quoted(expectation.imageId)} still holds the internal snapshot ${quoted(expectation.name)}.`
        : `The image ${quoted(expectation.imageId)} holds no internal snapshot ${quoted(expectation.name)}.`;
    }
    case 'managedSave':
      if (vm.hasManagedSave === expectation.present) return null;
      return expectation.present
        ? 'No memory of the VM is kept for its next start.'
        : 'Memory of the VM is still kept for its next start.';
    default:
      return assertNever(expectation);
  }
}

function newVmDeviation(
  { vmUuid, name, activeLayers }: Extract<Expectation, { kind: 'vmDefined' }>,
  { vms }: Inventory,
): string | null {
  const vm = vms.find(({ uuid }) => uuid === vmUuid);
  if (!vm) return `There is no VM ${quoted(name)} (${vmUuid}).`;
  if (!vm.readable) return `The VM ${quoted(name)} cannot be read: ${outputLine(vm.reason)}`;
  if (vm.name !== name) return `The VM ${vmUuid} is called ${quoted(vm.name)}, not ${quoted(name)}.`;
  if (vm.state !== 'shutoff') return `The VM ${quoted(name)} is ${vm.state}, not shutoff.`;
  const others = Object.entries(activeLayers).flatMap(([target, imageId]) => {
    const found = vm.disks.find((disk) => disk.target === target)?.imageId ?? null;
    return found === imageId
      ? []
      : [`The active layer of ${quoted(target)} of ${quoted(name)} is ${named(found)}, not ${quoted(imageId)}.`];
  });
  return others.length === 0 ? null : others.join(' ');
}

/** What holds, in half a sentence. */
function inWords(expectation: Expectation): string {
  switch (expectation.kind) {
    case 'snapshotExists':
      return `there is a record of the snapshot ${quoted(expectation.snapshotId)}`;
    case 'snapshotAbsent':
      return `there is no record of a snapshot ${quoted(expectation.snapshotId)}`;
    case 'currentSnapshot':
      return `the current snapshot is ${named(expectation.snapshotId)}`;
    case 'snapshotParent':
      return `the snapshot ${quoted(expectation.snapshotId)} is below ${named(expectation.parentId)}`;
    case 'snapshotDescription':
      return `the snapshot ${quoted(expectation.snapshotId)} is described as planned`;
    case 'vmState':
      return `the VM is ${expectation.oneOf.join(' or ')}`;
    case 'activeLayer':
      return `the active layer of ${quoted(expectation.target)} is ${quoted(expectation.imageId)}`;
    case 'imageParent':
      return `${quoted(expectation.imageId)} hangs on ${named(expectation.parentId)}`;
    case 'imageGone':
      return `nothing is at ${quoted(expectation.imageId)}`;
    case 'noDependents':
      return `nothing needs ${expectation.imageIds.map(quoted).join(', ')}`;
    case 'snapshotData':
      return `the record of ${quoted(expectation.snapshotId)} names ${quoted(expectation.dataImageId)} for ${quoted(expectation.target)}`;
    case 'vmDefined':
      return `the VM ${quoted(expectation.name)} is defined, with its disks on ${Object.values(expectation.activeLayers).map(quoted).join(', ')}`;
    case 'internalSnapshot':
      return `${quoted(expectation.imageId)} holds ${expectation.present ? 'an' : 'no'} internal snapshot of the name ${quoted(expectation.name)}`;
    case 'managedSave':
      return `${expectation.present ? 'memory' : 'no memory'} of the VM is kept for its next start`;
    case 'noBlockJob':
      return `no block job runs on ${quoted(expectation.target)}`;
    default:
      return assertNever(expectation);
  }
}

/** Of these images the ones that nothing needs besides each other. */
export function unneededOf(imageIds: readonly string[], inventory: Inventory): readonly string[] {
  const index = dependentsIndex(inventory);
  let unneeded = imageIds;
  for (;;) {
    const among = unneeded;
    unneeded = among.filter((imageId) => dependentsBesides(among, [imageId], inventory, index).length === 0);
    if (unneeded.length === among.length) return unneeded;
  }
}

/** Who needs one of the images, besides these themselves, each in words. */
function outsideDependents(imageIds: readonly string[], inventory: Inventory): readonly string[] {
  return dependentsBesides(imageIds, imageIds, inventory, dependentsIndex(inventory));
}

/** Who needs one of the images, besides some, each in words. */
function dependentsBesides(
  besides: readonly string[],
  imageIds: readonly string[],
  inventory: Inventory,
  index: ReturnType<typeof dependentsIndex>,
): readonly string[] {
  const names = imageIds.flatMap((imageId) => {
    const { childImageIds, possibleChildIds, activeFor, uses } = dependentsOf(imageId, index);
    return [
      ...[...childImageIds, ...possibleChildIds].filter((id) => !besides.includes(id)).map(quoted),
      ...activeFor.map(({ vm, disk }) => `disk ${oneLine(disk.target)} of the VM ${oneLine(vm.name)}`),
      ...uses
        .filter(({ use }) => use.use !== 'overlay')
        .map(({ vm, use }) => `${oneLine(wordsOfUse(use))} (VM ${oneLine(vm.name)})`),
      ...snapshotsWith(imageId, inventory),
    ];
  });
  return [...new Set(names)];
}

function snapshotsWith(imageId: string, { vms }: Inventory): readonly string[] {
  return vms.flatMap((vm) =>
    (vm.readable ? vm.snapshots : [])
      .filter(({ disks }) =>
        // The overlay that was made for a snapshot is nothing that going back to it needs.
        disks.some(({ dataImageId }) => dataImageId === imageId),
      )
      .map(({ name }) => `the snapshot ${quoted(name)} of the VM ${oneLine(vm.name ?? vm.uuid)}`),
  );
}

function quoted(text: string): string {
  return `“${oneLine(text)}”`;
}

function named(text: string | null): string {
  return text === null ? 'none' : quoted(text);
}

function unreadable(imageId: string, problem: string | null | undefined): string {
  return `The image ${quoted(imageId)} cannot be read${problem === undefined || problem === null ? '' : `: ${outputLine(problem)}`}.`;
}
