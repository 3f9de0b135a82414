/**
 * The only list of what a renderer may ask of the main process, and of what it may listen to.
 *
 * A request is answered once. A subscription first delivers the present value and then a new one (or what is new of it) at
 * every change, so that a renderer never has to fetch *and* listen. Long work answers at once with an id; its progress is a subscription.
 */
import { z } from 'zod';
import { errorSchema } from './error-schema.ts';
import { batchPlanSchema, batchRequestsSchema, batchResolutionSchema, batchSchema } from './model/batch.ts';
import { guestAgentSchema } from './model/guest-agent.ts';
import { enteredSettingsSchema, hostSchema, hostWithSessionSchema } from './model/host.ts';
import { inventoryDeltaSchema } from './model/inventory-delta.ts';
import { epochSecondsSchema, inventorySchema } from './model/inventory.ts';
import {
  operationSchema,
  resolutionSchema,
  stepProgressSchema,
  stepWishSchema,
  unreadableOperationSchema,
} from './model/operation.ts';
import { changeRequestSchema, planSchema } from './model/plan.ts';
import { recordFilesSchema } from './model/record-files.ts';
import { answerSchema, questionSchema } from './model/question.ts';
import { reportFormatSchema, reportStateSchema, reportThresholdsSchema } from './model/report.ts';

const nothing = z.strictObject({});
const onHost = z.strictObject({ hostId: z.uuid() });

/** What a connection test found, stage by stage, in the order in which they were tried. */
export const connectionTestSchema = z.strictObject({
  stages: z.array(
    z.strictObject({
      /** `name`, `port`, `hostKey`, `authentication`, `shell`, what the driver of the hypervisor tries, `versions`. */
      stage: z.string(),
      /** For people. */
      title: z.string(),
      /** skipped: there is nothing to try in this way of connecting. */
      state: z.enum(['passed', 'failed', 'notReached', 'skipped']),
      message: z.string(),
      /** What to do about it; null where nothing is wrong. */
      remedy: z.string().nullable(),
    }),
  ),
});

/** Where hosts can be imported from. */
export const importSourceSchema = z.discriminatedUnion('kind', [
  /** The aliases of `~/.ssh/config`, with the values that `ssh -G` gives for each. */
  z.strictObject({ kind: z.literal('sshConfig') }),
  /** Such as `qemu+ssh://root@kvm1.example:2222/system`. */
  z.strictObject({ kind: z.literal('uri'), uri: z.string().max(2000) }),
]);

