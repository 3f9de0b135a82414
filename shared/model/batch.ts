/** A batch: many changes, of many VMs on many hosts, planned and run as one. */
import { z } from 'zod';
import { errorSchema } from '../error-schema.ts';
import { epochSecondsSchema } from './inventory.ts';
import { changeRequestSchema, planNoteSchema, planSchema } from './plan.ts';

/** One change of a batch, as it is asked for. */
export const batchRequestSchema = z.strictObject({ hostId: z.uuid(), request: changeRequestSchema });

/** As many changes as one batch may have: what is more than this nobody reviews. */
export const mostBatchItems = 500;

export const batchRequestsSchema = z.array(batchRequestSchema).min(1).max(mostBatchItems);

const itemSchema = batchRequestSchema.extend({
  /** Position in the order in which they are begun, from 0. */
  index: z.int().nonnegative(),
  hostName: z.string(),
  vmName: z.string(),
  /** One line that names the change. */
  title: z.string(),
  /** The one before it on the same VM: not begun before that is done, and planned again then. Null: it is the first on its VM. */
  after: z.int().nonnegative().nullable(),
});

/** A plan of a batch: what its steps are is known; the tree afterwards and the script are those of a plan of its own. */
const batchItemPlanSchema = planSchema.omit({ after: true, script: true });

export const plannedBatchItemSchema = itemSchema.extend({
  /**
   * For the host as it was read. Of one that comes after another on its VM it shows what it would take now. With a refusal the change
   * is left out of the batch. Null: it could not be planned.
   */
  plan: batchItemPlanSchema.nullable(),
  /** Why there is no plan. */
  error: errorSchema.nullable(),
});

/** What a batch may need on one file system at once, one change after the other. In bytes; null where it cannot be told. */
export const batchRoomSchema = z.strictObject({
  hostName: z.string(),
  folders: z.array(z.string()).min(1),
  /** At its peak, with what the changes before have made free by then. */
  likelyBytes: z.number().nonnegative().nullable(),
  atMostBytes: z.number().nonnegative().nullable(),
  /** By the files that are deleted, over the whole batch. */
  freedBytes: z.number().nonnegative(),
  freeBytes: z.number().nonnegative().nullable(),
});

export const batchPlanSchema = z.strictObject({
  id: z.uuid(),
  title: z.string(),
  createdAt: epochSecondsSchema,
  /** In the order in which they are begun, those of one VM one after the other. */
  items: z.array(plannedBatchItemSchema).min(1),
  /** The tightest first. */
  rooms: z.array(batchRoomSchema),
  /** Why nothing of it can be run. What is refused of a single change is in that. */
  refusals: z.array(planNoteSchema),
  warnings: z.array(planNoteSchema),
});

const batchItemStateSchema = z.enum([
  'waiting',
  'running',
  'succeeded',
  /** Its operation failed, was cancelled or was let be: that says in what state things are. */
  'failed',
  /** Its operation was cut off and needs its user, or the batch, to go on. */
  'interrupted',
  /** Left out, before anything of it was done: `message` says why. */
  'notRun',
]);

export const batchItemSchema = itemSchema.extend({
  state: batchItemStateSchema,
  /** Null while none was begun for it. */
  operationId: z.uuid().nullable(),
  /** Why it was not run or how its operation ended; null where there is nothing to say. */
  message: z.string().nullable(),
});

const batchStateSchema = z.enum([
  'running',
  /** Nothing more is begun; what runs is waited for. */
  'stopping',
  /** Nothing runs, and something is left: it can be resumed or forgotten. */
  'interrupted',
  /** Every change was made. */
  'succeeded',
  /** It went through, and some changes failed or were not run. */
  'incomplete',
  'cancelled',
  /** Its user let the rest be. */
  'forgotten',
]);

export const batchSchema = z.strictObject({
  id: z.uuid(),
  title: z.string(),
  state: batchStateSchema,
  startedAt: epochSecondsSchema,
  endedAt: epochSecondsSchema.nullable(),
  items: z.array(batchItemSchema).min(1),
});

/** What may be decided about an interrupted batch. forget: nothing more of it is begun; operations that are cut off stay as they are. */
export const batchResolutionSchema = z.enum(['resume', 'forget']);

export type BatchRequest = z.infer<typeof batchRequestSchema>;
export type PlannedBatchItem = z.infer<typeof plannedBatchItemSchema>;
export type BatchRoom = z.infer<typeof batchRoomSchema>;
export type BatchPlan = z.infer<typeof batchPlanSchema>;
export type BatchItem = z.infer<typeof batchItemSchema>;
export type Batch = z.infer<typeof batchSchema>;
export type BatchResolution = z.infer<typeof batchResolutionSchema>;
