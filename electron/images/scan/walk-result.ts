/** The frames of the walk script as facts. */
import { createHash } from 'node:crypto';
import type { Frame } from '../../hosts/commands/frames.ts';
import { parseStatuses, type FileStatus } from './file-status.ts';
import { parseOpen, type OpenFiles } from './open-files.ts';
import { parseQemuImageInfo, type QemuImageInfo } from '../qcow2/qemu-image-info.ts';
import { headerBytes } from './walk-limits.ts';

export interface WalkedImage {
  /** The resolved path. */
  readonly id: string;
  /** The path by which it was examined; relative backing names count from its folder. */
  readonly path: string;
  readonly kind: 'file' | 'block' | 'other' | 'absent';
  /** It was asked for as raw, whatever is in it. */
  readonly raw: boolean;
  readonly info: QemuImageInfo | null;
  /** Why there is no info; null where there is, and where nobody asked. */
  readonly failure: string | null;
  /** Whether the failure is that another file is not there. */
  readonly lacksFile: boolean;
}

export interface WalkedFolder {
  readonly path: string;
  /** Null where `df` did not say. */
  readonly space: { readonly totalBytes: number; readonly freeBytes: number } | null;
  readonly listed: boolean;
  /** More files in it than are looked at. */
  readonly cut: boolean;
  /** More subfolders in it than are looked into. */
  readonly subfoldersCut: boolean;
  /** Paths of files in it that could not be opened. */
  readonly closed: readonly string[];
  /** Everything in it and itself, by path; null where the host's `stat` does not tell. */
  readonly entries: ReadonlyMap<string, FileStatus> | null;
}

/**
 * What is at a path, behind symbolic links; `sealed` where it is a file or block device that this user may not read, `hidden`
 * where this user cannot see so far.
 */
export type WhatIsThere = (typeof whatIsThere)[number];
const whatIsThere = ['file', 'folder', 'sealed', 'nothing', 'hidden'] as const;

export interface SavedMemoryFile {
  readonly path: string;
  /** Of the VM; null where its definition does not begin with it. */
  readonly vmUuid: string | null;
}

export interface Walk {
  /** In the order in which they were examined; one image can be there several times, by several paths. */
  readonly images: readonly WalkedImage[];
  /** The first bytes of files that qemu-img was not asked for; null where they could not be told apart. */
  readonly headers: readonly { readonly path: string; readonly bytes: Uint8Array | null }[];
  /** Every path that was named → its resolved path. */
  readonly realPaths: ReadonlyMap<string, string>;
  /** Paths that were named → the path by which they were examined, where that is another: with the folder resolved. */
  readonly spellings: ReadonlyMap<string, string>;
  /** Folders that were looked through. */
  readonly folders: ReadonlyMap<string, WalkedFolder>;
  /** Folders that were only listed. */
  readonly listings: ReadonlyMap<string, WalkedFolder>;
  /** The status of paths, behind symbolic links. */
  readonly statuses: ReadonlyMap<string, FileStatus>;
  /** Of each path that was only to be looked for. */
  readonly lookedFor: ReadonlyMap<string, WhatIsThere>;
  /** Files that libvirt saved the memory of a guest in, in the folders that were looked through. */
  readonly savedMemory: readonly SavedMemoryFile[];
  /** Null where that was not asked. */
  readonly openFiles: OpenFiles | null;
  /** There were more folders than are looked through. */
  readonly foldersCut: boolean;
  /** A file that should have been looked at again could not be opened. */
  readonly locked: boolean;
  readonly hasQemuImg: boolean;
  readonly hasStat: boolean;
}

