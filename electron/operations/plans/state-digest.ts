/**
 * A plan is bound to the state that it was made from; this is that state, as one short string. In plans, their files and the journal
 * the field is called `fingerprint`, as it always was there.
 */
import { createHash } from 'node:crypto';
import type { Disk, Image, Inventory, Snapshot, VmState } from '../../../shared/model/inventory.ts';
import type { PlanStep } from '../../../shared/model/plan.ts';
import {
  dependentsIndex,
  dependentsOf,
  imagesById,
  imagesOfVm,
  reachedFrom,
} from '../../../shared/rules/chains/chains.ts';
import { unknownDependentsOfAny } from '../../../shared/rules/chains/dependents.ts';

type Canonical = string | number | boolean | null | readonly Canonical[] | { readonly [key: string]: Canonical };

/** What decides on which parts of a host a plan depends. */
export interface DigestedPlan {
  readonly vmUuid: string;
  readonly steps: readonly Pick<PlanStep, 'reads' | 'writes' | 'invalidates' | 'deletes'>[];
}

/** Of what goes into a digest, and how: those of different methods cannot be compared. The first had no name. */
const method = 'v2';

/**
 * `v2:` and the SHA-256 (hex) of everything on a host that a plan depends on. Two readings of the same state give the same
 * digest, in whatever order they list things.
 *
 * In it: the VM's state, disks, jobs, checkpoints, snapshots, current snapshot, managed save and persistence; every image that its chains
 * and snapshots reach; who else depends on the images that the plan's steps read or change; where the plan takes away what
 * others may depend on, what could not be looked into; and the hypervisor's version, on which the procedure depends. The
 * creation time of a snapshot is in it as well: it is what tells a snapshot from another of the same name that took its place.
 *
 * Not in it: what changes without a change that matters to a plan (allocated sizes, free space, times of reading, the
 * wording of reasons, `idle` against `running`), what no step depends on (descriptions, the VM's name: it is
 * addressed by UUID), and the coming and going of other VMs, also on a base that the plan leaves as it is.
 */
export function stateDigestOf(plan: DigestedPlan, inventory: Inventory): string {
  const hash = createHash('sha256').update(canonicalJson(stateFor(plan, inventory)));
  return `${method}:${hash.digest('hex')}`;
}

/** Whether this version of Snaptree made a digest, so that it can say whether the state is still the same. */
export function isComparable(digest: string): boolean {
  return digest.startsWith(`${method}:`);
}

/** Whether a host is as it was when `expected` was taken; `otherMethod` where another version of Snaptree took it. */
export function compareStates(
  plan: DigestedPlan,
  inventory: Inventory,
  expected: string,
): 'same' | 'changed' | 'otherMethod' {
  if (!isComparable(expected)) return 'otherMethod';
  return stateDigestOf(plan, inventory) === expected ? 'same' : 'changed';
}

function stateFor({ vmUuid, steps }: DigestedPlan, inventory: Inventory): Canonical {
  const hypervisor = { kind: inventory.hypervisor.kind, version: inventory.hypervisor.version };
  const vm = inventory.vms.find((candidate) => candidate.uuid === vmUuid);
  if (!vm?.readable) return { hypervisor, vm: vm ? 'unreadable' : 'missing' };

  const images = imagesById(inventory.images);
  const dependents = dependentsIndex(inventory);
  const reached = reachedFrom(imagesOfVm(vm), images);
  const touched = new Set(
    steps.flatMap(({ reads, writes, invalidates, deletes }) => [...reads, ...writes, ...invalidates, ...deletes]),
  );
  // Others can be harmed only by what takes their data away, or makes it another.
  const harmed = steps.flatMap(({ invalidates, deletes }) => [...invalidates, ...deletes]);
  const unknown = unknownDependentsOfAny(inventory, harmed);
  return {
    hypervisor,
    unknownDependents: unknown.map(({ what, imageIds, likelihood = 'possible' }) => ({ what, imageIds, likelihood })),
    vm: {
      uuid: vm.uuid,
      state: steadyState(vm.state),
      persistent: vm.persistent,
      hasManagedSave: vm.hasManagedSave,
      hasNvram: vm.hasNvram,
      ...(vm.nvramFormat !== undefined && { nvramFormat: vm.nvramFormat }),
      hasCheckpoints: vm.hasCheckpoints === true,
      job: vm.job?.kind ?? null,
      currentSnapshotId: vm.currentSnapshotId,
      disks: vm.disks.map(diskPart),
      snapshots: vm.snapshots.map(snapshotPart),
      // Says what will be different from the next start on, which the disks do not show.
      problems: vm.problems.map(({ message }) => message),
    },
    images: [...reached].map((imageId) => ({ id: imageId, image: imagePart(images.get(imageId)) })),
    dependents: [...touched].map((imageId) => {
      const { childImageIds, possibleChildIds, activeFor, uses, vms } = dependentsOf(imageId, dependents);
      return {
        id: imageId,
        children: childImageIds,
        possibleChildren: possibleChildIds,
        uses: uses.map((each) => ({ vm: each.vm.uuid, use: each.use.use, place: each.use.place, by: each.use.by })),
        activeFor: activeFor.map((use) => ({ vm: use.vm.uuid, target: use.disk.target, readOnly: use.disk.readOnly })),
        vms: vms.map(({ uuid }) => uuid),
      };
    }),
  };
}

/** A guest that waits for something is `idle` at one reading and `running` at the next. */
function steadyState(state: VmState): VmState {
  return state === 'idle' ? 'running' : state;
}

function diskPart({ blockJob, openedAs, ...disk }: Disk): Canonical {
  const { target, device, imageId, source, format, readOnly, shareable, transient } = disk;
  const job = blockJob ? { kind: blockJob.kind, target: blockJob.target } : null;
  return {
    target,
    device,
    imageId,
    source,
    format,
    readOnly,
    shareable,
    openedAs: openedAs ?? null,
    job,
    ...(transient && { transient }),
  };
}

function snapshotPart({ id, parentId, kind, vmState, createdAt, memory, disks, unknownPart }: Snapshot): Canonical {
  return {
    unknownPart: unknownPart ?? null,
    id,
    parentId,
    kind,
    vmState,
    createdAt,
    memory,
    disks: disks.map((disk) => ({ ...disk })),
  };
}

function imagePart(image: Image | undefined): Canonical {
  if (!image) return null;
  const { kind, status, format, virtualBytes, parent, internalSnapshots, corrupt, bitmaps = [] } = image;
  return {
    kind,
    status,
    format,
    virtualBytes,
    parent: parentPart(parent),
    parentsByPath: (image.parentsByPath ?? []).map((each) => ({ path: each.path, parent: parentPart(each.parent) })),
    header: image.header ? { ...image.header } : null,
    internalSnapshots: internalSnapshots.map(({ id, name, createdAt }) => ({ id, name, createdAt })),
    corrupt,
    bitmaps,
  };
}

function parentPart(parent: Image['parent']): Canonical {
  if (!parent) return null;
  const { formatRecorded: _, ...rest } = parent;
  return { ...rest, openedAs: parent.openedAs ?? null };
}

/** JSON with sorted keys and sorted lists: every list here is a set. */
function canonicalJson(value: Canonical): string {
  if (isList(value)) return `[${value.map(canonicalJson).sort().join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

function isList(value: Canonical): value is readonly Canonical[] {
  return Array.isArray(value);
}
