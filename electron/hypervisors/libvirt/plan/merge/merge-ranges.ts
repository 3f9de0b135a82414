/** Which part of a disk's chain is merged. Pure. */
import { createHash } from 'node:crypto';
import type { Disk, Image } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, PlanNote } from '../../../../../shared/model/plan.ts';
import { chainFrom, chainOfDisk, type Chain } from '../../../../../shared/rules/chains/chains.ts';
import { firstOf } from '../../../../../shared/rules/text/first-of.ts';
import { folderOf } from '../../../../../shared/rules/text/folders.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { LibvirtContext } from '../plan-rules.ts';

/** An image, and the path by which the chain opens it. */
export interface Layer {
  readonly image: Image;
  readonly path: string;
}

export interface MergeRange {
  readonly disk: Disk;
  /** The image above the range; null where the range begins with the active layer. */
  readonly above: Layer | null;
  /** What goes out of the chain, the uppermost first. */
  readonly merged: readonly Layer[];
  /** What stays below; null: nothing. */
  readonly base: Layer | null;
  /** What is below that. */
  readonly below: readonly Layer[];
}

type CommitRequest = Extract<ChangeRequest, { action: 'commitImages' }>;
type PullRequest = Extract<ChangeRequest, { action: 'pullImages' }>;

export interface ResolvedRanges {
  readonly ranges: readonly MergeRange[];
  /** Why one of them is none. */
  readonly refusals: readonly PlanNote[];
}

/** The group of the steps that merge a range, by its uppermost image. */
function mergeGroup(target: string, topId: string): string {
  return `merge ${target} ${topId}`;
}

export function rangeGroup({ disk, merged }: MergeRange): string {
  return mergeGroup(disk.target, merged[0]?.image.id ?? '');
}

/** The name of the file in the operation's folder on the host by which a merge says that it has begun. */
export function mergeMark(range: MergeRange): string {
  return `begun-${createHash('sha256').update(rangeGroup(range)).digest('hex').slice(0, 16)}`;
}

/**
 * The layers of a disk's chain, and above the base those that a step which is done has merged into it: on storage they still
 * hang together as they did.
 */
function layersWithMerged(
  disk: Disk,
  { topId, baseId }: { readonly topId: string; readonly baseId: string },
  context: LibvirtContext,
): readonly Layer[] {
  const present = layersOf(disk, context);
  const isMerged = context.done.some(
    ({ group, runs }) => group === mergeGroup(disk.target, topId) && runs === 'inOrder',
  );
  const indexIn = (layers: readonly Layer[], id: string) => layers.findIndex(({ image }) => image.id === id);
  if (!isMerged || indexIn(present, topId) >= 0) return present;
  const before = layersFrom(chainFrom(topId, context.images));
  const end = before.findIndex(({ image }) => indexIn(present, image.id) >= 0);
  const at = indexIn(present, before[end]?.image.id ?? '');
  if (at < 0 || indexIn(present, baseId) < at) return present;
  return [...present.slice(0, at), ...before.slice(0, end), ...present.slice(at)];
}

/** The chain of a disk, from the active layer down. */
export function layersOf(disk: Disk, { images }: LibvirtContext): readonly Layer[] {
  return layersFrom(chainOfDisk(disk, images));
}

function layersFrom(chain: Chain | null): readonly Layer[] {
  return (chain?.images ?? []).map((image, index) => ({ image, path: chain?.paths[index] ?? image.id }));
}

/** Of a commit: from `topId` down to the image above `baseId`. */
export function commitRanges({ ranges }: CommitRequest, context: LibvirtContext): ResolvedRanges {
  return resolved(
    ranges,
    context,
    (disk, range) => layersWithMerged(disk, range, context),
    ({ topId }, layers) => layers.findIndex(({ image }) => image.id === topId),
  );
}

/** Whether an earlier step of the same plan has merged this very range. */
export function isRangeMerged(range: MergeRange, { done }: LibvirtContext): boolean {
  return done.some((step) => step.group === rangeGroup(range) && step.runs === 'inOrder');
}

