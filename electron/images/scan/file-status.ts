/** What `stat` says of files, as the walk script asks for it. */

export interface FileStatus {
  readonly device: string;
  /** Can be larger than numbers hold exactly. */
  readonly inode: string;
  readonly type: 'file' | 'folder' | 'link' | 'block' | 'other';
  /** Names that it has, in whatever folders. */
  readonly links: number;
  /** Permissions and type, in hexadecimal. */
  readonly mode: string;
  /** Of a block device: which one it is, however it is called. */
  readonly blockDevice: string | null;
  readonly sizeBytes: number;
  /** Bytes taken on storage. */
  readonly allocatedBytes: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
  /** Changes with every change of the file's content or nature. */
  readonly revision: string;
}

const record = /^(\d+) (\d+) ([0-9a-f]+) (\d+) ([0-9a-f]+) ([0-9a-f]+) (\d+) (\d+) (-?\d+) ([^|]*)\|([^|]*)\|/;

/** The records in a frame's body, by path. Records that make no sense are left out. */
export function parseStatuses(body: string, nonce: string): ReadonlyMap<string, FileStatus> {
  const statuses = new Map<string, FileStatus>();
  // A name can hold line breaks, but not the nonce.
  for (const piece of `\n${body}`.split(`\n${nonce}-s `).slice(1)) {
    const match = record.exec(piece);
    if (!match) continue;
    const [fields, device = '', inode = '', mode = '', links, major, minor, size, blocks, modified, mtime, ctime] =
      match;
    const type = typeOf(mode);
    const path = piece.slice(fields.length).replace(/\n$/, '');
    const blockDevice = type === 'block' ? `${major ?? ''}:${minor ?? ''}` : null;
    statuses.set(path, {
      device,
      inode,
      type,
      links: Number(links),
      mode,
      blockDevice,
      sizeBytes: Number(size),
      // stat counts in blocks of 512 bytes (st_blocks), whatever the file system's blocks are.
      allocatedBytes: Number(blocks) * 512,
      modifiedAt: Math.max(0, Number(modified)),
      revision: [device, inode, mode, blockDevice, size, blocks, mtime, ctime].join(' '),
    });
  }
  return statuses;
}

/** What a path leads to: the same for all names of one file, and for all names of one block device. */
export function identityOf({ device, inode, blockDevice }: FileStatus): string {
  return blockDevice === null ? `file ${device} ${inode}` : `block ${blockDevice}`;
}

function typeOf(mode: string): FileStatus['type'] {
  switch (Number.parseInt(mode, 16) & 0xf000) {
    case 0x8000:
      return 'file';
    case 0x4000:
      return 'folder';
    case 0xa000:
      return 'link';
    case 0x6000:
      return 'block';
    default:
      return 'other';
  }
}
