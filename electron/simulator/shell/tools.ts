/** The system's small tools, where the interpreter's own are missing or differ from what a Linux host does. */
import { withoutEnd } from '../../../shared/rules/text/trim.ts';
import { posix } from 'node:path';
import type { Node } from '../file-system.ts';
import type { Machine } from '../machine.ts';

export interface Invocation {
  readonly machine: Machine;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Bytes, as characters from 0 to 255. */
  readonly stdin: string;
}

export interface ToolResult {
  /** Bytes as characters where `bytes` is set, else text. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly bytes?: boolean;
}

export type Tool = (invocation: Invocation) => ToolResult;

export const done = (stdout = '', exitCode = 0): ToolResult => ({ stdout, stderr: '', exitCode });
export const failed = (stderr: string, exitCode = 1): ToolResult => ({ stdout: '', stderr: `${stderr}\n`, exitCode });

const bytesOf = (text: Uint8Array): string => Buffer.from(text).toString('latin1');

/** Words that are no options, whatever stands behind `--`. */
function operands(argv: readonly string[], withValue: readonly string[] = []): readonly string[] {
  const words: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') return [...words, ...argv.slice(index + 1)];
    if (withValue.includes(word)) index += 1;
    else if (word === '-' || !word.startsWith('-')) words.push(word);
  }
  return words;
}

function optionValue(argv: readonly string[], option: string): string | null {
  const index = argv.indexOf(option);
  return index < 0 ? null : (argv[index + 1] ?? null);
}

/** What reading a file gives: of an image its first bytes. */
function content(machine: Machine, path: string): string | null {
  const file = machine.files.fileAt(path);
  if (!file) return null;
  return file.image
    ? bytesOf(file.image.format === 'qcow2' ? new Uint8Array([0x51, 0x46, 0x49, 0xfb]) : new Uint8Array(512))
    : bytesOf(file.bytes);
}

/** head and tail with `-c`; with several files each is named, as coreutils do it. */
function part(name: string, take: (text: string, count: number) => string): Tool {
  return ({ machine, argv, cwd, stdin }) => {
    const count = Number(optionValue(argv, '-c'));
    const files = operands(argv, ['-c', '-n']);
    if (files.length === 0) return { ...done(take(stdin, count)), bytes: true };
    const pieces: string[] = [];
    let errors = '';
    for (const file of files) {
      const text = content(machine, posix.resolve(cwd, file));
      if (text === null) {
        errors += `${name}: cannot open '${file}' for reading: No such file or directory\n`;
        continue;
      }
      const header =
        files.length > 1 ? `${pieces.length === 0 ? '' : '\n'}==> ${bytesOf(Buffer.from(file))} <==\n` : '';
      pieces.push(header + take(text, count));
    }
    return { stdout: pieces.join(''), stderr: errors, exitCode: errors === '' ? 0 : 1, bytes: true };
  };
}

const typeBits: Readonly<Record<Node['kind'], number>> = { file: 0o100000, folder: 0o040000, link: 0o120000 };

/** `stat -c FORMAT`, with the fields that scripts ask for. */
const stat: Tool = ({ machine, argv, cwd }) => {
  const format = optionValue(argv, '-c') ?? '%n';
  const follow = argv.includes('-L');
  let stdout = '';
  let stderr = '';
  for (const path of operands(argv, ['-c'])) {
    const absolute = posix.resolve(cwd, path);
    const node = follow ? machine.files.nodeAt(absolute) : nodeItself(machine, absolute);
    if (!node) {
      stderr += `stat: cannot statx '${path}': No such file or directory\n`;
      continue;
    }
    stdout += `${format.replace(/%(.)/g, (_, field: string) => statField(machine, node, path, field))}\n`;
  }
  return { stdout, stderr, exitCode: stderr === '' ? 0 : 1 };
};

/** The entry at a path, links not followed. */
function nodeItself(machine: Machine, path: string): Node | null {
  const folder = machine.files.nodeAt(posix.dirname(path));
  if (path === '/') return machine.files.nodeAt('/');
  return folder?.kind === 'folder' ? (folder.entries.get(posix.basename(path)) ?? null) : null;
}