/** A host that could be imported, or why not. */
export const importCandidateSchema = z.strictObject({
  /** The alias, or the URI. */
  origin: z.string(),
  settings: enteredSettingsSchema.nullable(),
  /** Why there are no settings; null where there are. */
  problem: z.string().nullable(),
  /** What the settings do not carry over, each in a sentence. */
  notes: z.array(z.string()),
  /** The name of the host in the host book that is reached in the same way already. */
  sameAs: z.string().nullable(),
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
      shell: z.enum(['desktop', 'browser', 'commandLine']),
      dataFolder: z.string(),
      /** Default user name for a new host. */
      userName: z.string(),
    }),
  },
  'hosts.add': { request: z.strictObject({ settings: enteredSettingsSchema }), response: hostSchema },
  'hosts.update': { request: onHost.extend({ settings: enteredSettingsSchema }), response: hostSchema },
  'hosts.remove': { request: onHost, response: nothing },
  /** Tries settings that need not be saved. Asks the same questions as connecting does. */
  'hosts.test': { request: z.strictObject({ settings: enteredSettingsSchema }), response: connectionTestSchema },
  /** Hosts that could be added, as they would be; adding is `hosts.add`. */
  'hosts.importable': {
    request: z.strictObject({ source: importSourceSchema }),
    response: z.strictObject({ candidates: z.array(importCandidateSchema) }),
  },
  /** Adds the simulated hosts of the demo fleet that are not there yet. */
  'hosts.addDemo': { request: nothing, response: z.strictObject({ hosts: z.array(hostSchema) }) },
  /** Answers when the session stands and the inventory was read, or with the reason why not. */
  'hosts.connect': { request: onHost, response: nothing },
  'hosts.disconnect': { request: onHost, response: nothing },
  'questions.answer': { request: z.strictObject({ questionId: z.uuid(), answer: answerSchema }), response: nothing },
  /** Reads the host again; the result arrives through the `inventory` subscription as well. */
  'inventory.refresh': { request: onHost, response: nothing },
  /** Asks the agent in a guest that runs whether it can freeze; null where the hypervisor has no such agents. Takes seconds where it does not answer. */
  'guests.askAgent': {
    request: onHost.extend({ vmUuid: z.string().max(100) }),
    response: z.strictObject({ agent: guestAgentSchema.nullable() }),
  },
  /** Records of snapshots in files of a folder on the host; null: of the last one in which Snaptree kept copies. */
  'records.read': {
    request: onHost.extend({ vmUuid: z.uuid(), folder: z.string().startsWith('/').max(4096).nullable() }),
    response: recordFilesSchema,
  },
  /** Reads the host and plans the change from what it finds. A refused plan is an answer, not an error. */
  'plans.create': { request: onHost.extend({ request: changeRequestSchema }), response: planSchema },
  /** Runs a plan made by `plans.create`. Refused with `planStale` where the host changed since. */
  'operations.start': {
    request: z.strictObject({
      planId: z.uuid(),
      /** The operation of a Snaptree that is gone for good: where it holds the VM, its lock is taken over. */
      takeOver: z.string().max(100).optional(),
    }),
    response: z.strictObject({ operationId: z.uuid() }),
  },
  /** Stops where its steps allow it: see shared/rules/operations/step-order.ts. */
  'operations.cancel': { request: z.strictObject({ operationId: z.uuid() }), response: nothing },
  /** Lets the step that runs work otherwise, and answers when it does, in a sentence of the host. */
  'operations.adjust': {
    request: z.strictObject({ operationId: z.uuid(), wish: stepWishSchema }),
    response: z.strictObject({ message: z.string() }),
  },
  /** Reads the host of an interrupted operation and says what became of it. */
  'operations.examine': { request: z.strictObject({ operationId: z.uuid() }), response: operationSchema },
  'operations.resolve': {
    request: z.strictObject({ operationId: z.string().max(100), choice: resolutionSchema }),
    response: nothing,
  },
  /** Reads the hosts and plans many changes as one. What is refused of it, or as a whole, is an answer, not an error. */
  'batches.plan': { request: z.strictObject({ requests: batchRequestsSchema }), response: batchPlanSchema },
  /** Runs a batch plan, once; the subscription `batches` shows how far it is, and `operations` each of its changes. */
  'batches.start': {
    request: z.strictObject({ batchPlanId: z.uuid() }),
    response: z.strictObject({ batchId: z.uuid() }),
  },
  /** Begins nothing more of it; what runs is waited for, and can be cancelled by itself. */
  'batches.cancel': { request: z.strictObject({ batchId: z.uuid() }), response: nothing },
  'batches.resolve': {
    request: z.strictObject({ batchId: z.uuid(), choice: batchResolutionSchema }),
    response: nothing,
  },
  /** Begins to make a report; the subscription `report` shows how far it is. Hosts are read anew. */
  'reports.start': {
    request: z.strictObject({ hostIds: z.array(z.uuid()).min(1), thresholds: reportThresholdsSchema }),
    response: z.strictObject({ reportId: z.uuid() }),
  },
  /** Forgets a report, and gives up making it. */
  'reports.discard': { request: z.strictObject({ reportId: z.uuid() }), response: nothing },
  /** Saves a report that is ready: where the user says, or as a download of the browser. */
  'reports.save': {
    request: z.strictObject({ reportId: z.uuid(), format: reportFormatSchema }),
    response: z.discriminatedUnion('outcome', [
      z.strictObject({ outcome: z.literal('saved'), fileId: z.uuid(), path: z.string() }),
      /** A path on our own origin from which the file can be had once. */
      z.strictObject({ outcome: z.literal('download'), url: z.string(), fileName: z.string() }),
      z.strictObject({ outcome: z.literal('cancelled') }),
    ]),
  },
  /** Opens a file that was saved before with the program that the system has for it. */
  'files.open': { request: z.strictObject({ fileId: z.uuid() }), response: nothing },
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
  /** How changes that others make are noticed: at once (`virsh event`), by asking again and again, or not at all. */
  watching: z.enum(['off', 'polling', 'events']),
});

