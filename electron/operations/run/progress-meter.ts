/** How fast a step comes along, from what it told of itself. Pure but for what it remembers. */
import type { StepProgress } from '../../../shared/model/operation.ts';
import type { ByteProgress } from '../host/host-job.ts';
import { controlOf } from '../host/step-control.ts';

/** Long enough that what the host writes in bursts comes out even, short enough that a slower disk shows. */
const windowSeconds = 30;

export interface ProgressMeter {
  /** @param at seconds since 1970-01-01T00:00:00Z, when it was told */
  add(progress: ByteProgress, at: number): Omit<StepProgress, 'operationId' | 'index'>;
}

export function createProgressMeter(): ProgressMeter {
  let samples: readonly { readonly doneBytes: number; readonly at: number }[] = [];
  return {
    add({ doneBytes, totalBytes, told }, at) {
      // One that went back was begun anew: what was before says nothing.
      const goesOn = (samples.at(-1)?.doneBytes ?? 0) <= doneBytes && (samples.at(-1)?.at ?? at) <= at;
      samples = [...(goesOn ? samples : []), { doneBytes, at }];
      const inWindow = samples.findIndex((sample) => sample.at >= at - windowSeconds);
      // One from before the window, so that there are two where it tells seldom.
      samples = samples.slice(Math.max(0, inWindow - 1));
      const [first] = samples;
      const seconds = first ? at - first.at : 0;
      const bytesPerSecond = first && seconds > 0 ? (doneBytes - first.doneBytes) / seconds : null;
      const left = Math.max(0, totalBytes - doneBytes);
      const secondsLeft =
        left === 0 ? 0 : bytesPerSecond === null || bytesPerSecond === 0 ? null : left / bytesPerSecond;
      const control = controlOf(told ?? '');
      return { doneBytes, totalBytes, bytesPerSecond, secondsLeft, ...(control === null ? {} : { control }) };
    },
  };
}
