/**
 * Data that lies elsewhere than where its record says. A record without data and data without a record are often two sides
 * of one thing, as after an image was renamed: judged one by one, the first is lost and the second may go.
 */
import type { Image, InternalSnapshot, Inventory, ReadableVm, Snapshot } from '../../model/inventory.ts';
import { dependentsOf, imagesById, type Dependents } from '../chains/chains.ts';
import { unknownDependentsOf } from '../chains/dependents.ts';
import { folderOf } from '../text/folders.ts';
import { shellLine } from '../text/shell-words.ts';
import { copyOutLine, dataKey, dataOfDisks, isSameMoment, recordedData } from '../snapshots/snapshot-data.ts';

interface Tag {
  readonly image: Image;
  readonly internal: InternalSnapshot;
}

/** A snapshot's disk whose data is not where its record says. */
export interface LostData {
  readonly vm: ReadableVm;
  readonly snapshot: Snapshot;
  readonly target: string;
  /** Where the record says that it is. */
  readonly recorded: Image;
  /** The image that holds it, by all signs: the name, the moment, and that no other image does. */
  readonly foundIn: Image | null;
  /** Images that hold something of that name, where none is it by all signs. */
  readonly candidates: readonly Image[];
}

export interface MovedData {
  readonly lost: readonly LostData[];
  /** Of an internal snapshot in an image: the record that may be about it; undefined where there is none. */
  recordFor(image: Image, internal: InternalSnapshot): LostData | undefined;
}

/** Every piece of data of internal snapshots that is not where its record says, and where it may be instead. */
export function movedData({ vms: all, images }: Pick<Inventory, 'vms' | 'images'>): MovedData {
  const byId = imagesById(images);
  const vms = all.filter((vm): vm is ReadableVm => vm.readable);
  const missing = recordsWithoutData(vms, byId);
  const free = freeTags(images, recordedData(vms, byId));
  const lost = missing.map((one): LostData => {
    const named = (free.get(one.snapshot.name) ?? []).filter(({ image }) => image.id !== one.recorded.id);
    const sure = closest(
      named.filter(({ internal }) => isSameMoment(one.snapshot, internal)),
      one,
    );
    return { ...one, foundIn: sure, candidates: sure ? [] : [...new Set(named.map(({ image }) => image))] };
  });
  return {
    lost,
    recordFor: (image, { name }) =>
      lost.find(
        ({ snapshot, foundIn, candidates }) =>
          snapshot.name === name && (foundIn?.id === image.id || candidates.some(({ id }) => id === image.id)),
      ),
  };
}

type Missing = Omit<LostData, 'foundIn' | 'candidates'>;

/** Records whose data is not in the image that they name. */
function recordsWithoutData(vms: readonly ReadableVm[], images: ReadonlyMap<string, Image>): readonly Missing[] {
  return vms.flatMap((vm) =>
    vm.snapshots.flatMap((snapshot) =>
      dataOfDisks(snapshot, images).flatMap(({ target, image, data }) =>
        data.kind === 'own' || image.status === 'unreadable' ? [] : [{ vm, snapshot, target, recorded: image }],
      ),
    ),
  );
}

/** Internal snapshots that no record is about, by name. */
function freeTags(images: readonly Image[], recorded: ReadonlySet<string>): ReadonlyMap<string, readonly Tag[]> {
  const tags = images.flatMap((image) => image.internalSnapshots.map((internal) => ({ image, internal })));
  const free = tags.filter(({ image, internal }) => !recorded.has(dataKey(image, internal)));
  return Map.groupBy(free, ({ internal }) => internal.name);
}

/** The only one; of several that which the disk uses now, or else that of the same file name. Null where that does not decide. */
function closest(tags: readonly Tag[], { vm, target, recorded }: Missing): Image | null {
  const found = [...new Set(tags.map(({ image }) => image))];
  if (found.length < 2) return found[0] ?? null;
  const active = vm.disks.find((disk) => disk.target === target)?.imageId;
  const inUse = found.filter(({ id }) => id === active);
  if (inUse.length === 1) return inUse[0] ?? null;
  const fileName = (id: string) => id.slice(folderOf(id).length);
  const sameName = found.filter(({ id }) => fileName(id) === fileName(recorded.id));
  return sameName.length === 1 ? (sameName[0] ?? null) : null;
}

/** Who else may need an image in which data was found. */
export interface OtherNeeds {
  /** Names of other VMs that need it: it is an image of theirs then, and what it holds is a copy. */
  readonly vms: readonly string[];
  /** Whether other images hang on it. */
  readonly hasOverlays: boolean;
  /** Whether something that could not be looked into may need it. */
  readonly inDoubt: boolean;
}

export function otherNeedsOf(
  { vm }: Pick<LostData, 'vm'>,
  image: Image,
  dependents: ReadonlyMap<string, Dependents>,
  inventory: Pick<Inventory, 'unknownDependents'>,
): OtherNeeds {
  const { vms, childImageIds, possibleChildIds } = dependentsOf(image.id, dependents);
  return {
    vms: vms.filter(({ uuid }) => uuid !== vm.uuid).map(({ name }) => name),
    hasOverlays: childImageIds.length + possibleChildIds.length > 0,
    inDoubt: unknownDependentsOf(inventory, image.id).length > 0,
  };
}

/** Where data was found, in a sentence. A copy of an image holds the same snapshots as the image. */
export function whereItIs(foundIn: Image, { vms }: OtherNeeds): string {
  return vms.length === 0
    ? `It is in ${foundIn.id}, which holds an internal snapshot of that name and time that no other record names: the image was probably renamed or moved.`
    : `A copy of it is in ${foundIn.id}, an image of ${vms.slice(0, 5).join(', ')}: that image was probably copied from the one that is meant, or is it.`;
}

/** What brings data and record together again, in sentences. Nothing of it takes anything away, from whomever. */
export function howToReunite(
  { vm, snapshot, target, recorded }: LostData,
  foundIn: Image,
  { vms, hasOverlays, inDoubt }: OtherNeeds,
): string {
  const keep = `Delete neither the record of “${snapshot.name}” nor anything in ${foundIn.id}.`;
  if (vms.length > 0 || inDoubt) {
    return `${keep} Neither move that image nor let the record lead to it: ${vms.length > 0 ? 'what reverts the one VM would take the disk of the other back' : 'something that could not be looked into may need it as it is'}. While nobody writes to it, the state of the disk at that time can be copied out: ${copyOutLine(foundIn.id, { name: snapshot.name })}`;
  }
  const used = vm.disks.find(({ imageId }) => imageId === foundIn.id);
  if (recorded.status !== 'missing' || hasOverlays) {
    return `${keep} Write the record out (virsh snapshot-dumpxml --security-info), put ${foundIn.id} in the place of ${recorded.id} in it, and define it again (virsh snapshot-create --redefine).`;
  }
  const move = `move the image back: ${shellLine(['mv', '-n', '--', foundIn.id, recorded.id])}`;
  return used
    ? `${keep} While ${vm.name} is shut off, ${move}, then give disk ${target} this path again (virsh edit).`
    : `${keep} While no VM uses it, ${move}.`;
}