/** What changed in an inventory state: fields with their new values, and what is new of the inventory, if anything. */
export const inventoryStateDeltaSchema = z.strictObject({
  parts: inventoryStateSchema.omit({ inventory: true }).partial(),
  inventory: inventoryDeltaSchema.nullable(),
});

/** Of each subscription, events are numbered from 0 without a gap: after one, a window must ask for everything anew. */
const sequenceSchema = z.int().nonnegative();

export const inventoryEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all'), sequence: sequenceSchema, state: inventoryStateSchema }),
  z.strictObject({ kind: z.literal('changed'), sequence: sequenceSchema, delta: inventoryStateDeltaSchema }),
]);

export const subscriptions = {
  hosts: { parameters: nothing, event: z.array(hostWithSessionSchema) },
  /**
   * First everything, then what changed since the event before it; everything again where only that will do. A window that is
   * slow gets fewer events with more in each.
   */
  inventory: { parameters: onHost, event: inventoryEventSchema },
  questions: { parameters: nothing, event: z.array(questionSchema) },
  /** First everything; then each operation that is new or changed, alone. */
  operations: {
    parameters: nothing,
    event: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('all'), operations: z.array(operationSchema) }),
      z.strictObject({ kind: z.literal('changed'), operation: operationSchema }),
    ]),
  },
  /** First everything; then each batch that is new or changed, alone. */
  batches: {
    parameters: nothing,
    event: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('all'), batches: z.array(batchSchema) }),
      z.strictObject({ kind: z.literal('changed'), batch: batchSchema }),
    ]),
  },
  /** Of every step that runs and tells how far it is: all of them, each time one of them tells. */
  stepProgress: { parameters: nothing, event: z.array(stepProgressSchema) },
  /** Those whose journals cannot be used. `operations.resolve` with `forget` is all that can be done for one. */
  unreadableOperations: { parameters: nothing, event: z.array(unreadableOperationSchema) },
  report: { parameters: z.strictObject({ reportId: z.uuid() }), event: reportStateSchema },
  notices: { parameters: nothing, event: z.array(noticeSchema) },
} as const satisfies Record<string, { parameters: z.ZodType; event: z.ZodType }>;

export type RequestName = keyof typeof requests;
export type RequestPayload<Name extends RequestName> = z.infer<(typeof requests)[Name]['request']>;
export type ResponseValue<Name extends RequestName> = z.infer<(typeof requests)[Name]['response']>;
export type TopicName = keyof typeof subscriptions;
export type TopicParameters<Name extends TopicName> = z.infer<(typeof subscriptions)[Name]['parameters']>;
export type TopicEvent<Name extends TopicName> = z.infer<(typeof subscriptions)[Name]['event']>;

export type ConnectionTest = z.infer<typeof connectionTestSchema>;
export type ImportSource = z.infer<typeof importSourceSchema>;
export type ImportCandidate = z.infer<typeof importCandidateSchema>;
export type Notice = z.infer<typeof noticeSchema>;
export type InventoryState = z.infer<typeof inventoryStateSchema>;
export type InventoryStateDelta = z.infer<typeof inventoryStateDeltaSchema>;
