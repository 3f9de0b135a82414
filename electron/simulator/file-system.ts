/** The files of a simulated host, in memory. Disk images are files whose content is a model. */
import { posix } from 'node:path';
import type { IFileSystem } from 'just-bash/browser';
import { allocatedBytes, fileBytes, imageHeader, type DiskImage } from './images/disk-image.ts';

type FileContent = Parameters<IFileSystem['writeFile']>[1];
type FileStatus = Awaited<ReturnType<IFileSystem['stat']>>;

interface Common {
  readonly inode: number;
  mode: number;
  /** Epoch seconds. */
  modifiedAt: number;
}
export interface FileNode extends Common {
  readonly kind: 'file';
  bytes: Uint8Array;
  /** Null where it is no disk image. */
  image: DiskImage | null;
  /** How many bytes follow that nobody looks at, such as the memory of a guest. */
  restBytes: number;
}
export interface FolderNode extends Common {
  readonly kind: 'folder';
  readonly entries: Map<string, Node>;
}
export interface LinkNode extends Common {
  readonly kind: 'link';
  readonly target: string;
}
export type Node = FileNode | FolderNode | LinkNode;

export interface FileSystem extends IFileSystem {
  /** The file at a path, links followed; null where there is none. */
  fileAt(path: string): FileNode | null;
  /** The image at a path, links followed; null where there is none. */
  imageAt(path: string): DiskImage | null;
  /** Puts an image at a path; makes the file and its folders where they are not there. */
  putImage(path: string, image: DiskImage): void;
  /** Puts text at a path; makes its folders. @param restBytes see `FileNode` */
  putText(path: string, text: string, restBytes?: number): void;
  /** The path with all links followed, as far as it exists; null where a folder on the way does not, or links run in circles. */
  resolve(path: string): string | null;
  remove(path: string): void;
  makeFolders(path: string): FolderNode;
  /** Every file of the machine with its path, links not followed. */
  files(): readonly { readonly path: string; readonly file: FileNode }[];
  nodeAt(path: string): Node | null;
}

const maximumLinks = 40;

/** The errors that commands look for in a message, as Node words them. */
function failure(code: 'ENOENT' | 'EEXIST' | 'ENOTDIR' | 'EISDIR' | 'ENOTEMPTY' | 'EINVAL', what: string): Error {
  const words = {
    ENOENT: 'no such file or directory',
    EEXIST: 'file already exists',
    ENOTDIR: 'not a directory',
    EISDIR: 'illegal operation on a directory',
    ENOTEMPTY: 'directory not empty',
    EINVAL: 'invalid argument',
  };
  return Object.assign(new Error(`${code}: ${words[code]}, ${what}`), { code });
}

const encoder = new TextEncoder();

/**
 * @param now epoch seconds
 * @param liveFiles text of files that are made anew whenever somebody looks (of /proc), by path
 */
