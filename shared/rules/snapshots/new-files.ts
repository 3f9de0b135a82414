/** Names of the files that a new snapshot makes on its host, and which names can be asked for. */
import type { Disk, Image, ReadableVm } from '../../model/inventory.ts';
import { chainFrom } from '../chains/chains.ts';
import { writableDisks } from '../inventory/disks.ts';
import { folderOf } from '../text/folders.ts';
import { memoryFilesIn } from './snapshot-data.ts';
import { withoutEnd, withoutStart } from '../text/trim.ts';
import { utf8Length } from '../text/units.ts';
import { isOneLine } from '../text/one-line.ts';

/** The limit of common file systems. */
const maximumPartBytes = 255;

/**
 * Where a disk's overlay goes: beside the present active layer, named after the image that the disk had before the VM's first snapshot,
 * and the new one. Not after the lowest of the chain: that may be a template, and its name would be on the images of every instance.
 * Null where the disk is not a file.
 *
 * @param images of the host, by id
 */
export function overlayBeside(
  { imageId, target }: Pick<Disk, 'imageId' | 'target'>,
  { snapshots }: Pick<ReadableVm, 'snapshots'>,
  snapshotName: string,
  images: ReadonlyMap<string, Image>,
): string | null {
  const image = imageId === null ? undefined : images.get(imageId);
  if (image?.kind !== 'file') return null;
  const held = new Set(
    snapshots.flatMap(({ disks }) => disks.filter((disk) => disk.target === target).map((disk) => disk.dataImageId)),
  );
  const first = chainFrom(image.id, images).images.findLast(({ id }) => held.has(id)) ?? image;
  const stem = first.id.slice(folderOf(first.id).length + 1).replace(/\.(qcow2|img|raw)$/, '');
  return freeName(folderOf(image.id), plainName(stem) || 'disk', snapshotName, 'qcow2', (path) =>
    isImage(path, images),
  );
}

/** Where the memory of a VM goes: beside the image of its first disk that is a file. Null where none is. */
export function memoryFileBeside(
  vm: Pick<ReadableVm, 'name' | 'disks' | 'snapshots' | 'savedMemory'>,
  snapshotName: string,
  images: ReadonlyMap<string, Image>,
): string | null {
  const first = writableDisks(vm.disks).find(
    ({ imageId }) => imageId !== null && images.get(imageId)?.kind === 'file',
  )?.imageId;
  if (first === undefined || first === null) return null;
  const memories = [...memoryFilesIn(vm.snapshots), ...(vm.savedMemory ?? []).map(({ file }) => file)];
  const taken = (path: string) => memories.includes(path) || isImage(path, images);
  return freeName(folderOf(first), plainName(vm.name) || 'vm', snapshotName, 'memory', taken);
}

/**
 * Where a disk of a new VM goes: beside the image that the disk of the old one writes to, named after the new VM, and after the disk where
 * there are several. Null where that is not a file.
 */
export function newImageBeside(
  { imageId, target }: Pick<Disk, 'imageId' | 'target'>,
  newVmName: string,
  hasSeveral: boolean,
  images: ReadonlyMap<string, Image>,
): string | null {
  const image = imageId === null ? undefined : images.get(imageId);
  if (image?.kind !== 'file') return null;
  const stem = `${(plainName(newVmName) || 'vm').slice(0, 200)}${hasSeveral ? `-${target}` : ''}`;
  return numbered(folderOf(image.id), stem, 'qcow2', (path) => isImage(path, images));
}

/** Why nothing can be made at `path`, as a sentence; null where, as far as its text says, it can. */
export function checkNewFile(path: string): string | null {
  if (path === '') return 'Name a file.';
  if (!path.startsWith('/')) return `“${path}” does not begin with “/”: name the whole path on the host.`;
  if (!isOneLine(path) || !path.isWellFormed()) {
    return 'A path must be one line without control characters.';
  }
  if (/\/(\.{0,2})(\/|$)/.test(path)) return `“${path}” has an empty part, “.” or “..” in it: name the path without.`;
  if (/^\/(dev|proc|sys)\//.test(path)) return `“${path}” is not in a folder for files.`;
  const longest = Math.max(...path.split('/').map(utf8Length));
  return longest > maximumPartBytes
    ? `A part of the path is ${longest} bytes long; at most ${maximumPartBytes} are possible.`
    : null;
}

/** By whatever path the image is known. */
function isImage(path: string, images: ReadonlyMap<string, Image>): boolean {
  return images.has(path) || [...images.values()].some(({ otherPaths }) => otherPaths.includes(path));
}

/** Together with a number and the extension it stays below 255 bytes, the limit of common file systems. */
function freeName(
  folder: string,
  stem: string,
  snapshotName: string,
  extension: string,
  isTaken: (path: string) => boolean,
): string {
  return numbered(
    folder,
    `${stem.slice(0, 120)}.${(plainName(snapshotName) || 'snapshot').slice(0, 110)}`,
    extension,
    isTaken,
  );
}

function numbered(folder: string, name: string, extension: string, isTaken: (path: string) => boolean): string {
  for (let number = 1; ; number += 1) {
    const path = `${folder === '/' ? '' : folder}/${name}${number === 1 ? '' : `-${number}`}.${extension}`;
    if (!isTaken(path)) return path;
  }
}

/** The name is kept to characters that no tool takes for syntax (`a:b.qcow2` is read as a protocol). */
function plainName(name: string): string {
  return withoutStart(withoutEnd(name.replace(/[^A-Za-z0-9._-]+/g, '-'), '-.'), '-.');
}