function statField(machine: Machine, node: Node, path: string, field: string): string {
  const image = node.kind === 'file' ? node.image : null;
  const plain = node.kind === 'file' ? node.bytes.length + node.restBytes : 4096;
  const stamp = new Date(node.modifiedAt * 1000).toISOString().replace('T', ' ').replace('Z', '000000 +0000');
  switch (field) {
    case 'd':
      return String(machine.deviceOf(path.startsWith('/') ? path : '/'));
    case 'i':
      return String(node.inode);
    case 'f':
      return (typeBits[node.kind] | node.mode).toString(16);
    case 'h':
      return '1';
    case 't':
    case 'T':
      return '0';
    case 'a':
      return node.mode.toString(8);
    case 'U':
    case 'G':
      return 'root';
    case 'u':
    case 'g':
      return '0';
    case 's':
      return String(image ? sizeOf(machine, path) : plain);
    case 'b':
      return String(Math.ceil((image ? sizeOf(machine, path) : plain) / 512));
    case 'Y':
    case 'Z':
      return String(Math.floor(node.modifiedAt));
    case 'y':
    case 'z':
      return stamp;
    case 'n':
      return path;
    case 'F':
      return node.kind === 'folder' ? 'directory' : node.kind === 'link' ? 'symbolic link' : 'regular file';
    case '%':
      return '%';
    default:
      return '?';
  }
}

function sizeOf(machine: Machine, path: string): number {
  const image = machine.files.imageAt(path);
  return image ? imageSize(image) : 0;
}

/** Grows with every change of an image, so that a change is seen. */
function imageSize(image: NonNullable<ReturnType<Machine['files']['imageAt']>>): number {
  const stored = [image.content, ...image.snapshots.map(({ content: kept }) => kept)].flat();
  return stored.reduce((sum, { start, end }) => sum + end - start, 196_624) + image.snapshots.length * 65_536;
}

const df: Tool = ({ machine, argv, cwd }) => {
  const rows = operands(argv).map((path) => {
    const real = machine.files.resolve(posix.resolve(cwd, path));
    if (real === null || !machine.files.nodeAt(real)) return null;
    const { device, totalBytes, usedBytes, mountPoint } = machine.filesystemOf(real);
    const [total, used] = [Math.floor(totalBytes / 1024), Math.min(totalBytes, usedBytes)].map((bytes, index) =>
      index === 0 ? bytes : Math.ceil(bytes / 1024),
    );
    const free = Math.max(0, (total ?? 0) - (used ?? 0));
    const percent = Math.ceil(((used ?? 0) / (total ?? 1)) * 100);
    return `${device} ${total ?? 0} ${used ?? 0} ${free} ${percent}% ${mountPoint}\n`;
  });
  const lines = rows.filter((row) => row !== null);
  const header = 'Filesystem     1024-blocks      Used Available Capacity Mounted on\n';
  return lines.length < rows.length ? failed('df: No such file or directory') : done(header + lines.join(''));
};

const dd: Tool = ({ machine, argv, cwd, stdin }) => {
  const option = (name: string) => argv.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const input = option('if');
  const text = input === undefined ? stdin : content(machine, posix.resolve(cwd, input));
  if (text === null) return failed(`dd: failed to open '${input ?? ''}': No such file or directory`);
  const bytes = Number(option('bs') ?? 512) * Number(option('count') ?? Infinity);
  return { ...done(text.slice(0, bytes)), bytes: true };
};

const readlink: Tool = ({ machine, argv, cwd }) => {
  const [path] = operands(argv);
  if (path === undefined) return failed('readlink: missing operand');
  const absolute = posix.resolve(cwd, path);
  if (argv.some((word) => /^-[a-z]*f/.test(word))) {
    const real = machine.files.resolve(absolute);
    return real === null ? done('', 1) : done(`${real}\n`);
  }
  const node = nodeItself(machine, absolute);
  return node?.kind === 'link' ? done(`${node.target}\n`) : done('', 1);
};

