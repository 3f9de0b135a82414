/**
 * When a chain cannot be relied on, why, and what to do about it. The one place that judges this: findings, refusals of plans,
 * the problems of a VM, the chain panel, and the texts and exit codes of the command line are made from it.
 */
import type { Disk, Image, ReadableVm } from '../../model/inventory.ts';
import { chainOfDisk, type Chain } from './chains.ts';
import { isForMedia } from '../inventory/disks.ts';
import { willNotStartWithout } from './start-refusals.ts';

/**
 * `missing`: an image, or the file that holds its data, is not there. `loop`: it comes back to itself. Of the others it is not known
 * whether anything is wrong: `notRead`: the image is not among those that were read; `unreadable`: it could not be examined;
 * `unresolved`: a reference could not be followed; `imageUnknown`: it could not be found out which image the disk has.
 */
export type BreakKind = 'missing' | 'loop' | 'notRead' | 'unreadable' | 'unresolved' | 'imageUnknown';

export interface BrokenChain {
  readonly kind: BreakKind;
  /** The image or reference at which it breaks. */
  readonly at: string;
  /** False where the chain may be whole, for all that is known. */
  readonly isCertain: boolean;
  /** What goes behind “The chain of disk vda”; a whole sentence then. */
  readonly words: string;
  /** What to do, in sentences. Nothing of it changes data. */
  readonly remedy: string;
}

/** An older backing image below newer overlays gives a mixture of both times, and no tool notices. */
const whereToLook =
  'Do not start, merge or delete anything of this chain. Look for it under another name, or on storage that is not mounted. From a backup only what was copied after the images above it were made fits them.';

/** Why `chain` cannot be relied on; null where it ends at a base, as it should. */
export function brokenChain(chain: Chain, images: ReadonlyMap<string, Image>): BrokenChain | null {
  const at = chain.endReference ?? chain.images.at(-1)?.id ?? '';
  const image = images.get(at);
  switch (chain.end) {
    case 'base':
      return null;
    case 'missing':
      return image?.status === 'missing'
        ? { kind: 'missing', at, isCertain: true, words: `is broken: ${at} is missing.`, remedy: whereToLook }
        : {
            kind: 'notRead',
            at,
            isCertain: false,
            words: `leads to ${at}, which was not read.`,
            remedy: 'Read the host again; until then nothing is known of what lies below.',
          };
    case 'loop':
      return {
        kind: 'loop',
        at,
        isCertain: true,
        words: `runs in a circle: it comes back to ${at}.`,
        remedy:
          'Do not start the VM. Find out which backing reference is wrong; note down what it is now (qemu-img info), so that it can be put back, and correct it with qemu-img rebase -u.',
      };
    case 'unreadable':
      return {
        kind: 'unreadable',
        at,
        isCertain: false,
        words: `could not be read: ${at}: ${image?.problem ?? 'no reason was given.'}`,
        // QEMU before 9.1 does not open an image at all whose data file is gone.
        remedy: image?.lacksFile
          ? whereToLook
          : 'Give the user of this connection the right to read the image, or mount its storage.',
      };
    case 'unresolved':
      return {
        kind: 'unresolved',
        at,
        isCertain: false,
        words: `leads to ${at}, which could not be followed.`,
        remedy: 'Check on the host where the reference leads; nothing is known of what lies below.',
      };
  }
}

/** As `brokenChain`, of a disk. Null for an empty drive too. */
export function brokenChainOfDisk(disk: Disk, images: ReadonlyMap<string, Image>): BrokenChain | null {
  const chain = chainOfDisk(disk, images);
  if (chain) return brokenChain(chain, images);
  if (disk.source === null) return null;
  return {
    kind: 'imageUnknown',
    at: disk.source,
    isCertain: false,
    words: `is not known: its image (${disk.source}) could not be found, so nothing can be said of its data.`,
    remedy: 'Check on the host what the disk is, and whether its pool or storage is there.',
  };
}

export interface BrokenDisk extends BrokenChain {
  readonly disk: Disk;
  /** A medium in a drive, such as that of an installation: without it no data of the VM is lost. */
  readonly isMedium: boolean;
}

/**
 * The disks of a VM whose chains cannot be relied on, but for those of which an obstacle to its start tells more. `words` tells here
 * too that the VM does not start like that.
 */
export function brokenDisksOf(vm: ReadableVm, images: ReadonlyMap<string, Image>): readonly BrokenDisk[] {
  const told = new Set((vm.startObstacles ?? []).map(({ path }) => path));
  return vm.disks.flatMap((disk): readonly BrokenDisk[] => {
    const broken = brokenChainOfDisk(disk, images);
    if (!broken || told.has(broken.at)) return [];
    const start = broken.isCertain ? willNotStartWithout(disk, vm) : null;
    const words = start === null ? broken.words : `${broken.words} ${start}`;
    return [{ ...broken, words, disk, isMedium: isForMedia(disk) }];
  });
}
