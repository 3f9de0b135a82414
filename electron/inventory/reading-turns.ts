/**
 * Has hosts that are read to be shown take turns: what a large host answers, and what is made of it on the way, is many
 * times as large as what is kept, and V8 hardly gives back what a hundred of them needed at once.
 *
 * A reading has a place while Snaptree is at work on it and while its host is asked; a host that does not answer gives its
 * place up, so that hosts that hang keep nobody waiting. What hosts answer is taken apart one host after the other.
 */
import { SnaptreeError } from '../../shared/errors.ts';
import { untilAborted } from '../base/abort.ts';
import type { CommandResult, CommandRunner } from '../hosts/commands/runner.ts';
import type { Clock } from '../hosts/session.ts';

/** Places while hosts answer much, or it is not known yet how much; and at the most. */
export const fewestPlaces = 6;
export const mostPlaces = 64;
/** Between those, so many that the answers to be expected of them are not larger together, in UTF-16 units. */
const answersAtOnce = 64_000_000;
/** So long a host has to answer a question, in milliseconds, before its place goes to another. */
export const patienceMs = 3000;

export interface ReadingTurns {
  /**
   * Calls `read` when there is a place, with a runner to be used for everything that is asked of the host; gives what it
   * gives. Throws what it throws, and `cancelled` where `signal` aborts while it waits.
   */
  take<Result>(
    runner: CommandRunner,
    signal: AbortSignal | undefined,
    read: (runner: CommandRunner) => Promise<Result>,
  ): Promise<Result>;
}

type Row = 'first' | 'last';

/** Places for which one waits in a row. */
interface Places {
  /** Resolves with a function that gives the place back. Throws `cancelled` where `signal` aborts first. */
  take(signal: AbortSignal | undefined, row: Row): Promise<() => void>;
}

function createPlaces(limit: () => number): Places {
  let waiting: (() => void)[] = [];
  let taken = 0;

  function startNext(): void {
    while (taken < limit()) {
      const start = waiting.shift();
      if (start === undefined) return;
      taken += 1;
      start();
    }
  }

  function giveBack(): void {
    taken -= 1;
    startNext();
  }

  return {
    async take(signal, row) {
      let start: () => void = () => undefined;
      const started = new Promise<void>((resolve) => (start = resolve));
      if (row === 'first') waiting.unshift(start);
      else waiting.push(start);
      startNext();
      try {
        await (signal ? untilAborted(started, signal, cancelled) : started);
      } catch (error) {
        if (waiting.includes(start)) waiting = waiting.filter((each) => each !== start);
        else giveBack();
        throw error;
      }
      return giveBack;
    },
  };
}

function cancelled(): SnaptreeError {
  return new SnaptreeError('cancelled', 'The reading was called off while it waited for its turn.');
}

/** At most one of the places, for one reading. */
function createLease(places: Places, signal: AbortSignal | undefined) {
  let held: Promise<() => void> | null = null;
  return {
    async take(row: Row): Promise<void> {
      held ??= places.take(signal, row);
      await held;
    },
    leave(): void {
      held?.then(
        (giveBack) => {
          giveBack();
        },
        () => undefined,
      );
      held = null;
    },
  };
}

export function createReadingTurns({ schedule }: Pick<Clock, 'schedule'>): ReadingTurns {
  /** Readings that were answered. */
  let readings = 0;
  /** All that they were answered, in UTF-16 units. */
  let answered = 0;
  const places = createPlaces(() => {
    if (answered === 0) return fewestPlaces;
    return Math.min(mostPlaces, Math.max(fewestPlaces, Math.floor((answersAtOnce * readings) / answered)));
  });
  const desks = createPlaces(() => 1);

  return {
    async take(runner, signal, read) {
      const place = createLease(places, signal);
      const desk = createLease(desks, signal);
      let asked = 0;
      let isCounted = false;

      async function inTurn(ask: () => Promise<CommandResult>): Promise<CommandResult> {
        desk.leave();
        asked += 1;
        const callOff = schedule(patienceMs, () => {
          place.leave();
        });
        let result: CommandResult;
        try {
          result = await ask();
        } finally {
          callOff();
          asked -= 1;
        }
        if (!isCounted) readings += 1;
        isCounted = true;
        answered += result.stdout.length;
        // Before hosts that were not asked yet.
        await place.take('first');
        // What asks for several things at once goes on when it has them all.
        if (asked === 0) await desk.take('last');
        return result;
      }

      try {
        await place.take('last');
        return await read({
          hostName: runner.hostName,
          run: (command) => inTurn(() => runner.run(command)),
          runScript: (script) => inTurn(() => runner.runScript(script)),
          follow: (script) => runner.follow(script),
        });
      } finally {
        desk.leave();
        place.leave();
      }
    },
  };
}
