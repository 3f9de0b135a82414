/** Images that nobody names and that are kept out of the way under another name. Pure. */
import { fileNameOf, folderOf } from '../text/folders.ts';

/** Beside the image, so that what it records by relative paths still leads where it led. */
const suffix = /\.set-aside(-\d+)?$/;

export function isSetAside(path: string): boolean {
  return suffix.test(path);
}

/** The name under which an image is set aside, which nothing that was read has. */
export function asideName(path: string, isTaken: (path: string) => boolean): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? `${path}.set-aside` : `${path}.set-aside-${number}`;
    if (!isTaken(name)) return name;
  }
}

/** The name that it had before. */
export function nameBefore(path: string): string {
  return path.replace(suffix, '');
}

/** Whether a path is one beside the other. */
export function isBeside(path: string, other: string): boolean {
  return path !== other && folderOf(path) === folderOf(other) && fileNameOf(path) !== '' && !/[\n\0]/.test(path);
}
