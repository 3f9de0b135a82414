/** What snapshots lack to be reverted to: the images that hold their data, their memory, and whatever else their records need. */
import type { Image, Obstacle, Problem, ReadableVm, Snapshot } from '../../model/inventory.ts';
import { brokenChain, type BrokenChain } from '../chains/broken-chains.ts';
import { chainFrom } from '../chains/chains.ts';
import { firstOf } from '../text/first-of.ts';
import { dataIn, lacksMemory } from './snapshot-data.ts';

type Images = ReadonlyMap<string, Image>;

/** Everything that a snapshot lacks, or may lack where a warning says so, each in sentences about “it”. */
export function lacksOf(snapshot: Snapshot, images: Images): readonly Problem[] {
  const data = lostDataOf(snapshot, images).map((words): Problem => ({ severity: 'error', message: `It ${words}` }));
  const obstacles = (snapshot.revertObstacles ?? []).map(({ message, remedy }): Problem => ({
    severity: severityOfObstacles([snapshot]),
    message: `${message} ${remedy}`,
  }));
  return [...data, ...chainLacks(snapshot, images), ...obstacles];
}

/** What is in the way of a start is worse where memory is to be loaded: that is lost with it. */
export function severityOfObstacles(snapshots: readonly Pick<Snapshot, 'memory'>[]): Problem['severity'] {
  return snapshots.some(({ memory }) => memory.kind !== 'none') ? 'error' : 'warning';
}

/** Data that is not where the record says, and memory that is in no image: each is what goes behind `Snapshot “a”`. */
export function lostDataOf(snapshot: Snapshot, images: Images): readonly string[] {
  const ofDisks = snapshot.disks.flatMap(({ kind, target, dataImageId }): readonly string[] => {
    const image = dataImageId === null || kind === 'none' ? undefined : images.get(dataImageId);
    if (!image) return [];
    const says = `says that its data of ${target} is in ${image.id}`;
    if (image.status === 'missing') return [`${says}, which is missing. The snapshot cannot be reverted to.`];
    if (kind !== 'internal' || image.status !== 'ok') return [];
    switch (dataIn(snapshot, image).kind) {
      case 'own':
        return [];
      case 'none':
        return [
          `${says}, which holds no such internal snapshot: it is a record without data, and reverting to it will fail.`,
        ];
      case 'other':
        return [
          `${says}, which holds something else of that name, of another time: reverting would take the disk to that, and deleting would delete it.`,
        ];
    }
  });
  const memory =
    'is said to hold memory, and none of its images holds any for it: reverting to it would end the VM and fail.';
  return lacksMemory(snapshot, images) ? [...ofDisks, memory] : ofDisks;
}

/** What the images of its data hang on. */
function chainLacks({ disks, unknownPart }: Snapshot, images: Images): readonly Problem[] {
  return disks.flatMap(({ kind, target, dataImageId }): readonly Problem[] => {
    if (kind === 'none') return [];
    if (dataImageId === null) {
      const message = `Where its data of ${target} is, is not known.`;
      return unknownPart === undefined ? [{ severity: 'warning', message }] : [];
    }
    const broken = brokenBelow(dataImageId, images);
    // Of an image that was not read nothing is known, and one that is missing itself is told as such.
    const isOfImage = broken?.at === dataImageId && (broken.kind === 'missing' || broken.kind === 'notRead');
    if (!broken || isOfImage) return [];
    return [
      {
        severity: broken.isCertain ? 'error' : 'warning',
        message: `The chain of its data of ${target} ${broken.words} ${broken.remedy}`,
      },
    ];
  });
}

/** Thousands of snapshots have their data in a few images. */
const brokenChains = new WeakMap<Images, Map<string, BrokenChain | null>>();

function brokenBelow(imageId: string, images: Images): BrokenChain | null {
  const known = brokenChains.get(images) ?? new Map<string, BrokenChain | null>();
  brokenChains.set(images, known);
  const before = known.get(imageId);
  if (before !== undefined) return before;
  const broken = brokenChain(chainFrom(imageId, images), images);
  known.set(imageId, broken);
  return broken;
}

export interface Lack {
  readonly obstacle: Obstacle;
  /** All that lack it, at least one. */
  readonly snapshots: readonly Snapshot[];
}

/** Each thing that is gone once, with the snapshots that lack it. */
export function lackedBySnapshots({ snapshots }: Pick<ReadableVm, 'snapshots'>): readonly Lack[] {
  const lacks = new Map<string, { readonly obstacle: Obstacle; readonly snapshots: Snapshot[] }>();
  for (const snapshot of snapshots) {
    for (const obstacle of snapshot.revertObstacles ?? []) {
      const key = JSON.stringify([obstacle.path, obstacle.message]);
      const known = lacks.get(key);
      if (known) known.snapshots.push(snapshot);
      else lacks.set(key, { obstacle, snapshots: [snapshot] });
    }
  }
  return [...lacks.values()];
}

/**
 * What the memory of an external snapshot lacks: its file is gone, or holds that of another one. Its disks can be gone back to all the
 * same. Null: nothing.
 */
export function lostMemory({ kind, memory, revertObstacles = [] }: Snapshot): Obstacle | null {
  if (kind !== 'external' || memory.kind !== 'external') return null;
  return revertObstacles.find(({ path }) => path === memory.file) ?? null;
}

/** To begin a sentence with: `Snapshot “a”`, `Snapshots “a”, “b”`, and with their number where they are many. */
export function namesOf(snapshots: readonly Snapshot[]): string {
  return `Snapshot${snapshots.length === 1 ? '' : 's'} ${firstOf(snapshots.map(({ name }) => `“${name}”`))}`;
}
