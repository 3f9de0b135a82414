/** An initramfs, as Linux unpacks it: a cpio archive in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst). */

/** What becomes of a path in it: a file's bytes, a link's target, or a folder. */
export type InitramfsEntry =
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly executable?: boolean }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'folder'; readonly path: string };

const modes = { file: 0o100644, executable: 0o100755, link: 0o120777, folder: 0o040755 } as const;

/** The archive of some entries, in their order; folders that a path lies in are made where none is named. */
export function initramfs(entries: readonly InitramfsEntry[]): Buffer {
  const all = withFolders(entries);
  const parts = all.map((entry, index) => record(entry.path, modeOf(entry), contentOf(entry), index + 1));
  return Buffer.concat([...parts, record('TRAILER!!!', 0, Buffer.alloc(0), 0)]);
}

function withFolders(entries: readonly InitramfsEntry[]): InitramfsEntry[] {
  const made = new Set<string>();
  return entries.flatMap((entry) => {
    const names = entry.path.split('/');
    const folders = names.slice(0, -1).map((_, index) => names.slice(0, index + 1).join('/'));
    const missing = folders.filter((folder) => !made.has(folder));
    for (const folder of [...missing, ...(entry.kind === 'folder' ? [entry.path] : [])]) made.add(folder);
    return [...missing.map((path): InitramfsEntry => ({ kind: 'folder', path })), entry];
  });
}

function modeOf(entry: InitramfsEntry): number {
  return entry.kind === 'file' && entry.executable === true ? modes.executable : modes[entry.kind];
}

function contentOf(entry: InitramfsEntry): Buffer {
  if (entry.kind === 'file') return Buffer.from(entry.content);
  return Buffer.from(entry.kind === 'link' ? entry.target : '');
}

/** One entry: a header of thirteen hexadecimal numbers, the name and the content, each filled up to a multiple of four bytes. */
function record(path: string, mode: number, content: Buffer, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${numbers.map((each) => each.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([filled(Buffer.concat([header, name])), filled(content)]);
}

const filled = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
