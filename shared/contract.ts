/**
 * The only list of what a renderer may ask of the main process, and of what it may listen to.
 *
 * A request is answered once. A subscription first delivers the present value and then a new one at every change, so
 * that a renderer never has to fetch *and* listen. Long work answers at once with an id; its progress is a subscription.
 */
import { z } from 'zod';
import { errorSchema } from './errors.ts';
import { hostSettingsSchema, hostSchema, hostWithSessionSchema } from './model/host.ts';
import { epochSecondsSchema, inventorySchema } from './model/inventory.ts';
import { operationSchema } from './model/operation.ts';
import { changeRequestSchema, planSchema } from './model/plan.ts';
import { answerSchema, questionSchema } from './model/question.ts';

const nothing = z.strictObject({});
const onHost = z.strictObject({ hostId: z.uuid() });

/** What a connection test found, stage by stage, in the order in which they were tried. */
export const connectionTestSchema = z.strictObject({
  stages: z.array(
    z.strictObject({
      stage: z.enum(['connect', 'shell', 'hypervisor']),
      state: z.enum(['passed', 'failed', 'notReached']),
      message: z.string(),
    }),
  ),
});

/** Something that Snaptree must tell its user about itself, such as a damaged file that was kept aside. */
export const noticeSchema = z.strictObject({
  id: z.string(),
  severity: z.enum(['information', 'warning', 'error']),
  message: z.string(),
});

export const requests = {
  'application.describe': {
    request: nothing,
    response: z.strictObject({
      version: z.string(),
      shell: z.enum(['desktop', 'browser']),
      dataFolder: z.string(),
      /** Default user name for a new host. */
      userName: z.string(),
    }),
  },
  'hosts.add': { request: z.strictObject({ settings: hostSettingsSchema }), response: hostSchema },
  'hosts.update': { request: onHost.extend({ settings: hostSettingsSchema }), response: hostSchema },
  'hosts.remove': { request: onHost, response: nothing },
  /** Tries settings that need not be saved. Asks the same questions as connecting does. */
  'hosts.test': { request: z.strictObject({ settings: hostSettingsSchema }), response: connectionTestSchema },
  /** Answers when the session stands and the inventory was read, or with the reason why not. */
  'hosts.connect': { request: onHost, response: nothing },
  'hosts.disconnect': { request: onHost, response: nothing },
  'questions.answer': { request: z.strictObject({ questionId: z.uuid(), answer: answerSchema }), response: nothing },
  /** Reads the host again; the result arrives through the `inventory` subscription as well. */
  'inventory.refresh': { request: onHost, response: nothing },
  /** Reads the host and plans the change from what it finds. A refused plan is an answer, not an error. */
  'plans.create': { request: onHost.extend({ request: changeRequestSchema }), response: planSchema },
  /** Runs a plan made by `plans.create`. Refused with `planStale` where the host changed since. */
  'operations.start': {
    request: z.strictObject({ planId: z.uuid() }),
    response: z.strictObject({ operationId: z.uuid() }),
  },
  /** Stops before the next step; a step that runs is never cut off. */
  'operations.cancel': { request: z.strictObject({ operationId: z.uuid() }), response: nothing },
  /** Reads the host of an interrupted operation and says what became of it. */
  'operations.examine': { request: z.strictObject({ operationId: z.uuid() }), response: operationSchema },
  'operations.resolve': {
    request: z.strictObject({ operationId: z.uuid(), choice: z.enum(['resume', 'forget']) }),
    response: nothing,
  },
  'notices.dismiss': { request: z.strictObject({ noticeId: z.string() }), response: nothing },
} as const satisfies Record<string, { request: z.ZodType; response: z.ZodType }>;

/** The inventory of a host as the main process knows it. */
export const inventoryStateSchema = z.strictObject({
  /** The last inventory that was read; null before the first. It stays when a later read fails. */
  inventory: inventorySchema.nullable(),
  reading: z.boolean(),
  /** Why the last read failed; null where it did not. */
  error: errorSchema.nullable(),
  errorAt: epochSecondsSchema.nullable(),
});

export const subscriptions = {
  hosts: { parameters: nothing, event: z.array(hostWithSessionSchema) },
  inventory: { parameters: onHost, event: inventoryStateSchema },
  questions: { parameters: nothing, event: z.array(questionSchema) },
  /** First everything; then each operation that is new or changed, alone. */
  operations: {
    parameters: nothing,
    event: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('all'), operations: z.array(operationSchema) }),
      z.strictObject({ kind: z.literal('changed'), operation: operationSchema }),
    ]),
  },
  notices: { parameters: nothing, event: z.array(noticeSchema) },
} as const satisfies Record<string, { parameters: z.ZodType; event: z.ZodType }>;

export type RequestName = keyof typeof requests;
export type RequestPayload<Name extends RequestName> = z.infer<(typeof requests)[Name]['request']>;
export type ResponseValue<Name extends RequestName> = z.infer<(typeof requests)[Name]['response']>;
export type TopicName = keyof typeof subscriptions;
export type TopicParameters<Name extends TopicName> = z.infer<(typeof subscriptions)[Name]['parameters']>;
export type TopicEvent<Name extends TopicName> = z.infer<(typeof subscriptions)[Name]['event']>;

export type ConnectionTest = z.infer<typeof connectionTestSchema>;
export type Notice = z.infer<typeof noticeSchema>;
export type InventoryState = z.infer<typeof inventoryStateSchema>;
