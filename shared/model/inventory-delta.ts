/**
 * What changed between two pictures of a host. Made of the model's own schemas, so that a field that is added to the model
 * is carried without a word here. How it is made and applied: shared/rules/inventory/inventory-delta.ts.
 */
import { z } from 'zod';
import {
  imageSchema,
  inventorySchema,
  readableVmSchema,
  snapshotSchema,
  unreadableVmSchema,
  vmSchema,
  type Image,
  type Inventory,
  type ReadableVm,
  type Snapshot,
  type UnreadableVm,
  type Vm,
} from './inventory.ts';

type Parts<Whole> = { readonly [Name in keyof Whole]?: Whole[Name] | undefined };

/** What changed in a list of things that have an identity. */
interface ListDelta<Item, Delta> {
  /** Ids of those that are no longer there. */
  readonly gone: readonly string[];
  /** New ones, changed ones, and those that stand at another place. */
  readonly entries: readonly {
    readonly id: string;
    /** The id of the one before it in the list; null for the first. */
    readonly after: string | null;
    /** The whole of it, of a new one; null where `delta` says what is new, or nothing is but its place. */
    readonly item: Item | null;
    readonly delta: Delta | null;
  }[];
  /** How many there are afterwards: no list becomes shorter than the truth by a slip. */
  readonly length: number;
}

interface PartsDelta<Whole> {
  /** Fields that have another value now; those in neither `parts` nor `lists` are as they were. */
  readonly parts: Parts<Whole>;
}

interface ReadableVmDelta extends PartsDelta<ReadableVm> {
  readonly lists?: { readonly snapshots?: ListDelta<Snapshot, PartsDelta<Snapshot>> | undefined } | undefined;
}

export interface InventoryDelta extends PartsDelta<Inventory> {
  readonly lists?:
    | {
        readonly vms?: ListDelta<Vm, ReadableVmDelta | PartsDelta<UnreadableVm>> | undefined;
        readonly images?: ListDelta<Image, PartsDelta<Image>> | undefined;
      }
    | undefined;
}

function listDeltaSchema<Item, Delta>(
  item: z.ZodType<Item>,
  delta: z.ZodType<Delta>,
): z.ZodType<ListDelta<Item, Delta>> {
  const entry = z.strictObject({
    id: z.string(),
    after: z.string().nullable(),
    item: item.nullable(),
    delta: delta.nullable(),
  });
  return z.strictObject({ gone: z.array(z.string()), entries: z.array(entry), length: z.int().nonnegative() });
}

const snapshotDeltaSchema = z.strictObject({ parts: snapshotSchema.partial() });
const imageDeltaSchema = z.strictObject({ parts: imageSchema.partial() });
const vmDeltaSchema = z.union([
  z.strictObject({
    parts: readableVmSchema.partial(),
    lists: z.strictObject({ snapshots: listDeltaSchema(snapshotSchema, snapshotDeltaSchema).optional() }).optional(),
  }),
  z.strictObject({ parts: unreadableVmSchema.partial() }),
]);

export const inventoryDeltaSchema: z.ZodType<InventoryDelta> = z.strictObject({
  parts: inventorySchema.partial(),
  lists: z
    .strictObject({
      vms: listDeltaSchema(vmSchema, vmDeltaSchema).optional(),
      images: listDeltaSchema(imageSchema, imageDeltaSchema).optional(),
    })
    .optional(),
});
