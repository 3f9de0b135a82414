/** Drives sequences of procedures until there were enough steps, or one of them shows that something is wrong. */
import * as fc from 'fast-check';
import type { LibvirtVersion } from '../testbeds/places.ts';
import { sequences } from './model-commands.fixtures.ts';
import { ModelRun, newTally, type Tally } from './model-run.fixtures.ts';

export interface DriveOptions {
  readonly version: LibvirtVersion;
  readonly steps: number;
  readonly seed: number;
  /** Of a hundred steps, so many that something goes wrong with. */
  readonly faults: number;
  /** How many steps a sequence has at most, from two new VMs on. */
  readonly longest?: number;
  /** A failed sequence is tried with fewer steps, for at most so long. 0: it is told as it is. */
  readonly shrinkSeconds?: number;
  /** Of a sequence that is to be run again, as it was printed. */
  readonly replay?: Replay;
  readonly onSequence?: (tally: Tally) => void;
}

/** Which of the sequences of a seed: fast-check's words for it. */
export interface Replay {
  readonly path: string;
  /** Which steps of the sequences that it was made shorter from were run: without it, fast-check cannot make it shorter again. */
  readonly commands: string;
}

export interface Driven {
  readonly tally: Tally;
  /** What was found, and how to see it again; null: nothing. */
  readonly failure: string | null;
}

/** Needs root, and a testbed with that version that is up. */
export async function drive(options: DriveOptions): Promise<Driven> {
  const { version, steps, seed, faults, longest = 30, shrinkSeconds = 0, replay } = options;
  const tally = newTally();
  let run: ModelRun | null = null;
  let trace: readonly string[] = [];
  let failedAt: number | null = null;
  let hasBegun = false;
  const isOver = () => failedAt === null && tally.steps >= steps;
  const property = fc.asyncProperty(
    sequences({ longest, faults, isOver, replayed: replay?.commands }),
    async (commands) => {
      // fast-check goes on with those beside the one that was named, where that one passes.
      if (replay && hasBegun) return;
      hasBegun = true;
      if (isOver() || (failedAt !== null && Date.now() > failedAt + shrinkSeconds * 1000)) return;
      run ??= await ModelRun.start(version, tally);
      const current = run;
      try {
        await current.begin();
        await fc.asyncModelRun(() => ({ model: {}, real: current }), commands);
        options.onSequence?.(tally);
      } catch (error) {
        failedAt ??= Date.now();
        trace = current.trace;
        // What it has left is not for the next.
        run = null;
        await current.stop();
        throw error;
      }
    },
  );
  try {
    const found = await fc.check(property, {
      seed,
      ...(replay ? { path: replay.path, numRuns: 1 } : { numRuns: 100_000 }),
      endOnFailure: shrinkSeconds === 0,
    });
    return { tally, failure: found.failed ? failureOf(found, trace, options) : null };
  } finally {
    await (run as ModelRun | null)?.stop();
  }
}

function failureOf<Found>(
  found: fc.RunDetails<Found>,
  trace: readonly string[],
  { version, faults, longest = 30 }: DriveOptions,
): string {
  const { seed, counterexample, counterexamplePath, errorInstance, numShrinks } = found;
  const why = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance);
  return [
    `The model and libvirt ${version} part ways${numShrinks > 0 ? ` (made fewer ${numShrinks} times)` : ''}:`,
    why,
    'after',
    ...trace.map((line, index) => `  ${index + 1}. ${line}`),
    `Again: npm run test:model -- --libvirt ${version} --faults ${faults} --longest ${longest} --seed ${seed} --path ${counterexamplePath ?? ''} --commands ${commandsOf(String(counterexample))}`,
  ].join('\n');
}

// `fc.commands` tells it in the text of a sequence only, as replayPath="…" in a comment.
function commandsOf(sequence: string): string {
  return /replayPath="([^"]{1,10000})"/.exec(sequence)?.[1] ?? '';
}

/** What happened how often. */
export function tallyText({ steps, carriedOut, refused, faults, orphans }: Tally): string {
  const lines = (title: string, map: ReadonlyMap<string, number>) =>
    map.size === 0
      ? []
      : [
          title,
          ...[...map].sort(([, a], [, b]) => b - a).map(([what, times]) => `  ${String(times).padStart(5)}  ${what}`),
        ];
  const procedures = [carriedOut, refused, faults].flatMap((map) => [...map.values()]).reduce((a, b) => a + b, 0);
  return [
    `${steps} steps, of which ${procedures} procedures; images that nobody needs, summed over all checks: ${orphans}`,
    ...lines('Carried out:', carriedOut),
    ...lines('Refused:', refused),
    ...lines('Ended otherwise, with something that went wrong:', faults),
  ].join('\n');
}
