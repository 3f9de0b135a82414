/** The frames of the walk script as facts. */
import type { Frame } from '../hosts/frames.ts';
import { parseQemuImageInfo, type QemuImageInfo } from './qemu-image-info.ts';

export interface WalkedImage {
  /** The resolved path. */
  readonly id: string;
  /** The path by which it was examined first; relative backing names count from its folder. */
  readonly path: string;
  readonly kind: 'file' | 'block' | 'other' | 'absent';
  readonly info: QemuImageInfo | null;
  /** Why there is no info; null where there is, and where nobody asked. */
  readonly failure: string | null;
}

export interface WalkedFolder {
  readonly path: string;
  /** Null where `df` did not say. */
  readonly space: { readonly totalBytes: number; readonly freeBytes: number } | null;
  readonly listed: boolean;
  /** More files in it than are looked at. */
  readonly cut: boolean;
  /** Files in it that could not be opened. */
  readonly closedFiles: number;
}

export interface Walk {
  readonly images: ReadonlyMap<string, WalkedImage>;
  /** Every path that was named → its resolved path. */
  readonly realPaths: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, WalkedFolder>;
  readonly hasQemuImg: boolean;
}

/** Takes the frames of `walkScript` apart. Frames that make no sense are left out: what they were about is then not known. */
export function walkFromFrames(frames: readonly Frame[]): Walk {
  const images = new Map<string, WalkedImage>();
  const realPaths = new Map<string, string>();
  const folders = new Map<string, WalkedFolder>();
  let hasQemuImg = true;
  let path = '';
  let id = '';
  let folder: WalkedFolder | null = null;
  const change = (changes: Partial<WalkedFolder>) => {
    if (folder) folders.set(folder.path, (folder = { ...folder, ...changes }));
  };
  for (const frame of frames) {
    switch (frame.kind) {
      case 'noqemuimg':
        hasQemuImg = false;
        break;
      case 'named':
        path = frame.body;
        break;
      case 'real':
        id = frame.body;
        realPaths.set(path, id);
        realPaths.set(id, id);
        break;
      case 'kind':
        images.set(id, { id, path, kind: kindOf(frame.arguments[0]), info: null, failure: null });
        break;
      case 'info': {
        const image = images.get(id);
        if (image) images.set(id, { ...image, ...outcome(frame) });
        break;
      }
      case 'folder':
        folder = folders.get(frame.body) ?? {
          path: frame.body,
          space: null,
          listed: true,
          cut: false,
          closedFiles: 0,
        };
        folders.set(folder.path, folder);
        break;
      case 'df':
        change({ space: parseFreeSpace(frame.body) });
        break;
      case 'unlisted':
        change({ listed: false });
        break;
      case 'cut':
        change({ cut: true });
        break;
      case 'closed':
        change({ closedFiles: Number(frame.arguments[0]) || 0 });
        break;
    }
  }
  return { images, realPaths, folders, hasQemuImg };
}

function kindOf(word: string | undefined): WalkedImage['kind'] {
  return word === 'file' || word === 'block' || word === 'absent' ? word : 'other';
}

function outcome({ arguments: [code], body }: Frame): Pick<WalkedImage, 'info' | 'failure'> {
  if (code === '0') {
    const info = parseQemuImageInfo(body);
    return { info, failure: info ? null : 'qemu-img gave an answer that cannot be read' };
  }
  if (code === '124' || code === '137') return { info: null, failure: 'qemu-img did not answer in time' };
  const said = body.trim().split('\n')[0] ?? '';
  return { info: null, failure: said === '' ? `qemu-img failed with exit code ${code ?? '?'}` : said };
}

/** The last line of `df -P -k`, read from the right: the device's name may hold spaces, the numbers may not. */
export function parseFreeSpace(text: string): WalkedFolder['space'] {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  const match = /\s(\d+)\s+(\d+)\s+(-?\d+)\s+(?:\d+%|-)\s+\//.exec(line);
  if (!match) return null;
  return { totalBytes: Number(match[1]) * 1024, freeBytes: Math.max(0, Number(match[3])) * 1024 };
}