/** Whether an earlier step of the same plan has merged something of the disk. */
export function isMergeDone(target: string, { done }: LibvirtContext): boolean {
  return done.some(({ group, runs }) => group?.startsWith(mergeGroup(target, '')) && runs === 'inOrder');
}

/** Of a pull: from the image below the active layer down to the one above `baseId`. */
export function pullRanges({ ranges }: PullRequest, context: LibvirtContext): ResolvedRanges {
  return resolved(
    ranges.filter(({ target }) => !isMergeDone(target, context)),
    context,
    (disk) => layersOf(disk, context),
    () => 1,
  );
}

function resolved<Range extends { readonly target: string; readonly baseId: string | null }>(
  wanted: readonly Range[],
  context: LibvirtContext,
  layersFor: (disk: Disk, range: Range) => readonly Layer[],
  topOf: (range: Range, layers: readonly Layer[]) => number,
): ResolvedRanges {
  const ranges: MergeRange[] = [];
  const refusals: PlanNote[] = [];
  for (const range of wanted) {
    const disk = context.vm.disks.find(({ target }) => target === range.target);
    const layers = disk ? layersFor(disk, range) : [];
    const top = topOf(range, layers);
    const base = range.baseId === null ? layers.length : layers.findIndex(({ image }) => image.id === range.baseId);
    const isTwice = wanted.filter(({ target }) => target === range.target).length > 1;
    if (!disk || layers.length === 0) {
      refusals.push(note('noSuchDisk', `${context.vm.name} has no disk ${range.target} with a chain.`, [range.target]));
    } else if (isTwice) {
      refusals.push(note('noSuchRange', `Disk ${disk.target} is named more than once.`, [disk.target]));
    } else if (top < 0 || base < 0 || base <= top) {
      refusals.push(
        note(
          'noSuchRange',
          `In the chain of disk ${disk.target} there is nothing to merge between what was named. The chain, from the active layer down: ${firstOf(
            layers.map(({ image }) => image.id),
            20,
          )}.`,
          [disk.target],
        ),
      );
    } else {
      ranges.push({
        disk,
        above: layers[top - 1] ?? null,
        merged: layers.slice(top, base),
        base: layers[base] ?? null,
        below: layers.slice(base + 1),
      });
    }
  }
  return { ranges, refusals };
}

/** Whether the image above a range names what is below it by a path that counts from its own folder, so that both can be moved together. */
export function isNamedRelatively({ above }: MergeRange): boolean {
  return isRelativeName(above?.image.parent?.reference ?? '');
}

/** What the image above a range is to call its base: relatively where it does so now, and the base is in its folder or below. */
export function nameOfBase(range: MergeRange): string {
  const { above, base } = range;
  const path = base?.path ?? '';
  const folder = folderOf(above?.path ?? '');
  const name = path.slice(folder.length + 1);
  return isNamedRelatively(range) && path.startsWith(`${folder}/`) && isRelativeName(name) ? name : path;
}

/** The disks of which these are. */
export function targetsOf(ranges: readonly MergeRange[]): ReadonlySet<string> {
  return new Set(ranges.map(({ disk }) => disk.target));
}

/** A colon before the first slash would make it a protocol (QEMU, block.c: path_has_protocol). */
function isRelativeName(name: string): boolean {
  const first = name.split('/', 1)[0] ?? '';
  return first !== '' && !first.includes(':');
}

/** The chain of each disk after its merge, as ids, by target. */
export function chainsAfterMerge(
  ranges: readonly MergeRange[],
  context: LibvirtContext,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    ranges.map(({ disk, merged }) => {
      const gone = new Set(merged.map(({ image }) => image.id));
      return [
        disk.target,
        layersOf(disk, context)
          .map(({ image }) => image.id)
          .filter((id) => !gone.has(id)),
      ];
    }),
  );
}

export const idsOf = (layers: readonly Layer[]): readonly string[] => layers.map(({ image }) => image.id);
