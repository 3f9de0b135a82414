/** A plan is bound to the state that it was made from; this is that state, as one short string. */
import { createHash } from 'node:crypto';
import type { Disk, Image, Inventory, Snapshot, VmState } from '../../shared/model/inventory.ts';
import { chainFrom, dependentsIndex, dependentsOf, imagesById, imagesOfVm } from '../../shared/rules/chains.ts';
import { unknownDependentsOfAny } from '../../shared/rules/dependents.ts';

type Canonical = string | number | boolean | null | readonly Canonical[] | { readonly [key: string]: Canonical };

/**
 * SHA-256 (hex) of everything on a host that a plan for one VM depends on. Two readings of the same state give the same
 * fingerprint, in whatever order they list things.
 *
 * In it: the VM's state, disks, snapshots, current snapshot, managed save and persistence; every image that its chains
 * and snapshots reach; who else depends on these images; what could not be looked into and may depend on them; and the
 * hypervisor's version, on which the procedure depends. The creation time of a snapshot is in it as well: it is
 * what tells a snapshot from another of the same name that took its place.
 *
 * Not in it: what changes without a change that matters to a plan (allocated sizes, free space, times of reading, the
 * wording of reasons, `idle` against `running`), and what no step depends on (descriptions, the VM's name: it is
 * addressed by UUID).
 */
export function fingerprintOf(vmUuid: string, inventory: Inventory): string {
  return createHash('sha256')
    .update(canonicalJson(stateFor(vmUuid, inventory)))
    .digest('hex');
}

function stateFor(vmUuid: string, inventory: Inventory): Canonical {
  const hypervisor = { kind: inventory.hypervisor.kind, version: inventory.hypervisor.version };
  const unreadableVms = inventory.vms.filter((vm) => !vm.readable).map((vm) => vm.uuid);
  const vm = inventory.vms.find((candidate) => candidate.uuid === vmUuid);
  if (!vm?.readable) return { hypervisor, unreadableVms, vm: vm ? 'unreadable' : 'missing' };

  const images = imagesById(inventory.images);
  const dependents = dependentsIndex(inventory);
  const reached = new Set(imagesOfVm(vm));
  for (const imageId of [...reached]) for (const image of chainFrom(imageId, images).images) reached.add(image.id);
  return {
    hypervisor,
    unreadableVms,
    unknownDependents: unknownDependentsOfAny(inventory, [...reached]).map(({ what, imageIds }) => ({
      what,
      imageIds,
    })),
    vm: {
      uuid: vm.uuid,
      state: steadyState(vm.state),
      persistent: vm.persistent,
      hasManagedSave: vm.hasManagedSave,
      hasNvram: vm.hasNvram,
      currentSnapshotId: vm.currentSnapshotId,
      disks: vm.disks.map(diskPart),
      snapshots: vm.snapshots.map(snapshotPart),
      // Says what will be different from the next start on, which the disks do not show.
      problems: vm.problems.map(({ message }) => message),
    },
    images: [...reached].map((imageId) => {
      const { childImageIds, vms } = dependentsOf(imageId, dependents);
      return {
        id: imageId,
        image: imagePart(images.get(imageId)),
        children: childImageIds,
        vms: vms.map(({ uuid, state }) => ({ uuid, state: steadyState(state) })),
      };
    }),
  };
}

/** A guest that waits for something is `idle` at one reading and `running` at the next. */
function steadyState(state: VmState): VmState {
  return state === 'idle' ? 'running' : state;
}

function diskPart({ target, device, imageId, source, format, readOnly, shareable }: Disk): Canonical {
  return { target, device, imageId, source, format, readOnly, shareable };
}

function snapshotPart({ id, parentId, kind, vmState, createdAt, memory, disks }: Snapshot): Canonical {
  return { id, parentId, kind, vmState, createdAt, memory, disks: disks.map((disk) => ({ ...disk })) };
}

function imagePart(image: Image | undefined): Canonical {
  if (!image) return null;
  const { kind, status, format, virtualBytes, parent, internalSnapshots, corrupt } = image;
  return {
    kind,
    status,
    format,
    virtualBytes,
    parent: parent && { ...parent },
    internalSnapshots: internalSnapshots.map(({ id, name }) => ({ id, name })),
    corrupt,
  };
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
