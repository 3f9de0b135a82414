/** Data of snapshots that is there and that no record names, and what speaks against making a record of it. Pure. */
import type { Disk, Image, ReadableVm, Snapshot } from '../../model/inventory.ts';
import type { PlanNote } from '../../model/plan.ts';
import { brokenChainOfDisk } from '../chains/broken-chains.ts';
import { chainOfDisk } from '../chains/chains.ts';
import { writableDisks } from '../inventory/disks.ts';
import { isWrittenSince } from '../snapshots/snapshot-data.ts';
import { note } from '../text/plan-note.ts';

/** An image of a disk's chain that no record names as a snapshot's data, and the overlay that took the writes from then on. */
export interface UnrecordedLayer {
  readonly disk: Disk;
  readonly data: Image;
  readonly overlay: Image;
}

/**
 * From the base up. Not what a snapshot of the VM names: neither as its data, nor as the overlay that another snapshot's data hangs below.
 * Where the chain could not be followed to its end, nothing of it is known.
 */
export function unrecordedLayers(vm: ReadableVm, images: ReadonlyMap<string, Image>): readonly UnrecordedLayer[] {
  return writableDisks(vm.disks).flatMap((disk) => {
    const chain = chainOfDisk(disk, images);
    if (chain?.end !== 'base' || disk.transient === true) return [];
    const named = new Set(
      vm.snapshots.flatMap(({ disks }) =>
        disks.filter(({ target }) => target === disk.target).map(({ dataImageId }) => dataImageId),
      ),
    );
    return chain.images
      .flatMap((data, at): readonly UnrecordedLayer[] => {
        const overlay = chain.images[at - 1];
        return overlay && !named.has(data.id) ? [{ disk, data, overlay }] : [];
      })
      .toReversed();
  });
}

/** Names of internal snapshots that are in the active layer of every disk that is written to, and of which the VM has no record. */
export function unrecordedTags(vm: ReadableVm, images: ReadonlyMap<string, Image>): readonly string[] {
  const [first, ...others] = activeLayers(vm, images);
  if (!first) return [];
  const names = new Set(first.image?.internalSnapshots.map(({ name }) => name));
  const recorded = new Set(vm.snapshots.map(({ name }) => name));
  return [...names].filter(
    (name) =>
      !recorded.has(name) &&
      others.every(({ image }) => image?.internalSnapshots.some((tag) => tag.name === name) === true),
  );
}

export interface ActiveLayer {
  readonly disk: Disk;
  /** Undefined where it was not read. */
  readonly image: Image | undefined;
}

/** Of the disks that an internal snapshot is made of. */
export function activeLayers(vm: ReadableVm, images: ReadonlyMap<string, Image>): readonly ActiveLayer[] {
  return writableDisks(vm.disks).map((disk) => ({
    disk,
    image: disk.imageId === null ? undefined : images.get(disk.imageId),
  }));
}

/** Where in the tree a record belongs whose data is in these layers. */
export interface Placement {
  readonly parent: Snapshot | null;
  /** Snapshots that were taken later, and hang right below it then. */
  readonly children: readonly Snapshot[];
  /** Whether the present state comes right from it. */
  readonly isCurrent: boolean;
}

/**
 * By the chains: what has its data below, in all of these disks that it holds, came before; what has it above, came later. Null where the
 * disks contradict each other.
 */
export function placementOf(
  layers: readonly UnrecordedLayer[],
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
): Placement | null {
  const orders = layers.map(({ disk, data }) => {
    const ids = (chainOfDisk(disk, images)?.images ?? []).map(({ id }) => id);
    return { target: disk.target, ids, at: ids.indexOf(data.id) };
  });
  const side = (snapshot: Snapshot): 'before' | 'after' | 'beside' | 'torn' => {
    const sides = new Set(
      orders.flatMap(({ target, ids, at }) => {
        const own = snapshot.disks.find((disk) => disk.target === target && disk.kind === 'external')?.dataImageId;
        const where = own === undefined || own === null ? -1 : ids.indexOf(own);
        return where < 0
          ? []
          : [where > at ? ('before' as const) : where < at ? ('after' as const) : ('torn' as const)];
      }),
    );
    const [only, ...more] = sides;
    return only === undefined ? 'beside' : more.length > 0 ? 'torn' : only;
  };
  const sides = new Map(vm.snapshots.map((snapshot) => [snapshot.id, side(snapshot)]));
  if ([...sides.values()].includes('torn')) return null;
  const before = vm.snapshots.filter(({ id }) => sides.get(id) === 'before');
  const heights = (snapshot: Snapshot) =>
    orders.map(({ target, ids }) =>
      ids.indexOf(snapshot.disks.find((disk) => disk.target === target)?.dataImageId ?? ''),
    );
  // The nearest below: with the smallest way down to its data, in the first disk that both hold.
  const parent =
    before.toSorted((a, b) => (heights(a).find((at) => at >= 0) ?? 0) - (heights(b).find((at) => at >= 0) ?? 0))[0] ??
    null;
  const children = vm.snapshots.filter(
    ({ id, parentId }) => sides.get(id) === 'after' && parentId === (parent?.id ?? null),
  );
  const isCurrent = children.length === 0 && vm.currentSnapshotId === (parent?.id ?? null) && !hasAfter(sides);
  return { parent, children, isCurrent };
}

