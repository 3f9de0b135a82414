/** How far a step is, in words. */
import type { StepProgress } from '../model/operation.ts';
import { readableBytes, readableDuration } from './units.ts';

/** `1.2 GiB of 2 GiB, 150 MiB/s, about 6 s left`; what is not known is left out. */
export function progressWords({ doneBytes, totalBytes, bytesPerSecond, secondsLeft }: StepProgress): string {
  return [
    `${readableBytes(doneBytes)} of ${readableBytes(totalBytes)}`,
    ...(bytesPerSecond === null ? [] : [`${readableBytes(Math.round(bytesPerSecond))}/s`]),
    ...(secondsLeft === null || secondsLeft === 0 ? [] : [`about ${readableDuration(secondsLeft)} left`]),
  ].join(', ');
}
