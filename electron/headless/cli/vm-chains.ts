/** The chains of a VM's disks as they were read, and what of them is not known. Pure. */
import type { BlockJob, Image, ReadableVm, UnreadSubject } from '../../../shared/model/inventory.ts';
import { brokenChainOfDisk, type BrokenChain } from '../../../shared/rules/chains/broken-chains.ts';
import { chainOfDisk, type Chain } from '../../../shared/rules/chains/chains.ts';
import type { UnreadFact } from '../../../shared/rules/findings/unread.ts';
import type { HostReading } from './client.ts';
import { unreadAbout } from './names.ts';

export interface ReadChain {
  /** Null where it is that of an image that was asked for. */
  readonly target: string | null;
  readonly blockJob: BlockJob | null;
  readonly chain: Chain;
  readonly broken: BrokenChain | null;
}

/** A disk whose image could not be found out is listed too, with what is known; one that holds no image is not. */
export function chainsOfVm({ disks }: ReadableVm, images: ReadonlyMap<string, Image>): readonly ReadChain[] {
  return disks.flatMap((disk) => {
    const { target, blockJob = null, source } = disk;
    if (disk.imageId === null && source === null) return [];
    const unknown = { images: [], paths: [], end: 'unresolved' as const, endReference: source };
    const chain = chainOfDisk(disk, images) ?? unknown;
    return [{ target, blockJob, chain, broken: brokenChainOfDisk(disk, images) }];
  });
}

/** Every image of these chains. */
export function idsIn(chains: readonly ReadChain[]): readonly string[] {
  return [...new Set(chains.flatMap(({ chain }) => chain.images.map(({ id }) => id)))];
}

/**
 * What of these chains is not known: each thing once, be it an image that could not be read or the end of a chain.
 *
 * @param further images that matter as well
 */
export function unreadInChains(
  reading: HostReading,
  chains: readonly ReadChain[],
  further: readonly string[] = [],
): readonly UnreadFact[] {
  const ends = chains.flatMap(({ target, chain, broken }): UnreadFact[] => {
    if (!broken || broken.isCertain) return [];
    const subject = subjectOfEnd(broken, chain);
    const what = target === null ? 'the chain' : `the chain of disk ${target}`;
    return [{ what, reason: `It ${broken.words}`, ...(subject && { subject }) }];
  });
  return unreadAbout(reading, [...new Set([...idsIn(chains), ...further])], ends);
}

/** What it is that could not be read where a chain ends; null where nothing else tells of it. */
function subjectOfEnd({ kind, at }: BrokenChain, { images }: Chain): UnreadSubject | null {
  const last = images.at(-1);
  if (kind === 'unreadable') return { kind: 'image', id: at, part: 'whole' };
  if (kind === 'imageUnknown') return { kind: 'source', reference: at };
  return kind === 'unresolved' && last ? { kind: 'image', id: last.id, part: 'backing' } : null;
}
