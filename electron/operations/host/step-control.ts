/** What a step that runs tells of how it works, and how it is told to work otherwise. Pure. */
import { assertNever } from '../../../shared/assert-never.ts';
import type { StepAbility, StepControl, StepWish } from '../../../shared/model/operation.ts';
import type { Wish } from './host-job.ts';

const abilities: Readonly<Record<string, StepAbility>> = { limit: 'limit', pause: 'pause', guest: 'pauseGuest' };

/**
 * From the words that stand behind the bytes in the file `progress`: `can=limit,pause,guest`, `limit=N` (bytes a second; 0: none),
 * `paused`, `behind`, `guest=EPOCH`. Others are passed over. Null where it says nothing that it can be told.
 */
export function controlOf(told: string): StepControl | null {
  const words = told.split(' ').filter((word) => word !== '');
  const value = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const can = (value('can') ?? '').split(',').flatMap((word) => abilities[word] ?? []);
  if (can.length === 0) return null;
  const limit = Number(value('limit') ?? 0);
  const until = Number(value('guest') ?? 0);
  // The least that libvirt takes: how a pause is brought about where there is none.
  const isPaused = limit === 1 || words.includes('paused');
  const guestPausedUntil = until > 0 && Number.isSafeInteger(until) ? until : null;
  return {
    can,
    bytesPerSecond: limit > 1 && Number.isSafeInteger(limit) ? limit : null,
    isPaused,
    // A guest that stands still lets it catch up; what was found before is told on until it goes on.
    fallsBehind: words.includes('behind') && guestPausedUntil === null,
    guestPausedUntil,
  };
}

/** What the command of a step is told. */
export function wordsOfWish(wish: StepWish): Pick<Wish, 'verb' | 'amount'> {
  switch (wish.kind) {
    case 'limit':
      return { verb: 'limit', amount: wish.bytesPerSecond ?? 0 };
    case 'pauseGuest':
      return { verb: 'pauseGuest', amount: wish.seconds };
    case 'pause':
    case 'continue':
    case 'continueGuest':
      return { verb: wish.kind, amount: 0 };
    default:
      return assertNever(wish);
  }
}

/** Which of its abilities a wish needs. */
export function abilityFor(wish: StepWish): StepAbility {
  switch (wish.kind) {
    case 'limit':
      return 'limit';
    case 'pause':
    case 'continue':
      return 'pause';
    case 'pauseGuest':
    case 'continueGuest':
      return 'pauseGuest';
    default:
      return assertNever(wish);
  }
}
