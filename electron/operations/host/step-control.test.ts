import { expect, it } from 'vitest';
import { controlOf, wordsOfWish } from './step-control.ts';

it('reads what a step tells of how it goes on', () => {
  expect(controlOf('can=limit,pause,guest limit=1048576 behind guest=1795732388')).toEqual({
    can: ['limit', 'pause', 'pauseGuest'],
    bytesPerSecond: 1_048_576,
    isPaused: false,
    fallsBehind: false,
    guestPausedUntil: 1_795_732_388,
  });
  expect(controlOf('can=limit,pause,guest limit=1048576 behind')).toMatchObject({ fallsBehind: true });
  expect(controlOf('can=limit,pause limit=0')).toMatchObject({ bytesPerSecond: null, isPaused: false });
});

it('takes the least that can be set for a pause, and what says that it is one', () => {
  expect(controlOf('can=limit,pause limit=1')).toMatchObject({ bytesPerSecond: null, isPaused: true });
  expect(controlOf('can=pause paused')).toMatchObject({ isPaused: true });
});

it.each(['', 'limit=5 behind', 'can= limit=5', 'can=fly', 'nonsense'])(
  'has nothing to tell where a step says “%s”',
  (told) => {
    expect(controlOf(told)).toBeNull();
  },
);

it('tells a step that it may copy as fast as it can by a limit of 0', () => {
  expect(wordsOfWish({ kind: 'limit', bytesPerSecond: null })).toEqual({ verb: 'limit', amount: 0 });
  expect(wordsOfWish({ kind: 'pauseGuest', seconds: 30 })).toEqual({ verb: 'pauseGuest', amount: 30 });
});
