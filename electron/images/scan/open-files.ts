/** Which of the images programs have open, whatever VMs say. Pure. */
import { identityOf, type FileStatus } from './file-status.ts';
import { statusOf, type ImageKnowledge } from './image-knowledge.ts';

export interface OpenFiles {
  /** Files on which locks of QEMU's kind are held, in the words of /proc/locks: `MAJOR:MINOR:INODE`, in hexadecimal but for the inode. */
  readonly locks: ReadonlySet<string>;
  /** Loop devices and the files behind them. */
  readonly loops: readonly { readonly device: string; readonly path: string }[];
  /** Only of processes into which this user may look; `identity` as `identityOf` has it. */
  readonly opened: readonly { readonly identity: string; readonly pid: string; readonly program: string }[];
}

const openLine = /^(?:file (\d+ \d+)|block ([0-9a-f]+:[0-9a-f]+)) (\d+) (.*)$/;

/** What the script's `open_files` printed. Lines that make no sense are left out. */
export function parseOpen(body: string): OpenFiles['opened'] {
  return body.split('\n').flatMap((line) => {
    const [, file, device = '', pid = '', program = ''] = openLine.exec(line) ?? [];
    if (pid === '') return [];
    return [{ identity: file === undefined ? `block ${device}` : `file ${file}`, pid, program }];
  });
}

/** How /proc/locks calls a file. Device numbers as Linux hands them to programs: 12 bits of the major number in the middle. */
export function lockOf({ device, inode }: Pick<FileStatus, 'device' | 'inode'>): string {
  const number = BigInt(device);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & ~0xffn);
  const hexadecimal = (part: bigint) => part.toString(16).padStart(2, '0');
  return `${hexadecimal(major)}:${hexadecimal(minor)}:${inode}`;
}

/** Who has which image open, in words, by the resolved paths of the images; only of images that somebody has open. */
export function openImages(knowledge: ImageKnowledge): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const { openFiles } = knowledge;
  if (!openFiles) return found;
  const programs = new Map<string, string[]>();
  const add = (identity: string, who: string) => {
    const known = programs.get(identity);
    if (known) known.push(who);
    else programs.set(identity, [who]);
  };
  for (const { identity, pid, program } of openFiles.opened) {
    add(identity, program === '' ? `process ${pid}` : `${program} (process ${pid})`);
  }
  for (const { device, path } of openFiles.loops) {
    const status = knowledge.statuses.get(path);
    if (status) add(identityOf(status), device);
  }
  for (const id of knowledge.images.keys()) {
    const status = statusOf(knowledge, id);
    if (!status) continue;
    const named = programs.get(identityOf(status)) ?? [];
    const isLocked = openFiles.locks.has(lockOf(status));
    if (named.length > 0) found.set(id, named);
    else if (isLocked) found.set(id, ['a program that locks it as QEMU does']);
  }
  return found;
}

/** Processes that have images open without a lock: later readings look at these again. */
export function processesWithoutLock(knowledge: ImageKnowledge): readonly string[] {
  const { openFiles } = knowledge;
  if (!openFiles) return [];
  const unlocked = new Set<string>();
  for (const id of knowledge.images.keys()) {
    const status = statusOf(knowledge, id);
    if (status && !openFiles.locks.has(lockOf(status))) unlocked.add(identityOf(status));
  }
  return [...new Set(openFiles.opened.flatMap(({ identity, pid }) => (unlocked.has(identity) ? [pid] : [])))];
}