const mktemp: Tool = ({ machine, argv, cwd }) => {
  const [template = '/tmp/tmp.XXXXXXXXXX'] = operands(argv);
  const stem = withoutEnd(template, 'X');
  const marks = template.length - stem.length;
  const random = () => Math.random().toString(36).slice(2, 12).padEnd(10, '0');
  const path = posix.resolve(cwd, marks < 3 ? template : `${stem}${random().slice(0, marks)}`);
  if (machine.files.nodeAt(posix.dirname(path))?.kind !== 'folder') {
    return failed(`mktemp: failed to create file via template '${template}': No such file or directory`);
  }
  if (argv.includes('-d')) machine.files.makeFolders(path);
  else machine.files.putText(path, '');
  return done(`${path}\n`);
};

/** link(2): never over what is there. */
const ln: Tool = ({ machine, argv, cwd }) => {
  const [source, target] = operands(argv).map((path) => posix.resolve(cwd, path));
  if (source === undefined || target === undefined) return failed('ln: missing file operand');
  if (argv.includes('-s') || argv.includes('-sf')) {
    machine.files.symlink(operands(argv)[0] ?? '', target).catch(() => undefined);
    return done();
  }
  const node = nodeItself(machine, source);
  const folder = machine.files.nodeAt(posix.dirname(target));
  if (!node || folder?.kind !== 'folder') return failed(`ln: failed to access '${source}': No such file or directory`);
  if (folder.entries.has(posix.basename(target))) {
    return failed(`ln: failed to create hard link '${target}': File exists`);
  }
  folder.entries.set(posix.basename(target), node);
  return done();
};

/** `kill [-TERM | -CONT | -0] PID` */
const kill: Tool = ({ machine, argv }) => {
  const pid = Number(operands(argv)[0]);
  const process = machine.processes.find(pid);
  if (!process) return failed(`sh: kill: (${pid}) - No such process`);
  // Nothing stands still there.
  if (!argv.includes('-0') && !argv.includes('-CONT')) machine.processes.terminate(process);
  return done();
};

/** `cmp -s FILE FILE` */
const cmp: Tool = ({ machine, argv, cwd }) => {
  const files = operands(argv).map((path) => ({ path, text: content(machine, posix.resolve(cwd, path)) }));
  const missing = files.find(({ text }) => text === null);
  if (missing) return failed(`cmp: ${missing.path}: No such file or directory`, 2);
  return done('', files[0]?.text === files[1]?.text ? 0 : 1);
};

const id: Tool = ({ argv }) => {
  if (argv.includes('-un')) return done('root\n');
  if (argv.includes('-u')) return done('0\n');
  if (argv.includes('-Gn') || argv.includes('-nG')) return done('root\n');
  return done('uid=0(root) gid=0(root) groups=0(root)\n');
};

const uname: Tool = ({ argv, machine }) => {
  const words = { s: 'Linux', n: machine.name, r: '6.1.0-18-amd64', m: 'x86_64' };
  const wanted = argv.join('').replaceAll('-', '') || 's';
  const letters = wanted.includes('a') ? 'snrm' : wanted;
  return done(
    `${Object.entries(words)
      .flatMap(([letter, word]) => (letters.includes(letter) ? [word] : []))
      .join(' ')}\n`,
  );
};

const nothingToDo: Tool = () => done();

/** Of stdin, as POSIX defines it: a CRC over the bytes and their number, and that number. */
const cksum: Tool = ({ stdin }) => {
  const octets = [...Buffer.from(stdin, 'latin1')];
  const length: number[] = [];
  for (let rest = octets.length; rest > 0; rest = Math.floor(rest / 256)) length.push(rest % 256);
  let crc = 0;
  for (const octet of octets.concat(length)) {
    crc ^= octet << 24;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  return done(`${~crc >>> 0} ${octets.length}\n`);
};

export const tools: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ['stat', stat],
  ['df', df],
  ['dd', dd],
  ['readlink', readlink],
  ['mktemp', mktemp],
  ['ln', ln],
  ['kill', kill],
  ['cmp', cmp],
  ['id', id],
  ['cksum', cksum],
  ['uname', uname],
  ['hostname', ({ machine }) => done(`${machine.name}\n`)],
  ['nproc', () => done('2\n')],
  ['umask', nothingToDo],
  ['wait', nothingToDo],
  ['sync', nothingToDo],
]);

/** With `-c` only; by lines the interpreter's own are right. */
export const byteTools: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ['head', part('head', (text, count) => text.slice(0, count))],
  ['tail', part('tail', (text, count) => (count === 0 ? '' : text.slice(-count)))],
]);
