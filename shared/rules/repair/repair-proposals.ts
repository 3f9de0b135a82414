/** What of a VM's records and chains can be put in order, each as a request for a plan. The plan judges again, from a fresh reading. Pure. */
import type { Image, Inventory, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { ChangeRequest } from '../../model/plan.ts';
import { chainOfDisk, dependentsIndex, dependentsOf, imagesById, reachedFrom, imagesOfVm } from '../chains/chains.ts';
import { freeBelow } from '../findings/findings-paused.ts';
import { unusedImages } from '../findings/findings-images.ts';
import { fileNameOf, folderOf } from '../text/folders.ts';
import { readableBytes } from '../text/units.ts';
import { unrecordedLayers, unrecordedTags, type UnrecordedLayer } from './adoption.ts';
import { baseCandidates, lostBase } from './moved-base.ts';
import { reasonsToKeep, recordedDisks } from './recorded-data.ts';
import { asideName, isSetAside, nameBefore } from '../chains/set-aside.ts';

export interface RepairProposal {
  /** Of one VM at one moment, another for each. */
  readonly id: string;
  /** What would be done, in half a sentence. */
  readonly title: string;
  /** Why, in sentences. */
  readonly why: string;
  /** Null: nothing can be planned; the sentence says what to do. */
  readonly request: ChangeRequest | null;
  /** Its name is the user's to choose. */
  readonly isNamed?: true;
}

/** The most urgent first: what keeps the VM from running, then what its records say, then what they leave out, then what is left over. */
export function repairProposals(vm: ReadableVm, inventory: Inventory): readonly RepairProposal[] {
  const images = imagesById(inventory.images);
  return [
    ...resuming(vm, inventory),
    ...movedBases(vm, inventory, images),
    ...recordRepairs(vm, inventory),
    ...adoptions(vm, inventory, images),
    ...leftOver(vm, inventory, images),
  ];
}

function resuming(vm: ReadableVm, inventory: Inventory): readonly RepairProposal[] {
  if (vm.state !== 'paused' || vm.stateReason !== 'I/O error') return [];
  const free = freeBelow(vm, inventory);
  return [
    {
      id: 'resume',
      title: `Let ${vm.name} go on`,
      why: `It stands still because writing to one of its disks failed, most often because the storage is full${free.length === 0 ? '' : ` (${free.join(', ')})`}. Make room first: it writes the same again.`,
      request: { action: 'changePower', vmUuid: vm.uuid, to: 'resume' },
    },
  ];
}

function movedBases(
  vm: ReadableVm,
  inventory: Inventory,
  images: ReadonlyMap<string, Image>,
): readonly RepairProposal[] {
  const told = new Set<string>();
  return vm.disks.flatMap((disk): readonly RepairProposal[] => {
    const chain = chainOfDisk(disk, images);
    const lost = chain && lostBase(chain);
    if (!lost || told.has(lost.overlay.id)) return [];
    told.add(lost.overlay.id);
    const why = `The chain of disk ${disk.target} is broken: ${lost.missingId}, on which ${lost.overlay.id} hangs, is missing.`;
    const candidates = baseCandidates(lost, inventory);
    if (candidates.length === 0) {
      return [
        {
          id: JSON.stringify(['lost', lost.overlay.id]),
          title: `Find ${lost.missingId} again`,
          why: `${why} No image that was read has its name or its size. Look for it on storage that is not mounted, and in backups of the time when the images above it were made.`,
          request: null,
        },
      ];
    }
    return candidates.slice(0, 10).map(({ image, signs }) => ({
      id: JSON.stringify(['rebase', lost.overlay.id, image.id]),
      title: `Let ${lost.overlay.id} hang on ${image.id}`,
      why: `${why} That may be it: ${signs.join(', ')}. What it holds cannot be proven.`,
      request: { action: 'rebaseImage', vmUuid: vm.uuid, imageId: lost.overlay.id, baseId: image.id },
    }));
  });
}

interface Mendable {
  readonly way: 'drop' | 'move';
  readonly snapshot: Snapshot;
  readonly why: string;
}

function recordRepairs(vm: ReadableVm, inventory: Inventory): readonly RepairProposal[] {
  const found = vm.snapshots.flatMap((snapshot): readonly Mendable[] => {
    const disks = recordedDisks(snapshot, vm, inventory);
    const why = disks.map(({ data }) => data.why).join(' ');
    if (snapshot.unknownPart === undefined && disks.some(({ data }) => data.kind === 'moved')) {
      return [{ way: 'move', snapshot, why }];
    }
    return reasonsToKeep(snapshot, vm, inventory).length === 0 ? [{ way: 'drop', snapshot, why }] : [];
  });
  const requestFor = (some: readonly Mendable[]): ChangeRequest => ({
    action: 'repairRecords',
    vmUuid: vm.uuid,
    drop: some.filter(({ way }) => way === 'drop').map(({ snapshot }) => snapshot.id),
    move: some.filter(({ way }) => way === 'move').map(({ snapshot }) => snapshot.id),
  });
  const each = found.map((one): RepairProposal => ({
    id: JSON.stringify([one.way, one.snapshot.id]),
    title:
      one.way === 'drop'
        ? `Remove the record of “${one.snapshot.name}”, whose data is gone`
        : `Let the record of “${one.snapshot.name}” name the image of its data`,
    why: one.why,
    request: requestFor([one]),
  }));
  return found.length < 2
    ? each
    : [
        {
          id: 'records',
          title: `Mend all ${found.length} records`,
          why: `Removed are those whose data is gone, and the others name the images of their data: ${found.map(({ snapshot }) => `“${snapshot.name}”`).join(', ')}.`,
          request: requestFor(found),
        },
        ...each,
      ];
}

function adoptions(
  vm: ReadableVm,
  inventory: Inventory,
  images: ReadonlyMap<string, Image>,
): readonly RepairProposal[] {
  const index = dependentsIndex(inventory);
  // Below a thin instance lies the template of others.
  const own = unrecordedLayers(vm, images).filter(({ data }) =>
    dependentsOf(data.id, index).vms.every(({ uuid }) => uuid === vm.uuid),
  );
  const external = groupsOf(own).map((layers): RepairProposal => {
    const ids = layers.map(({ data }) => data.id);
    return {
      id: JSON.stringify(['adopt', ...ids]),
      title: `Make a record of the state in ${ids.join(', ')}`,
      why: `${layers.map(({ disk, data, overlay }) => `${overlay.id} was made on ${data.id} (disk ${disk.target})`).join(', ')}, and no snapshot of ${vm.name} names that state: it cannot be gone back to.`,
      request: {
        action: 'adoptSnapshot',
        vmUuid: vm.uuid,
        name: freeName(fileNameOf(ids[0] ?? ''), vm),
        description: '',
        images: Object.fromEntries(layers.map(({ disk, data }) => [disk.target, data.id])),
      },
      isNamed: true,
    };
  });
  const internal = unrecordedTags(vm, images).map((name): RepairProposal => ({
    id: JSON.stringify(['adopt tag', name]),
    title: `Make a record of the internal snapshot “${name}”`,
    why: `The images of ${vm.name} hold it, and no record of a snapshot is about it.`,
    request: { action: 'adoptSnapshot', vmUuid: vm.uuid, name, description: '', images: null },
  }));
  return [...external, ...internal];
}

/** Overlays that were made within seconds belong to one snapshot: their data was last written to at about the same time. */
const togetherSeconds = 10;

function groupsOf(layers: readonly UnrecordedLayer[]): readonly (readonly UnrecordedLayer[])[] {
  const groups: UnrecordedLayer[][] = [];
  for (const layer of layers) {
    const time = layer.data.modifiedAt;
    const group = groups.find(
      (each) =>
        time !== null &&
        each.every(
          ({ disk, data }) =>
            disk.target !== layer.disk.target &&
            data.modifiedAt !== null &&
            Math.abs(data.modifiedAt - time) <= togetherSeconds,
        ),
    );
    if (group) group.push(layer);
    else groups.push([layer]);
  }
  return groups;
}

function freeName(fileName: string, { snapshots }: ReadableVm): string {
  const base = `found-${fileName.replaceAll(/[^A-Za-z0-9._-]/g, '-')}`.slice(0, 80);
  const taken = new Set(snapshots.map(({ name }) => name));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!taken.has(name)) return name;
  }
}