function hasAfter(sides: ReadonlyMap<string, string>): boolean {
  return [...sides.values()].includes('after');
}

/**
 * When the state was taken, in seconds since 1970: when its image was last written to, which the overlay ended. Null where that is not
 * known, or does not fit between the snapshots around it.
 */
export function momentOf(layers: readonly UnrecordedLayer[], { parent, children }: Placement): number | null {
  const times = layers.map(({ data }) => data.modifiedAt);
  if (times.some((time) => time === null)) return null;
  const moment = Math.floor(Math.max(...times.map((time) => time ?? 0)));
  const from = parent?.createdAt ?? 0;
  const until = Math.min(...children.map(({ createdAt }) => createdAt ?? Infinity));
  return moment >= from && moment <= until ? moment : null;
}

/**
 * What speaks against a record of an external snapshot over these layers. libvirt's own `snapshot-delete` merges into the image that a
 * record names and looks for no other VM that needs it (seen on 9.0).
 *
 * @param othersNeed names of other VMs that need an image
 */
export function adoptionRefusals(
  layers: readonly UnrecordedLayer[],
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
  othersNeed: (imageId: string) => readonly string[],
): PlanNote[] {
  const recorded = layers.flatMap(({ disk, data }) =>
    vm.snapshots
      .filter(({ disks }) => disks.some(({ target, dataImageId }) => target === disk.target && dataImageId === data.id))
      .map(({ name }) => ({ name, id: data.id })),
  );
  if (recorded.length > 0) {
    return recorded.map(({ name, id }) =>
      note('alreadyRecorded', `${id} is the data of the snapshot "${name}" already.`, [name]),
    );
  }
  const broken = layers.flatMap(({ disk }) => brokenChainOfDisk(disk, images) ?? []);
  const holdsTags = layers.filter(({ overlay }) => overlay.internalSnapshots.length > 0);
  return [
    ...broken.map(({ at, words }) => note('chainBroken', `A chain of ${vm.name} ${words}`, [at])),
    ...(placementOf(layers, vm, images) === null
      ? [
          note(
            'ordersDiffer',
            `By one disk the state is older than a snapshot of ${vm.name}, by another it is not: these images are not of one moment.`,
          ),
        ]
      : []),
    ...layers.flatMap(({ data }) => {
      const names = othersNeed(data.id);
      return names.length === 0
        ? []
        : [
            note(
              'imageHasDependents',
              `${data.id} is needed by others as well: ${names.slice(0, 5).join(', ')}. With a record of ${vm.name} on it, virsh snapshot-delete would merge into it, and their data would silently become wrong.`,
              names,
            ),
          ];
    }),
    ...holdsTags.map(({ overlay }) =>
      note(
        'internalAbove',
        `${overlay.id} holds internal snapshots, which a later deletion of the record would destroy together with it: libvirt does not look for them.`,
        [overlay.id],
      ),
    ),
  ];
}

/** Images below which have been written to after the state was taken hold something else by now. */
export function writtenBelow(
  layers: readonly UnrecordedLayer[],
  moment: number,
  images: ReadonlyMap<string, Image>,
): readonly string[] {
  const taken = { createdAt: moment } as Snapshot;
  return layers.flatMap(({ disk, data }) => {
    const chain = chainOfDisk(disk, images)?.images ?? [];
    const below = chain.slice(chain.findIndex(({ id }) => id === data.id));
    return below.filter((image) => isWrittenSince(taken, image) === true).map(({ id }) => id);
  });
}
