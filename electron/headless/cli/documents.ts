/**
 * What `--json` prints: one document each, with the name and version of its schema. docs/schemas is generated from here
 * (`npm run schemas`); a change that an old reader would not understand raises the version.
 */
import { z } from 'zod';
import { connectionTestSchema, importCandidateSchema } from '../../../shared/contract.ts';
import { errorSchema } from '../../../shared/error-schema.ts';
import { batchPlanSchema, batchSchema } from '../../../shared/model/batch.ts';
import { hostSchema } from '../../../shared/model/host.ts';
import {
  blockJobSchema,
  imageSchema,
  inventorySchema,
  problemSchema,
  snapshotSchema,
  vmStateSchema,
} from '../../../shared/model/inventory.ts';
import { operationSchema, unreadableOperationSchema } from '../../../shared/model/operation.ts';
import { planSchema } from '../../../shared/model/plan.ts';
import { reportSchema } from '../../../shared/model/report.ts';

const version = z.literal(1);
const version2 = z.literal(2);
const hostReference = z.strictObject({ id: z.uuid(), name: z.string() });
const unread = z.array(z.strictObject({ hostName: z.string(), what: z.string(), reason: z.string() }));

export const documents = {
  hosts: z.strictObject({ schema: z.literal('snaptree.hosts'), version: version2, hosts: z.array(hostSchema) }),
  host: z.strictObject({ schema: z.literal('snaptree.host'), version: version2, host: hostSchema }),
  importableHosts: z.strictObject({
    schema: z.literal('snaptree.importableHosts'),
    version: version2,
    candidates: z.array(importCandidateSchema),
    /** What was added to the host book. */
    added: z.array(hostSchema),
  }),
  connectionTest: z.strictObject({
    schema: z.literal('snaptree.connectionTest'),
    version: version2,
    hostName: z.string(),
    stages: connectionTestSchema.shape.stages,
  }),
  inventory: z.strictObject({
    schema: z.literal('snaptree.inventory'),
    version,
    host: hostReference,
    inventory: inventorySchema,
    /** Everything in the inventory that says that something could not be read, gathered. */
    unread,
  }),
  tree: z.strictObject({
    schema: z.literal('snaptree.tree'),
    version,
    host: hostReference,
    vm: z.strictObject({ uuid: z.string(), name: z.string(), state: vmStateSchema }),
    /** Parents before their children. */
    snapshots: z.array(
      z.strictObject({
        snapshot: snapshotSchema,
        /** 0 for a root. */
        depth: z.int().nonnegative(),
        /** The one that the present state comes from. */
        current: z.boolean(),
        /** Why it stands as a root although its record names a parent. */
        oddity: z.enum(['missingParent', 'cycle']).nullable(),
        /** What it lacks to be reverted to, or may lack where it is a warning. */
        lacks: z.array(problemSchema),
      }),
    ),
    /** Memory that was saved since the snapshot that the present state comes from, the oldest first; the managed save last. */
    restorePoints: z.array(
      z.strictObject({
        /** Null: where libvirt keeps it for the next start. */
        file: z.string().nullable(),
        savedAt: z.number().nullable(),
        allocatedBytes: z.number().nonnegative().nullable(),
        /** Why the guest cannot go on from it; null where, as far as is known, it can. */
        worn: z.enum(['running', 'writtenSince']).nullable(),
      }),
    ),
    problems: z.array(problemSchema),
    unread,
  }),
  chain: z.strictObject({
    schema: z.literal('snaptree.chain'),
    version,
    host: hostReference,
    /** Null where an image was asked for. */
    vm: z.strictObject({ uuid: z.string(), name: z.string() }).nullable(),
    chains: z.array(
      z.strictObject({
        /** The disk; null where an image was asked for. */
        target: z.string().nullable(),
        /** The job that works on the disk; null where there is none. */
        blockJob: blockJobSchema.nullable(),
        /** From the active layer to the base. */
        images: z.array(imageSchema),
        end: z.enum(['base', 'missing', 'unreadable', 'unresolved', 'loop']),
        /** Of a chain that does not end at a base: the reference that leads nowhere. */
        endReference: z.string().nullable(),
      }),
    ),
    /** Who depends on each image of the chains. */
    dependents: z.array(
      z.strictObject({
        imageId: z.string(),
        childImageIds: z.array(z.string()),
        /** Images that are used as raw and begin as overlays of it. */
        possibleChildIds: z.array(z.string()),
        /** Whatever else of a VM's definitions and records names it, in words. */
        uses: z.array(z.strictObject({ vmUuid: z.string(), vmName: z.string(), use: z.string() })),
        vms: z.array(z.strictObject({ uuid: z.string(), name: z.string() })),
      }),
    ),
    unread,
  }),
  /** The plan file that `snaptree run` takes. */
  plan: z.strictObject({ schema: z.literal('snaptree.plan'), version: version2, plan: planSchema }),
  /** What `snaptree plan batch` prints; `snaptree run` takes it as well. */
  batchPlan: z.strictObject({ schema: z.literal('snaptree.batchPlan'), version, batchPlan: batchPlanSchema }),
  batch: z.strictObject({ schema: z.literal('snaptree.batch'), version, batch: batchSchema }),
  batches: z.strictObject({ schema: z.literal('snaptree.batches'), version, batches: z.array(batchSchema) }),
  operation: z.strictObject({ schema: z.literal('snaptree.operation'), version: version2, operation: operationSchema }),
  operations: z.strictObject({
    schema: z.literal('snaptree.operations'),
    version: version2,
    operations: z.array(operationSchema),
    /** Those whose journals cannot be used, with what is known of them. */
    unreadable: z.array(unreadableOperationSchema),
  }),
  report: reportSchema,
  /** In place of any other, where a command fails. */
  error: z.strictObject({
    schema: z.literal('snaptree.error'),
    version,
    exitCode: z.int(),
    error: errorSchema,
  }),
} as const satisfies Record<string, z.ZodType>;

export type DocumentName = keyof typeof documents;
export type DocumentContent<Name extends DocumentName> = z.input<(typeof documents)[Name]>;

/** The published JSON Schema of a document, as text. */
export function publishedSchema(name: DocumentName): string {
  const schema = z.toJSONSchema(documents[name], { target: 'draft-2020-12' });
  return `${JSON.stringify({ title: `snaptree --json: ${name}`, ...schema }, null, 2)}\n`;
}