function leftOver(vm: ReadableVm, inventory: Inventory, images: ReadonlyMap<string, Image>): readonly RepairProposal[] {
  const vms = inventory.vms.flatMap((each) => (each.readable ? [each] : []));
  const own = new Set(imagesOfVm(vm));
  const folders = new Set([...own].filter((id) => id.startsWith('/')).map(folderOf));
  return [...unusedImages({ inventory, vms })].flatMap((image): readonly RepairProposal[] => {
    if (image.kind !== 'file') return [];
    const hangsOnOwn = [...reachedFrom([image.id], images)].some((id) => own.has(id));
    if (!hangsOnOwn && !folders.has(folderOf(image.id))) return [];
    const size = image.allocatedBytes === null ? '' : ` (${readableBytes(image.allocatedBytes)} on storage)`;
    const back = isSetAside(image.id);
    // An image that stands alone may be a template, or somebody's copy.
    if (!back && image.parent === null) return [];
    const to = back
      ? nameBefore(image.id)
      : asideName(image.id, (path) => images.has(path) && images.get(path)?.status !== 'missing');
    return [
      {
        id: JSON.stringify(['aside', image.id]),
        title: back ? `Put ${image.id} back` : `Set ${image.id} aside`,
        why: back
          ? `It was set aside${size}.`
          : `No VM, no snapshot and no other image on this host names it${size}. It gets another name beside it, and can be put back.`,
        request: { action: 'setAsideImage', vmUuid: vm.uuid, imageId: image.id, to },
      },
    ];
  });
}
