/** The command qemu-img of a simulated host (QEMU 7.2). */
import { posix } from 'node:path';
import type { FileSystem } from '../file-system.ts';
import { firstBytes, firstDifference, nothing, overlay, storedBytes, type Content } from './content.ts';
import {
  allocatedBytes,
  fileBytes,
  findByIdOrName,
  findByName,
  newImage,
  takeInternal,
  withoutInternal,
  type DiskImage,
} from './disk-image.ts';

export interface QemuImgHost {
  readonly files: FileSystem;
  readonly now: () => number;
  /** Whether a running VM has the image open. */
  readonly isInUse: (path: string) => boolean;
  /** How much room is left where a path is. */
  readonly freeBytes: (path: string) => number;
}

export interface QemuImgResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

interface Arguments {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly words: readonly string[];
}

/** @param withValue options that take one */
function parse(argv: readonly string[], withValue: readonly string[]): Arguments {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const words: string[] = [];
  let onlyWords = false;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (onlyWords || word === '-' || !word.startsWith('-')) words.push(word);
    else if (word === '--') onlyWords = true;
    else if (word.startsWith('--')) {
      const [name = '', value] = word.split(/=(.*)/s);
      if (value === undefined) flags.add(name);
      else values.set(name, value);
    } else if (withValue.includes(word)) values.set(word, argv[(index += 1)] ?? '');
    else flags.add(word);
  }
  return { flags, values, words };
}

/** Runs qemu-img. `cwd` is where relative paths count from. */
export function runQemuImg(host: QemuImgHost, argv: readonly string[], cwd: string): QemuImgResult {
  const [name = '', ...rest] = argv;
  const run = commands.get(name);
  try {
    if (name === '--version' || name === '-V') return ok('qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\n');
    if (!run) throw new Failure(`Command not found: ${name}\nTry 'qemu-img --help' for more information`);
    return run({ host, argv: rest, cwd });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { stdout: '', stderr: `qemu-img: ${error.message}\n`, exitCode: error.exitCode };
  }
}

interface Call {
  readonly host: QemuImgHost;
  readonly argv: readonly string[];
  readonly cwd: string;
}

const ok = (stdout = ''): QemuImgResult => ({ stdout, stderr: '', exitCode: 0 });

/** The image at a path, a file that is none as a raw one. Images that a VM writes to are locked unless `shared`. */
function open({ host, cwd }: Call, path: string, options: { shared: boolean; write: boolean }): DiskImage {
  const absolute = posix.resolve(cwd, path);
  const file = host.files.fileAt(absolute);
  if (!file) throw new Failure(`Could not open '${path}': Could not open '${path}': No such file or directory`);
  const real = host.files.resolve(absolute) ?? absolute;
  if (!options.shared && host.isInUse(real)) {
    throw new Failure(
      `Could not open '${path}': Failed to get ${options.write ? '"write"' : 'shared "write"'} lock\nIs another process using the image [${path}]?`,
    );
  }
  return file.image ?? newImage({ format: 'raw', virtualBytes: Math.ceil(file.bytes.length / 512) * 512 });
}

/** The image with every image below it that can be opened with it. */
function openChain(call: Call, path: string, write: boolean): DiskImage {
  const image = open(call, path, { shared: false, write });
  const seen = new Set<string>();
  let at = posix.resolve(call.cwd, path);
  for (let layer = image; layer.backing !== null;) {
    seen.add(at);
    at = posix.resolve(posix.dirname(at), layer.backing.file);
    const next = call.host.files.imageAt(at);
    if (!next || seen.has(at)) {
      throw new Failure(
        `Could not open '${path}': Could not open backing file: Could not open '${at}': No such file or directory`,
      );
    }
    layer = next;
  }
  return image;
}

