/** Plans as earlier versions wrote them, in journals and in plan files. */
import { listOf, objectOf } from './versions.ts';
import type { Migration } from './versions.ts';

/**
 * Version 1 to 2: what a cancel and an interruption mean became data. Whatever the sentences of version 1 said, it stopped
 * between two steps only, and ran nothing again of which it could not tell what became.
 */
const toVersion2: Migration = (value) => {
  const plan = objectOf(value, 'the plan');
  const steps = listOf(plan['steps'], 'the list of steps').map((each) => {
    const { cancel: _cancel, whenInterrupted: _whenInterrupted, ...step } = objectOf(each, 'a step');
    return { ...step, cancellation: 'betweenSteps', whenInterrupted: 'examine', group: null, runs: 'inOrder' };
  });
  return { ...plan, steps };
};

/**
 * What was added to version 2 before its release, with what it means where it is not there: a revert saved nothing first, and of
 * the room only that of the tightest file system was told. To be applied to every plan after the migrations.
 */
export const completedPlan: Migration = (value) => {
  const { space, ...plan } = objectOf(value, 'the plan');
  const request = objectOf(plan['request'], 'the request');
  return {
    ...(space !== undefined && { rooms: roomsFrom(space) }),
    ...plan,
    ...(request['action'] === 'revertToSnapshot' && { request: { saveAs: null, ...request } }),
  };
};

/** What was needed at most had in it what the guest writes afterwards. */
function roomsFrom(space: unknown): unknown {
  const { folder, neededBytes, freeBytes } = objectOf(space, 'the room');
  if (folder === null) return [];
  return [{ folders: [folder], likelyBytes: null, atMostBytes: neededBytes, guestBytes: 0, freeBytes }];
}

/** Of a plan, by the version of the journal or the plan file that holds it: both count alike. */
export const planMigrations: readonly [Migration] = [toVersion2];