/** Takes the frames of `walkScript` apart. Frames that make no sense are left out: what they were about is then not known. */
export function walkFromFrames(frames: readonly Frame[], nonce: string): Walk {
  const images: WalkedImage[] = [];
  const realPaths = new Map<string, string>();
  const spellings = new Map<string, string>();
  const folders = new Map<string, FolderBeingRead>();
  const listings = new Map<string, FolderBeingRead>();
  const statuses = new Map<string, FileStatus>();
  const lookedFor = new Map<string, WhatIsThere>();
  const notes = new Set<string>();
  const locks: string[][] = [];
  const loops: { device: string; path: string }[] = [];
  let opened: OpenFiles['opened'] | null = null;
  let processes: ReadonlySet<string> = new Set();
  const savedMemory: SavedMemoryFile[] = [];
  const headers: { path: string; bytes: Uint8Array | null }[] = [];
  let open: string[] = [];
  let path = '';
  let id = '';
  let folder = '';
  let said = '';
  let place = folders;
  const change = (changes: Partial<FolderBeingRead>) => {
    const known = place.get(folder);
    if (known) place.set(folder, { ...known, ...changes });
  };
  for (const frame of frames) {
    const [first] = frame.arguments;
    switch (frame.kind) {
      case 'named':
        path = frame.body;
        break;
      case 'real':
        id = frame.body;
        realPaths.set(path, id);
        realPaths.set(id, id);
        break;
      case 'spelled':
        spellings.set(path, frame.body);
        break;
      case 'kind':
        images.push({ id, path, kind: kindOf(first), raw: frame.arguments[1] === 'raw', ...notAsked });
        break;
      case 'info':
        said = frame.body;
        break;
      case 'exit': {
        const image = images.pop();
        if (image) images.push(image.id === id ? { ...image, ...outcome(first, said, image) } : image);
        break;
      }
      case 'saved':
        savedMemory.push(...savedMemoryFrom(frame.body));
        break;
      case 'header':
        open.push(id);
        break;
      case 'headers': {
        const bytes = Buffer.from(frame.body, 'base64');
        const isWhole = bytes.length === open.length * headerBytes;
        for (const [index, each] of open.entries()) {
          const start = index * headerBytes;
          headers.push({ path: each, bytes: isWhole ? bytes.subarray(start, start + headerBytes) : null });
        }
        open = [];
        break;
      }
      case 'locks':
        locks.push(frame.body.split('\n').filter((line) => line !== ''));
        break;
      case 'loop':
        loops.push({ device: first ?? '', path: frame.body });
        break;
      case 'open':
        opened = parseOpen(frame.body);
        break;
      case 'processes':
        processes = new Set(frame.body.split('\n').map((folder) => folder.slice('/proc/'.length)));
        break;
      case 'there':
        lookedFor.set(frame.body, whatIsThere.find((each) => each === first) ?? 'hidden');
        break;
      case 'folder':
      case 'listing':
        folder = frame.body;
        place = frame.kind === 'folder' ? folders : listings;
        place.set(folder, emptyFolder(folder));
        break;
      case 'df':
        change({ space: parseFreeSpace(frame.body) });
        break;
      case 'entries': {
        const entries = parseStatuses(frame.body, nonce);
        change({ entries: entries.size > 0 ? entries : null });
        break;
      }
      case 'unlisted':
        change({ listed: false });
        break;
      case 'cut':
        change({ cut: true });
        break;
      case 'subfolders':
        change({ subfoldersCut: true });
        break;
      case 'closed':
        place.get(folder)?.closed.push(frame.body);
        break;
      case 'status':
        for (const [each, status] of parseStatuses(frame.body, nonce)) statuses.set(each, status);
        break;
      default:
        notes.add(frame.kind);
    }
  }
  return {
    images,
    headers,
    realPaths,
    spellings,
    folders,
    listings,
    statuses,
    lookedFor,
    savedMemory,
    openFiles: opened && {
      locks: new Set(inAll(locks)),
      loops,
      opened: opened.filter(({ pid }) => processes.has(pid)),
    },
    foldersCut: notes.has('folders'),
    locked: notes.has('locked'),
    hasQemuImg: !notes.has('noqemuimg'),
    hasStat: !notes.has('nostat'),
  };
}

