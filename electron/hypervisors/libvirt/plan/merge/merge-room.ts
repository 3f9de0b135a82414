/** The room that merges need, and find. Pure. */
import type { Image } from '../../../../../shared/model/inventory.ts';
import type { PlanNote, PlanRoom } from '../../../../../shared/model/plan.ts';
import { fullBytes, mergeGrowth } from '../../../../../shared/rules/chains/image-growth.ts';
import { readableBytes } from '../../../../../shared/rules/text/units.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { roomIsStillThere } from '../../../planning/room-step.ts';
import { roomsFor, type RoomNeed } from '../../../planning/space.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import type { Layer, MergeRange } from './merge-ranges.ts';
import type { Step } from './merge-steps.ts';

/** The one that takes up the others: the base (down), or the one above them (up). */
type Into = 'base' | 'above';

/**
 * By how much each image grows that takes up others, for merges one after the other: what an earlier one has made larger is that
 * large for a later one, and all files stay until the end.
 */
function growths(
  merges: readonly MergeRange[],
  into: Into,
  { vm }: LibvirtContext,
): readonly (RoomNeed & { readonly image: Image; readonly range: MergeRange })[] {
  const live = vm.state !== 'shutoff';
  const likely = new Map<string, number>();
  const most = new Map<string, number>();
  return merges.flatMap((range) => {
    const { merged, above, [into]: layer } = range;
    if (layer === null) return [];
    const { image } = layer;
    const copies = !live ? 'data' : into === 'above' ? 'chunks' : above === null ? 'data' : 'zeroes';
    const { likelyBytes } = mergeGrowth(larger(merged, likely), image, copies);
    const { atMostBytes } = mergeGrowth(larger(merged, most), image, copies);
    likely.set(image.id, likelyBytes ?? 0);
    most.set(image.id, atMostBytes ?? 0);
    // The guest's writes go to both images until it moves to the lower one.
    const guestBytes = live && into === 'base' && above === null ? guestGrowth(image, merged, atMostBytes) : 0;
    return [{ range, image, path: image.id, likelyBytes, atMostBytes, guestBytes }];
  });
}

function larger(layers: readonly Layer[], grown: ReadonlyMap<string, number>): readonly Image[] {
  return layers.map(({ image }) => ({
    ...image,
    allocatedBytes: image.allocatedBytes === null ? null : image.allocatedBytes + (grown.get(image.id) ?? 0),
  }));
}

function guestGrowth(base: Image, merged: readonly Layer[], atMostBytes: number | null): number | null {
  const virtualBytes = merged[0]?.image.virtualBytes ?? base.virtualBytes;
  const full = fullBytes({ ...base, virtualBytes });
  if (full === null || atMostBytes === null) return null;
  return Math.max(0, full - (base.internalSnapshots.length > 0 ? 0 : (base.allocatedBytes ?? 0)) - atMostBytes);
}

/** Where the images that take up others are files. */
export function roomsForMerge(merges: readonly MergeRange[], into: Into, context: LibvirtContext): PlanRoom[] {
  return roomsFor(
    context,
    growths(merges, into, context).filter(({ image }) => image.kind !== 'block'),
  );
}

/**
 * Gives what looks for the room of one merge of several, right before it. Not for the first of a plan, before which the room of all is looked for.
 * Nothing where the image that takes up the others is a volume.
 *
 * @param merges all that are to be done
 * @param rooms of all of them, from `roomsForMerge`
 */
export function roomBeforeEach(
  merges: readonly MergeRange[],
  into: Into,
  rooms: readonly PlanRoom[],
  context: LibvirtContext,
): (range: MergeRange) => readonly Step[] {
  const needs = growths(merges, into, context).filter(({ image }) => image.kind !== 'block');
  return (range) =>
    roomsFor(
      context,
      needs.filter((need) => need.range === range),
    ).map((room) => roomIsStillThere(room, rooms));
}

/** Where they are volumes: how much room is left in an image on one only QEMU knows, and not while a VM uses it. */
export function fullVolumeWarnings(merges: readonly MergeRange[], into: Into, context: LibvirtContext): PlanNote[] {
  return growths(merges, into, context).flatMap(({ image, atMostBytes }) =>
    image.kind !== 'block' || image.format === 'raw'
      ? []
      : [
          note(
            'volumeMayFill',
            `${image.id} is a volume with an image of the format ${image.format ?? '(unknown)'} in it, and volumes do not grow by themselves: ${atMostBytes === null ? 'an amount that is not known' : `up to ${readableBytes(atMostBytes)}`} may be needed in it (less where they hold the same places). A merge that finds no room ends, and the VM reads what it read before. Make the volume larger first where you are not sure.`,
            [image.id],
          ),
        ],
  );
}

export function allocated(layers: readonly Layer[]): number {
  return layers.reduce((sum, { image }) => sum + (image.allocatedBytes ?? 0), 0);
}
