/** Paths on a host, which are POSIX paths whatever computer looks at them. */

/** The last part of `path`. */
export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether `path` lies in `folder` or, however deep, in a folder in it. */
export function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** The folder in which `path`, absolute, lies; `/` for what lies in the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