/** JSON as QEMU prints it: characters beyond ASCII escaped. */
function json(value: unknown): string {
  return JSON.stringify(value, null, 4).replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function info(call: Call): QemuImgResult {
  const { flags, values, words } = parse(call.argv, ['-f']);
  const [path] = words;
  if (path === undefined) throw new Failure('Expecting one image file name');
  const shared = flags.has('-U') || flags.has('--force-share');
  const opened = open(call, path, { shared, write: false });
  const real = call.host.files.fileAt(posix.resolve(call.cwd, path));
  const asRaw = values.get('-f') === 'raw';
  if (values.get('-f') === 'qcow2' && opened.format !== 'qcow2') {
    throw new Failure(`Could not open '${path}': Image is not in qcow2 format`);
  }
  const image = asRaw ? newImage({ format: 'raw', virtualBytes: fileBytes(opened) }) : opened;
  const entry = describe(path, image, real?.image ? allocatedBytes(real.image) : (real?.bytes.length ?? 0));
  if (values.get('--output') === 'json') return ok(`${json(entry)}\n`);
  return ok(`image: ${path}\nfile format: ${image.format}\nvirtual size: ${image.virtualBytes} bytes\n`);
}

function describe(path: string, image: DiskImage, actualBytes: number): object {
  const { backing, snapshots } = image;
  const backingFormat = backing?.format ?? null;
  return {
    ...(snapshots.length === 0 ? {} : { snapshots: snapshots.map(describeSnapshot) }),
    ...(backingFormat === null ? {} : { 'backing-filename-format': backingFormat }),
    'virtual-size': image.virtualBytes,
    filename: path,
    ...(image.format === 'qcow2' ? { 'cluster-size': 65536 } : {}),
    format: image.format,
    'actual-size': actualBytes,
    ...(image.format === 'qcow2'
      ? {
          'format-specific': {
            type: 'qcow2',
            data: {
              compat: '1.1',
              'compression-type': 'zlib',
              'lazy-refcounts': false,
              'refcount-bits': 16,
              corrupt: image.corrupt,
              'extended-l2': false,
            },
          },
        }
      : {}),
    ...(backing === null
      ? {}
      : {
          'full-backing-filename': backing.file.startsWith('/')
            ? backing.file
            : posix.join(posix.dirname(path), backing.file),
          'backing-filename': backing.file,
        }),
    'dirty-flag': false,
  };
}

function describeSnapshot({ id, name, createdAt, memoryBytes }: DiskImage['snapshots'][number]): object {
  const seconds = Math.floor(createdAt);
  return {
    ...(memoryBytes === 0 ? { icount: 0 } : {}),
    'vm-clock-nsec': 0,
    name,
    'date-sec': seconds,
    'date-nsec': Math.floor((createdAt - seconds) * 1e6) * 1000,
    'vm-clock-sec': 0,
    id,
    'vm-state-size': memoryBytes,
  };
}

function snapshot(call: Call): QemuImgResult {
  const { flags, values, words } = parse(call.argv, ['-c', '-a', '-d']);
  const [path] = words;
  if (path === undefined) throw new Failure('Expecting one image file name');
  const action = ['-c', '-a', '-d'].find((option) => values.has(option));
  if (action === undefined) {
    const image = open(call, path, { shared: flags.has('-U'), write: false });
    if (image.snapshots.length === 0) return ok();
    const rows = image.snapshots.map(
      ({ id, name, memoryBytes, createdAt }) =>
        `${id.padEnd(9)} ${name.padEnd(17)} ${String(memoryBytes).padStart(6)} B ${new Date(createdAt * 1000).toISOString().slice(0, 19).replace('T', ' ')} 00:00:00.000\n`,
    );
    return ok(
      `Snapshot list:\nID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\n${rows.join('')}`,
    );
  }
  const image = openChain(call, path, true);
  const wanted = values.get(action) ?? '';
  const put = (next: DiskImage) => {
    call.host.files.putImage(posix.resolve(call.cwd, path), next);
  };
  if (action === '-c')
    put(takeInternal(image, { name: wanted, createdAt: call.host.now(), memory: null, memoryBytes: 0 }));
  const found = action === '-a' ? findByIdOrName(image, wanted) : findByName(image, wanted);
  if (action === '-a') {
    if (!found) {
      throw new Failure(`Could not apply snapshot '${wanted}': Failed to load snapshot: Can't find snapshot`);
    }
    put({ ...image, content: found.content });
  }
  if (action === '-d') {
    if (!found) throw new Failure(`Could not delete snapshot '${wanted}': snapshot not found`);
    put(withoutInternal(image, found));
  }
  return ok();
}

const units: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

function create(call: Call): QemuImgResult {
  const { flags, values, words } = parse(call.argv, ['-f', '-b', '-F', '-o']);
  const [path, size = ''] = words;
  if (path === undefined) throw new Failure('Expecting image file name');
  const format = values.get('-f') === 'qcow2' ? 'qcow2' : 'raw';
  const backing = values.get('-b');
  const amount = /^(\d+)([KMGT]?)$/.exec(size);
  if (backing !== undefined && !values.has('-F')) {
    throw new Failure(`${path}: Backing file specified without backing format`);
  }
  const absolute = posix.resolve(call.cwd, path);
  const below = backing === undefined ? null : call.host.files.imageAt(posix.resolve(posix.dirname(absolute), backing));
  if (backing !== undefined && !below && !flags.has('-u')) {
    throw new Failure(
      `${path}: Could not open backing file: Could not open '${backing}': No such file or directory\nCould not open backing image.`,
    );
  }
  const bytes = amount ? Number(amount[1]) * (units[amount[2] ?? ''] ?? 1) : below?.virtualBytes;
  if (bytes === undefined) throw new Failure('Image creation needs a size parameter');
  const recorded = backing === undefined ? null : { file: backing, format: values.get('-F') ?? null };
  call.host.files.putImage(absolute, newImage({ format, virtualBytes: bytes, backing: recorded }));
  return ok(flags.has('-q') ? '' : `Formatting '${path}', fmt=${format} size=${bytes}\n`);
}

function check(call: Call): QemuImgResult {
  const { words } = parse(call.argv, ['-f']);
  const [path = ''] = words;
  const image = open(call, path, { shared: true, write: false });
  if (image.format === 'raw')
    return { stdout: '', stderr: 'qemu-img: This image format does not support checks\n', exitCode: 63 };
  if (image.corrupt) return { stdout: '1 errors were found on the image.\n', stderr: '', exitCode: 2 };
  return ok('No errors were found on the image.\n');
}

/** What `-p` prints at the beginning and at the end: percents, with returns between. */
const progress = (flags: ReadonlySet<string>): string =>
  flags.has('-p') ? `${[0, 100].map((percent) => `    (${percent}.00/100%)\r`).join('')}\n` : '';

/** An image and those below it, by their absolute paths. */
function layersOf(call: Call, path: string): readonly { readonly path: string; readonly image: DiskImage }[] {
  const layers: { readonly path: string; readonly image: DiskImage }[] = [];
  for (let at: string | null = posix.resolve(call.cwd, path); at !== null;) {
    const image: DiskImage | null = call.host.files.imageAt(at);
    if (!image) break;
    layers.push({ path: at, image });
    at = image.backing === null ? null : posix.resolve(posix.dirname(at), image.backing.file);
  }
  return layers;
}

const contentOf = (layers: readonly { readonly image: DiskImage }[]): Content =>
  layers.map(({ image }) => image.content).reduceRight(overlay, nothing);

/** Where `-b` points to, from the folder of an image. */
function basePath(call: Call, path: string, base: string): string {
  return posix.resolve(posix.dirname(posix.resolve(call.cwd, path)), base);
}

/** How much of what an image grows by has room on its file system: 1 for all of it. */
function shareThatFits(
  host: QemuImgHost,
  { path, image }: { readonly path: string; readonly image: DiskImage },
  content: Content,
): number {
  const growth = image.format === 'raw' ? 0 : storedBytes([content]) - storedBytes([image.content]);
  return growth <= 0 ? 1 : Math.min(1, host.freeBytes(path) / growth);
}

/** Writes an overlay's data, with what lies between, into an image below it, and empties it where `-d` is not said. */
function commit(call: Call): QemuImgResult {
  const { flags, values, words } = parse(call.argv, ['-f', '-b', '-t', '-r']);
  const [path = ''] = words;
  const image = openChain(call, path, true);
  const [top, ...below] = layersOf(call, path);
  const wanted = values.get('-b');
  const base = wanted === undefined ? below[0] : below.find((layer) => layer.path === basePath(call, path, wanted));
  if (!top || !base) {
    throw new Failure(
      wanted === undefined
        ? 'Image does not have a backing file'
        : `Did not find '${wanted}' in the backing chain of '${path}'`,
    );
  }
  const merged = [top, ...below.slice(0, below.indexOf(base))];
  const virtualBytes = Math.max(base.image.virtualBytes, image.virtualBytes);
  const copied = contentOf(merged);
  const share = shareThatFits(call.host, base, overlay(base.image.content, copied));
  const content = overlay(base.image.content, firstBytes(copied, storedBytes([copied]) * share));
  call.host.files.putImage(base.path, { ...base.image, virtualBytes, content });
  if (share < 1) throw new Failure('Block job failed: No space left on device');
  // Into another than the one right below, it is never emptied.
  if (!flags.has('-d') && merged.length === 1) call.host.files.putImage(top.path, { ...image, content: nothing });
  return ok(`${progress(flags)}Image committed.\n`);
}

/** What is read through an image, or an internal snapshot in it, as an image of its own. */
function convert(call: Call): QemuImgResult {
  const { flags, values, words } = parse(call.argv, convertOptions);
  const [path = '', target] = words;
  if (target === undefined) throw new Failure('Must specify image file name');
  const image = openChain(call, path, false);
  const content = convertedContent(call, path, values.get('-l'));
  const format = values.get('-O') === 'qcow2' ? 'qcow2' : 'raw';
  const made = newImage({ format, virtualBytes: image.virtualBytes });
  const absolute = posix.resolve(call.cwd, target);
  const share = shareThatFits(call.host, { path: absolute, image: made }, content);
  const stored = firstBytes(content, storedBytes([content]) * share);
  call.host.files.putImage(absolute, { ...made, content: stored });
  if (share < 1) throw new Failure('error while writing: No space left on device');
  return ok(progress(flags));
}

/** What is read through two images. */
function compare(call: Call): QemuImgResult {
  const { flags, words } = parse(call.argv, ['-f', '-F', '-T']);
  const [first = '', second = ''] = words;
  if (!flags.has('-U')) for (const path of [first, second]) openChain(call, path, false);
  const contents = [first, second].map((path) => {
    open(call, path, { shared: true, write: false });
    return contentOf(layersOf(call, path));
  });
  const at = firstDifference(contents[0] ?? nothing, contents[1] ?? nothing);
  if (at === null) return ok('Images are identical.\n');
  return { stdout: `Content mismatch at offset ${at}!\n`, stderr: '', exitCode: 1 };
}

const convertOptions = ['-f', '-O', '-t', '-T', '-l'];

function convertedContent(call: Call, path: string, wanted: string | undefined): Content {
  const layers = layersOf(call, path);
  if (wanted === undefined) return contentOf(layers);
  const option = (name: string) =>
    new RegExp(`(?:^|,)snapshot\\.${name}=((?:[^,]|,,)*)`).exec(wanted)?.[1]?.replaceAll(',,', ',');
  const [id, name] = [option('id'), option('name')];
  const [top, ...below] = layers;
  const found = top?.image.snapshots.find(
    (each) => (id === undefined || each.id === id) && (name === undefined || each.name === name),
  );
  if (!found) throw new Failure(`Failed to load snapshot: Can't find snapshot`);
  return overlay(contentOf(below), found.content);
}

/** With `-u` only the name changes, and nothing is checked. */
function rebase(call: Call): QemuImgResult {
  const { flags, values, words } = parse(call.argv, ['-f', '-b', '-F', '-t', '-T']);
  const [path = ''] = words;
  const unsafe = flags.has('-u');
  const image = unsafe ? open(call, path, { shared: true, write: true }) : openChain(call, path, true);
  const backing = values.get('-b') ?? '';
  const absolute = posix.resolve(call.cwd, path);
  let { content } = image;
  if (!unsafe) {
    const base = backing === '' ? [] : layersOf(call, basePath(call, path, backing));
    if (backing !== '' && base.length === 0) {
      throw new Failure(
        `Could not open new backing file '${backing}': Could not open '${backing}': No such file or directory`,
      );
    }
    // What the old chain gave and the new one does not is taken into the image.
    const kept = new Set(base.map((layer) => layer.path));
    content = overlay(contentOf(layersOf(call, path).filter((layer) => !kept.has(layer.path))), content);
    if (shareThatFits(call.host, { path: absolute, image }, content) < 1) {
      throw new Failure('Error while writing to COW image: No space left on device');
    }
  }
  call.host.files.putImage(absolute, {
    ...image,
    content,
    backing: backing === '' ? null : { file: backing, format: values.get('-F') ?? null },
  });
  return ok(progress(flags));
}

/** How many bytes a command copies from image to image until it ends, and how many it is to copy: what it takes its time for. */
export function copying(
  host: QemuImgHost,
  argv: readonly string[],
  cwd: string,
): { readonly bytes: number; readonly ofBytes: number } {
  const [name = '', ...rest] = argv;
  if (name === 'convert') return copyingOf(host, rest, cwd);
  const { flags, values, words } = parse(rest, ['-f', '-b', '-F', '-t', '-T', '-r']);
  if ((name !== 'commit' && name !== 'rebase') || flags.has('-u')) return { bytes: 0, ofBytes: 0 };
  const call = { host, argv: rest, cwd };
  const [path = ''] = words;
  const layers = layersOf(call, path);
  const end = layers.findIndex((layer) => layer.path === basePath(call, path, values.get('-b') ?? ''));
  const copied = contentOf(layers.slice(name === 'commit' ? 0 : 1, end < 0 ? layers.length : end));
  const target = name === 'commit' ? layers[end] : layers[0];
  const share = target ? shareThatFits(host, target, overlay(target.image.content, copied)) : 1;
  const ofBytes = storedBytes([copied]);
  return { bytes: ofBytes * share, ofBytes };
}

function copyingOf(host: QemuImgHost, argv: readonly string[], cwd: string): ReturnType<typeof copying> {
  const { values, words } = parse(argv, convertOptions);
  const [path = '', target = ''] = words;
  const call = { host, argv, cwd };
  const [top] = layersOf(call, path);
  if (!top) return { bytes: 0, ofBytes: 0 };
  const content = convertedContent(call, path, values.get('-l'));
  const made = newImage({ virtualBytes: top.image.virtualBytes });
  const ofBytes = storedBytes([content]);
  return { bytes: ofBytes * shareThatFits(host, { path: posix.resolve(cwd, target), image: made }, content), ofBytes };
}

const commands: ReadonlyMap<string, (call: Call) => QemuImgResult> = new Map([
  ['info', info],
  ['snapshot', snapshot],
  ['create', create],
  ['check', check],
  ['commit', commit],
  ['rebase', rebase],
  ['convert', convert],
  ['compare', compare],
]);
