/** How far a step is, in words. */
import type { StepControl, StepProgress } from '../../model/operation.ts';
import { readableBytes, readableDuration } from '../text/units.ts';

/** `1.2 GiB of 2 GiB, 150 MiB/s, about 6 s left`; what is not known is left out, and how it was told to go on is behind it. */
export function progressWords({ doneBytes, totalBytes, bytesPerSecond, secondsLeft, control }: StepProgress): string {
  return [
    `${readableBytes(doneBytes)} of ${readableBytes(totalBytes)}`,
    ...(bytesPerSecond === null ? [] : [`${readableBytes(Math.round(bytesPerSecond))}/s`]),
    // What is left does not become less.
    ...(secondsLeft === null || secondsLeft === 0 || control?.fallsBehind === true
      ? []
      : [`about ${readableDuration(secondsLeft)} left`]),
    ...(control === undefined ? [] : controlWords(control)),
  ].join(', ');
}

/** How a step was told to go on, and what comes of it, each in a few words; nothing where it copies as fast as it can. */
function controlWords({ bytesPerSecond, isPaused, fallsBehind, guestPausedUntil }: StepControl): readonly string[] {
  return [
    ...(isPaused ? ['paused'] : []),
    ...(bytesPerSecond === null ? [] : [`limited to ${readableBytes(bytesPerSecond)}/s`]),
    ...(fallsBehind ? ['cannot catch up with what the guest writes'] : []),
    ...(guestPausedUntil === null ? [] : ['the guest is paused']),
  ];
}