export function createFileSystem(now: () => number, liveFiles: () => ReadonlyMap<string, string>): FileSystem {
  let inodes = 1;
  const newFolder = (): FolderNode => ({
    kind: 'folder',
    inode: (inodes += 1),
    mode: 0o755,
    modifiedAt: now(),
    entries: new Map(),
  });
  const newFile = (bytes: Uint8Array): FileNode => ({
    kind: 'file',
    inode: (inodes += 1),
    mode: 0o644,
    modifiedAt: now(),
    bytes,
    image: null,
    restBytes: 0,
  });
  const root = newFolder();

  function showLiveFiles(): void {
    root.entries.delete('proc');
    for (const [path, text] of liveFiles()) putFile(path, newFile(encoder.encode(text)));
  }

  /** Walks a path. `parent` is null for the root; `node` null where the last name is not there. */
  function walk(
    path: string,
    followLast: boolean,
    links = 0,
  ): { parent: FolderNode | null; name: string; node: Node | null; path: string } | null {
    const names = posix.normalize(path).split('/').filter(Boolean);
    let folder = root;
    let at = '';
    for (const [index, name] of names.entries()) {
      const isLast = index === names.length - 1;
      const node = folder.entries.get(name) ?? null;
      if (node?.kind === 'link' && (!isLast || followLast)) {
        if (links >= maximumLinks) return null;
        const target = posix.resolve(at === '' ? '/' : at, node.target);
        return walk(posix.join(target, ...names.slice(index + 1)), followLast, links + 1);
      }
      at = `${at}/${name}`;
      if (isLast) return { parent: folder, name, node, path: at };
      if (node?.kind !== 'folder') return null;
      folder = node;
    }
    return { parent: null, name: '', node: root, path: '/' };
  }

  function find(path: string, followLast = true): ReturnType<typeof walk> {
    if (path.startsWith('/proc')) showLiveFiles();
    return walk(path, followLast);
  }
  const nodeAt = (path: string, followLast = true): Node | null => find(path, followLast)?.node ?? null;

  function existing(path: string, call: string, followLast = true): Node {
    const node = nodeAt(path, followLast);
    if (!node) throw failure('ENOENT', `${call} '${path}'`);
    return node;
  }

  function existingFile(path: string, call: string): FileNode {
    const node = existing(path, call);
    if (node.kind !== 'file') throw failure('EISDIR', `${call} '${path}'`);
    return node;
  }

  /** Where a new entry goes. */
  function place(path: string, call: string): { parent: FolderNode; name: string; node: Node | null } {
    const found = find(path, false);
    if (!found) throw failure('ENOENT', `${call} '${path}'`);
    if (!found.parent) throw failure('EEXIST', `${call} '${path}'`);
    return { parent: found.parent, name: found.name, node: found.node };
  }

  function makeFolders(path: string): FolderNode {
    let folder = root;
    for (const name of posix.normalize(path).split('/').filter(Boolean)) {
      let next = folder.entries.get(name);
      if (next?.kind === 'link') {
        const target = nodeAt(posix.resolve('/', next.target));
        if (target) next = target;
      }
      if (!next) folder.entries.set(name, (next = newFolder()));
      if (next.kind !== 'folder') throw failure('ENOTDIR', `mkdir '${path}'`);
      folder = next;
    }
    return folder;
  }

  function putFile(path: string, file: FileNode): void {
    makeFolders(posix.dirname(path)).entries.set(posix.basename(path), file);
  }

  const contentOf = (file: FileNode): Uint8Array => (file.image ? imageHeader(file.image) : file.bytes);
  const bytesOf = (content: FileContent): Uint8Array =>
    typeof content === 'string' ? encoder.encode(content) : new Uint8Array(content);

  function write(path: string, bytes: Uint8Array): void {
    if (path === '/dev/null') return;
    const found = find(path, true);
    if (found?.node?.kind === 'folder') throw failure('EISDIR', `open '${path}'`);
    if (found?.node?.kind === 'file') {
      found.node.bytes = bytes;
      found.node.image = null;
      found.node.restBytes = 0;
      found.node.modifiedAt = now();
    } else if (found?.parent && !found.node) {
      found.parent.entries.set(found.name, newFile(bytes));
    } else throw failure('ENOENT', `open '${path}'`);
  }

  function status(node: Node): FileStatus {
    const size =
      node.kind === 'file'
        ? node.image
          ? fileBytes(node.image)
          : node.bytes.length + node.restBytes
        : node.kind === 'link'
          ? encoder.encode(node.target).length
          : 4096;
    return {
      isFile: node.kind === 'file',
      isDirectory: node.kind === 'folder',
      isSymbolicLink: node.kind === 'link',
      mode: node.mode,
      size,
      mtime: new Date(node.modifiedAt * 1000),
      dev: 1,
      ino: node.inode,
    };
  }

  /** A copy with new inodes. */
  function copyOf(node: Node): Node {
    if (node.kind === 'file')
      return { ...newFile(node.bytes), mode: node.mode, image: node.image, restBytes: node.restBytes };
    if (node.kind === 'link') return { ...node, inode: (inodes += 1) };
    const copy = newFolder();
    for (const [name, entry] of node.entries) copy.entries.set(name, copyOf(entry));
    return copy;
  }

  function list(path: string): readonly (readonly [string, Node])[] {
    const node = existing(path, 'scandir');
    if (node.kind !== 'folder') throw failure('ENOTDIR', `scandir '${path}'`);
    return [...node.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  function remove(path: string): void {
    const found = find(path, false);
    if (found?.parent && found.node) found.parent.entries.delete(found.name);
  }

  const promise = <Result>(call: () => Result): Promise<Result> =>
    new Promise((resolve) => {
      resolve(call());
    });

  return {
    nodeAt,
    fileAt(path) {
      const node = nodeAt(path);
      return node?.kind === 'file' ? node : null;
    },
    imageAt(path) {
      const node = nodeAt(path);
      return node?.kind === 'file' ? node.image : null;
    },
    putImage(path, image) {
      const node = nodeAt(path);
      if (node?.kind === 'file') {
        node.image = image;
        node.modifiedAt = now();
      } else putFile(path, { ...newFile(new Uint8Array()), mode: 0o600, image });
    },
    putText(path, text, restBytes = 0) {
      putFile(path, { ...newFile(encoder.encode(text)), restBytes });
    },
    resolve: (path) => find(path, true)?.path ?? null,
    remove,
    makeFolders,
    files() {
      const found: { path: string; file: FileNode }[] = [];
      const visit = (folder: FolderNode, path: string) => {
        for (const [name, node] of folder.entries) {
          if (node.kind === 'file') found.push({ path: `${path}/${name}`, file: node });
          else if (node.kind === 'folder') visit(node, `${path}/${name}`);
        }
      };
      visit(root, '');
      return found;
    },

    readFile: (path) => promise(() => new TextDecoder().decode(contentOf(existingFile(path, 'open')))),
    readFileBuffer: (path) => promise(() => contentOf(existingFile(path, 'open'))),
    writeFile: (path, content) =>
      promise(() => {
        write(path, bytesOf(content));
      }),
    appendFile: (path, content) =>
      promise(() => {
        const node = nodeAt(path);
        const added = bytesOf(content);
        // Opened for appending and closed again: what is there stays what it is.
        if (node?.kind === 'file' && added.length === 0) return;
        const old = node?.kind === 'file' ? contentOf(node) : new Uint8Array();
        const bytes = new Uint8Array(old.length + added.length);
        bytes.set(old);
        bytes.set(added, old.length);
        write(path, bytes);
      }),
    exists: (path) => promise(() => nodeAt(path) !== null),
    stat: (path) => promise(() => status(existing(path, 'stat'))),
    lstat: (path) => promise(() => status(existing(path, 'lstat', false))),
    mkdir: (path, options) =>
      promise(() => {
        if (options?.recursive === true) {
          makeFolders(path);
          return;
        }
        const { parent, name, node } = place(path, 'mkdir');
        if (node) throw failure('EEXIST', `mkdir '${path}'`);
        parent.entries.set(name, newFolder());
        parent.modifiedAt = now();
      }),
    readdir: (path) => promise(() => list(path).map(([name]) => name)),
    readdirWithFileTypes: (path) =>
      promise(() =>
        list(path).map(([name, node]) => ({
          name,
          isFile: node.kind === 'file',
          isDirectory: node.kind === 'folder',
          isSymbolicLink: node.kind === 'link',
        })),
      ),
    rm: (path, options) =>
      promise(() => {
        const node = nodeAt(path, false);
        if (!node) {
          if (options?.force === true) return;
          throw failure('ENOENT', `rm '${path}'`);
        }
        if (node.kind === 'folder' && node.entries.size > 0 && options?.recursive !== true) {
          throw failure('ENOTEMPTY', `rm '${path}'`);
        }
        remove(path);
      }),
    cp: (source, target) =>
      promise(() => {
        const copy = copyOf(existing(source, 'copyfile'));
        const { parent, name } = place(target, 'copyfile');
        parent.entries.set(name, copy);
      }),
    mv: (source, target) =>
      promise(() => {
        const node = existing(source, 'rename', false);
        const { parent, name } = place(target, 'rename');
        remove(source);
        parent.entries.set(name, node);
        parent.modifiedAt = now();
      }),
    resolvePath: (base, path) => posix.resolve(base, path),
    getAllPaths: () => [],
    chmod: (path, mode) =>
      promise(() => {
        existing(path, 'chmod').mode = mode;
      }),
    symlink: (target, path) =>
      promise(() => {
        const { parent, name, node } = place(path, 'symlink');
        if (node) throw failure('EEXIST', `symlink '${path}'`);
        parent.entries.set(name, { kind: 'link', inode: (inodes += 1), mode: 0o777, modifiedAt: now(), target });
      }),
    link: (source, target) =>
      promise(() => {
        const node = existing(source, 'link', false);
        const { parent, name, node: taken } = place(target, 'link');
        if (taken) throw failure('EEXIST', `link '${target}'`);
        parent.entries.set(name, node);
      }),
    readlink: (path) =>
      promise(() => {
        const node = existing(path, 'readlink', false);
        if (node.kind !== 'link') throw failure('EINVAL', `readlink '${path}'`);
        return node.target;
      }),
    realpath: (path) =>
      promise(() => {
        const found = find(path, true);
        if (!found?.node) throw failure('ENOENT', `realpath '${path}'`);
        return found.path;
      }),
    utimes: (path, _accessedAt, modifiedAt) =>
      promise(() => {
        existing(path, 'utime').modifiedAt = modifiedAt.getTime() / 1000;
      }),
  };
}

/** What a file takes on its file system. */
export function usedBytes(file: FileNode): number {
  return file.image ? allocatedBytes(file.image) : Math.ceil((file.bytes.length + file.restBytes) / 4096) * 4096;
}
