/** An operation: a plan being run, or one that was. */
import { z } from 'zod';
import { errorSchema } from '../error-schema.ts';
import { epochSecondsSchema } from './inventory.ts';
import { planSchema } from './plan.ts';

export const stepStateSchema = z.enum([
  'waiting',
  'running',
  'done',
  'failed',
  /** Its command was ended because its user wanted it. */
  'cancelled',
  /** Started, but its end was not seen: the connection or Snaptree went away. Only the host knows. */
  'unknown',
  'skipped',
]);

export const operationStepSchema = z.strictObject({
  index: z.int().nonnegative(),
  state: stepStateSchema,
  startedAt: epochSecondsSchema.nullable(),
  endedAt: epochSecondsSchema.nullable(),
  exitCode: z.int().nullable(),
  /** The end of what the command printed. */
  output: z.string(),
});

/** What the command of a step that runs can be told to do otherwise. */
export const stepAbilitySchema = z.enum(['limit', 'pause', 'pauseGuest']);

/** How the command of a step that runs works, where it can be told to work otherwise. */
export const stepControlSchema = z.strictObject({
  can: z.array(stepAbilitySchema),
  /** What it may copy at most; null: as fast as it can. */
  bytesPerSecond: z.number().positive().nullable(),
  /** It stands still because somebody wished it. */
  isPaused: z.boolean(),
  /** The guest writes as fast as is copied: as things are it comes to no end. */
  fallsBehind: z.boolean(),
  /** Until when, by the host's clock, the guest is paused at most; null: it is not paused by this. */
  guestPausedUntil: epochSecondsSchema.nullable(),
});

/** What a step that runs is to do otherwise from now on. */
export const stepWishSchema = z.discriminatedUnion('kind', [
  /** Null: as fast as it can. */
  z.strictObject({ kind: z.literal('limit'), bytesPerSecond: z.int().min(2).max(Number.MAX_SAFE_INTEGER).nullable() }),
  z.strictObject({ kind: z.literal('pause') }),
  z.strictObject({ kind: z.literal('continue') }),
  /** The guest goes on with the end of the step, and after so long in any case. */
  z.strictObject({ kind: z.literal('pauseGuest'), seconds: z.int().min(1).max(3600) }),
  z.strictObject({ kind: z.literal('continueGuest') }),
]);

/**
 * How far the step is that runs, where its command tells. Not worth a record: it is told beside the operation, which changes only
 * where a step begins or ends.
 */
export const stepProgressSchema = z.strictObject({
  operationId: z.uuid(),
  index: z.int().nonnegative(),
  doneBytes: z.number().nonnegative(),
  /** Can grow while the guest writes. */
  totalBytes: z.number().nonnegative(),
  /** Over the last while; null until two reports tell it. */
  bytesPerSecond: z.number().nonnegative().nullable(),
  /** At that rate; null where it is not known or nothing moves. */
  secondsLeft: z.number().nonnegative().nullable(),
  /** Left out where it can only be cancelled, if that. */
  control: stepControlSchema.optional(),
});

export const operationStateSchema = z.enum([
  'preparing',
  'running',
  'verifying',
  'succeeded',
  /** Ended with an error after which the host was read: `error` says in what state things are. */
  'failed',
  'cancelled',
  /** Cut off. The host must be read before anything else happens; then resume or forget. */
  'interrupted',
  /** Was interrupted, and its user decided to let it be. */
  'forgotten',
]);

/**
 * What its user may decide about an interrupted operation. resume: the steps that are not done. undo: the steps that take
 * back what its group of steps has begun. forget: nothing more; the VM is unlocked.
 */
export const resolutionSchema = z.enum(['resume', 'undo', 'forget']);

/** What reading the host again said about an interrupted operation. */
export const examinationSchema = z.strictObject({
  at: epochSecondsSchema,
  finding: z.enum(['completed', 'notStarted', 'partlyDone', 'stillRunning', 'unclear']),
  message: z.string(),
  /** What may be done now. */
  choices: z.array(resolutionSchema),
});

/** A snapshot that a step is known to have made, by what tells it from a later one of the same name. */
export const madeSnapshotSchema = z.strictObject({ snapshotId: z.string(), createdAt: epochSecondsSchema });

export const operationSchema = z.strictObject({
  id: z.uuid(),
  plan: planSchema,
  state: operationStateSchema,
  startedAt: epochSecondsSchema,
  endedAt: epochSecondsSchema.nullable(),
  steps: z.array(operationStepSchema),
  error: errorSchema.nullable(),
  examination: examinationSchema.nullable(),
  /** Only the steps that take things back are run, or were. */
  isUndoing: z.boolean(),
  /** Absent where it made none, or it is not known which one it made. */
  made: z.array(madeSnapshotSchema).optional(),
});

/** An operation whose journal cannot be used: damaged, or written by a newer Snaptree. Null: not known. */
export const unreadableOperationSchema = z.strictObject({
  id: z.string(),
  hostId: z.uuid().nullable(),
  hostName: z.string().nullable(),
  vmUuid: z.string().nullable(),
  vmName: z.string().nullable(),
  title: z.string().nullable(),
  startedAt: epochSecondsSchema.nullable(),
  /**
   * open: it may hold the lock of its VM, and can be forgotten. forgotten: its lock is released, or will be as soon as its
   * host is connected. ended: nothing of it is left on its host.
   */
  state: z.enum(['open', 'forgotten', 'ended']),
  /** What is wrong with its journal, and what that means, in sentences. */
  message: z.string(),
});

export type UnreadableOperation = z.infer<typeof unreadableOperationSchema>;
export type Resolution = z.infer<typeof resolutionSchema>;
export type StepState = z.infer<typeof stepStateSchema>;
export type OperationStep = z.infer<typeof operationStepSchema>;
export type OperationState = z.infer<typeof operationStateSchema>;
export type StepControl = z.infer<typeof stepControlSchema>;
export type StepAbility = z.infer<typeof stepAbilitySchema>;
export type StepWish = z.infer<typeof stepWishSchema>;
export type StepProgress = z.infer<typeof stepProgressSchema>;
export type Examination = z.infer<typeof examinationSchema>;
export type MadeSnapshot = z.infer<typeof madeSnapshotSchema>;
export type Operation = z.infer<typeof operationSchema>;
