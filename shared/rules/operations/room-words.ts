/** What a plan says of the room that it needs, in words. Pure. */
import type { PlanRoom } from '../../model/plan.ts';
import { readableBytes, sumOf } from '../text/units.ts';

/** How the room that is needed fits what is free; each holds where none before it does. */
export type RoomFit =
  /** Not even what is likely is free. */
  | 'tooLittle'
  /** What may be needed at most is not free. */
  | 'mayNotFit'
  /** It fits, but the guest may fill the rest. */
  | 'guestMayFill'
  /** What is free or needed is not known. */
  | 'notKnown'
  | 'fits';

export function roomFit({ likelyBytes, atMostBytes, guestBytes, freeBytes }: PlanRoom): RoomFit {
  if (freeBytes === null) return 'notKnown';
  if ((likelyBytes ?? 0) > freeBytes) return 'tooLittle';
  if (atMostBytes === null) return 'notKnown';
  if (atMostBytes > freeBytes) return 'mayNotFit';
  return atMostBytes + (guestBytes ?? 0) > freeBytes ? 'guestMayFill' : 'fits';
}

/** What is to be said of it besides the figures; null: nothing. */
export const fitWords: Readonly<Record<RoomFit, string | null>> = {
  tooLittle: 'too little',
  mayNotFit: 'may be too little',
  guestMayFill: 'the guest may fill it later',
  notKnown: null,
  fits: null,
};

/** Such as `likely 1.2 GiB, at most 2 GiB needed, and up to 38 GiB more as the guest writes`. */
export function neededWords({ likelyBytes, atMostBytes, guestBytes }: Omit<PlanRoom, 'folders'>): string {
  const more =
    guestBytes === null
      ? ', and nobody knows how much more as the guest writes'
      : guestBytes > 0
        ? `, and up to ${readableBytes(guestBytes)} more as the guest writes`
        : '';
  return `${needed(likelyBytes, atMostBytes)}${more}`;
}

function needed(likelyBytes: number | null, atMostBytes: number | null): string {
  const likely = likelyBytes === null ? null : readableBytes(likelyBytes);
  if (atMostBytes === null) return likely === null ? 'how much is needed is not known' : `likely ${likely} needed`;
  if (atMostBytes === 0) return 'none needed';
  const atMost = readableBytes(atMostBytes);
  return likely === null || likely === atMost
    ? `at most ${atMost} needed`
    : `likely ${likely}, at most ${atMost} needed`;
}

/** Of a size in a table. */
export function sizeWords(bytes: number | null): string {
  if (bytes === null) return 'not known';
  return bytes === 0 ? 'none' : readableBytes(bytes);
}

/** What is free, such as `212 GiB free`. */
export function freeWords({ freeBytes }: PlanRoom): string {
  return freeBytes === null ? 'what is free could not be read' : `${readableBytes(freeBytes)} free`;
}

/** What a change needs on all file systems together. */
export function allRooms(rooms: readonly PlanRoom[]): Pick<PlanRoom, 'likelyBytes' | 'atMostBytes' | 'guestBytes'> {
  return {
    likelyBytes: sumOf(rooms.map(({ likelyBytes }) => likelyBytes)),
    atMostBytes: sumOf(rooms.map(({ atMostBytes }) => atMostBytes)),
    guestBytes: sumOf(rooms.map(({ guestBytes }) => guestBytes)),
  };
}