/**
 * Empty where the file begins otherwise (libvirt, qemu_saveimage.h): memory that is not saved to its end has another word there. A name may
 * hold line breaks.
 */
function savedMemoryFrom(body: string): readonly SavedMemoryFile[] {
  const start = body.indexOf('\nLibvirtQemudSave');
  if (start < 0) return [];
  const vmUuid = /<uuid>([0-9a-f-]{36})<\/uuid>/.exec(body.slice(start))?.[1] ?? null;
  return [{ path: body.slice(0, start), vmUuid }];
}

/** What stands in each of the lists. */
function inAll(lists: readonly (readonly string[])[]): readonly string[] {
  const [first = [], ...others] = lists.map((list) => new Set(list));
  return [...first].filter((each) => others.every((other) => other.has(each)));
}

interface FolderBeingRead extends WalkedFolder {
  readonly closed: string[];
}

/**
 * The same for answers of which `walkFromFrames` makes the same, but for the free space, which always moves: a checksum over
 * what the host printed.
 */
export function markOf(frames: readonly Frame[], nonce: string): string {
  const hash = createHash('sha256');
  for (const { kind, arguments: words, body } of frames) {
    // Processes come and go, and a frame says of those that are asked for what they have open.
    if (kind === 'df' || kind === 'processes') continue;
    // The records of files begin with the nonce, which is another each time.
    const text = kind === 'entries' || kind === 'status' ? body.replaceAll(nonce, '') : body;
    hash.update(`${kind} ${words.join(' ')} ${text.length}\n`).update(text);
  }
  return hash.digest('base64');
}

/** The free space of the folders that were only listed; null where `df` did not say. */
export function listedSpaces(frames: readonly Frame[]): ReadonlyMap<string, WalkedFolder['space']> {
  const spaces = new Map<string, WalkedFolder['space']>();
  let folder = '';
  for (const { kind, body } of frames) {
    if (kind === 'listing') folder = body;
    else if (kind === 'df') spaces.set(folder, parseFreeSpace(body));
  }
  return spaces;
}

function emptyFolder(path: string): FolderBeingRead {
  return {
    path,
    space: null,
    listed: true,
    cut: false,
    subfoldersCut: false,
    closed: [],
    entries: null,
  };
}

const notAsked = { info: null, failure: null, lacksFile: false };

function kindOf(word: string | undefined): WalkedImage['kind'] {
  return word === 'file' || word === 'block' || word === 'absent' ? word : 'other';
}

function outcome(
  code: string | undefined,
  answer: string,
  { path }: WalkedImage,
): Partial<Pick<WalkedImage, 'kind' | 'info' | 'failure' | 'lacksFile'>> {
  if (code === '0') {
    const info = parseQemuImageInfo(answer);
    return { info, failure: info ? null : 'qemu-img gave an answer that cannot be read', lacksFile: false };
  }
  if (code === '124' || code === '137')
    return { info: null, failure: 'qemu-img did not answer in time', lacksFile: false };
  const said = answer.trim().split('\n')[0] ?? '';
  const failure = said === '' ? `qemu-img failed with exit code ${code ?? '?'}` : said;
  const lacksFile = said.endsWith('No such file or directory');
  // Removed since it was found: nothing depends on anything there.
  if (said.endsWith(`Could not open '${path}': No such file or directory`)) {
    return { info: null, failure, lacksFile: false, kind: 'absent' };
  }
  return { info: null, failure, lacksFile };
}

/** The last line of `df -P -k`, read from the right: the device's name may hold spaces, the numbers may not. */
export function parseFreeSpace(text: string): WalkedFolder['space'] {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  const match = /\s(\d+)\s+(\d+)\s+(-?\d+)\s+(?:\d+%|-)\s+\//.exec(line);
  if (!match) return null;
  return { totalBytes: Number(match[1]) * 1024, freeBytes: Math.max(0, Number(match[3])) * 1024 };
}
