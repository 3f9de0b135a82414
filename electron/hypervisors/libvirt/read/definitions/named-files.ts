/**
 * Every file and volume that a libvirt definition or snapshot record names, whatever the element. Pure.
 *
 * What is known by name says what it is used for. What is not known by name counts too: any attribute or text that is an
 * absolute path is named by somebody. Source of the elements: libvirt, docs/formatdomain.rst and docs/formatsnapshot.rst.
 */
import { formatOfDisk, sourceOf, type DiskSource } from './domain-xml.ts';
import { isPlainFile, optionsBefore, pathsInArgument } from './emulator-arguments.ts';
import { attribute, child, type XmlElement } from './xml.ts';

export type FileUse =
  /** What the guest sees as a disk, the backing images below it, and where the data of a qcow2 image lies. */
  | 'disk'
  | 'backing'
  | 'dataFile'
  /** What a block job copies a disk to, or commits it into. */
  | 'mirror'
  /** The image that an external snapshot made for what came after it. */
  | 'overlay'
  /** Saved memory of the guest, and memory that is kept in a file. */
  | 'savedMemory'
  | 'memory'
  | 'loader'
  | 'nvram'
  | 'nvramTemplate'
  | 'kernel'
  | 'initrd'
  | 'deviceTree'
  | 'acpiTable'
  | 'rom'
  | 'emulator'
  | 'tpm'
  | 'filesystem'
  | 'hostDevice'
  | 'characterDevice'
  /** A socket that another program offers, and to which QEMU or libvirt connects. */
  | 'socket'
  | 'log'
  | 'pstore'
  /** In an argument to the emulator, and certain to be opened for something else than a disk. */
  | 'plainFile'
  /** Somewhere else in an argument that is handed to the emulator as it is. */
  | 'argument'
  | 'other';

export interface NamedFile {
  readonly use: FileUse;
  readonly source: Exclude<DiskSource, { kind: 'empty' }>;
  /** The disk's target, or the elements that lead to it: `os/kernel`, `devices/tpm/backend`. */
  readonly place: string;
  /** The format in which it is used; null where that is not said. */
  readonly format: string | null;
}

/** Uses that may hold a disk's data, so that what they name is examined as an image. */
export const imageUses: ReadonlySet<FileUse> = new Set(['disk', 'backing', 'dataFile', 'mirror', 'overlay']);

/** What is written for people or programs beside libvirt, or what is a path inside the guest or in another space of names. */
const withoutPaths = new Set('title description cmdline initarg init initdir partition idmap alias'.split(' '));

/** By the elements that lead there, from the domain on; the longest that fits counts. */
const usesByPlace: readonly (readonly [place: string, use: FileUse])[] = [
  ['os/loader', 'loader'],
  ['os/nvram', 'nvram'],
  ['os/varstore', 'nvram'],
  ['os/kernel', 'kernel'],
  ['os/initrd', 'initrd'],
  ['os/shim', 'kernel'],
  ['os/dtb', 'deviceTree'],
  ['os/acpi', 'acpiTable'],
  ['devices/emulator', 'emulator'],
  ['devices/tpm', 'tpm'],
  ['devices/filesystem/binary', 'emulator'],
  ['devices/filesystem', 'filesystem'],
  ['devices/hostdev', 'hostDevice'],
  ['devices/input', 'hostDevice'],
  ['devices/memory', 'memory'],
  ['devices/shmem', 'memory'],
  ['devices/pstore', 'pstore'],
  ['devices/serial', 'characterDevice'],
  ['devices/parallel', 'characterDevice'],
  ['devices/console', 'characterDevice'],
  ['devices/channel', 'characterDevice'],
  ['devices/smartcard', 'characterDevice'],
  ['devices/redirdev', 'characterDevice'],
  ['devices/rng', 'characterDevice'],
  ['devices/interface', 'characterDevice'],
  ['devices/graphics', 'characterDevice'],
  ['commandline', 'argument'],
];

const usesInDisk: ReadonlyMap<string, FileUse> = new Map([
  ['backingStore', 'backing'],
  ['mirror', 'mirror'],
  ['dataStore', 'dataFile'],
]);

/** What a `<domain>` or `<inactiveDomain>` names, in the order in which it stands there. */
export function namedFiles(domain: XmlElement): readonly NamedFile[] {
  const found: NamedFile[] = [];
  visit(domain, [], found);
  return found;
}

/** What a snapshot's record names besides the definitions in it: its overlays and its memory. */
export function namedFilesOfRecord(record: XmlElement): readonly NamedFile[] {
  const found: NamedFile[] = [];
  for (const element of record.children) {
    if (element.name === 'memory') {
      const file = attribute(element, 'file');
      if (file?.startsWith('/')) found.push(namedPath(file, 'savedMemory', 'memory'));
    } else if (element.name === 'disks') {
      for (const disk of element.children) visitDisk(disk, 'overlay', attribute(disk, 'name') ?? 'disks', found);
    } else if (element.name === 'revertDisks') {
      for (const disk of element.children) visitDisk(disk, 'overlay', attribute(disk, 'name') ?? 'revertDisks', found);
    } else if (!['domain', 'inactiveDomain', 'name', 'parent'].includes(element.name)) {
      visit(element, [element.name], found);
    }
  }
  return found;
}

/** One name for what a source names, the same for all that name it in the same words. */
export function sourceKey(source: NamedFile['source']): string {
  return source.kind === 'volume' ? `volume ${source.pool}/${source.volume}` : `${source.kind} ${source.reference}`;
}

/** @param option of the emulator, before the argument that `element` is */
function visit(element: XmlElement, place: readonly string[], found: NamedFile[], option: string | null = null): void {
  if (withoutPaths.has(element.name)) return;
  if (place.join('/') === 'devices/disk') {
    visitDisk(element, 'disk', attribute(child(element, 'target'), 'dev') ?? 'disk', found);
    return;
  }
  addPaths(element, place, found, option);
  addHostDevice(element, place, found);
  const options = place.join('/') === 'commandline' ? optionsOf(element) : null;
  for (const each of element.children) {
    const name = localName(each);
    // Where a shared folder is to be seen in the guest is no path of the host.
    if (name === 'target' && place.at(-1) === 'filesystem') continue;
    visit(each, [...place, name], found, options?.get(each));
  }
}

function localName({ name }: XmlElement): string {
  return name.slice(name.indexOf(':') + 1);
}

/** The option before each argument in a `<qemu:commandline>`. */
function optionsOf(commandLine: XmlElement): ReadonlyMap<XmlElement, string | null> {
  const elements = commandLine.children.filter((each) => localName(each) === 'arg');
  const options = optionsBefore(elements.map((each) => attribute(each, 'value') ?? ''));
  return new Map(elements.map((each, index) => [each, options[index] ?? null]));
}

function addPaths(
  element: XmlElement,
  place: readonly string[],
  found: NamedFile[],
  option: string | null = null,
): void {
  const use = useOf(place);
  const where = place.join('/');
  for (const [name, value] of element.attributes) {
    // A namespace is an address, and so is what libvirt calls a name within a protocol.
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
    const named = useOfAttribute(element, name, place, use);
    for (const path of pathsIn(value, use)) {
      const isPlain = named === 'argument' && isPlainFile(option, value, path);
      found.push(namedPath(path, isPlain ? 'plainFile' : named, where));
    }
  }
  for (const path of pathsIn(element.text.trim(), use)) found.push(namedPath(path, use, where));
  const pool = attribute(element, 'pool');
  const volume = attribute(element, 'volume');
  if (pool !== null && volume !== null) {
    found.push({ use, source: { kind: 'volume', pool, volume }, place: where, format: null });
  }
}

function useOfAttribute(element: XmlElement, name: string, place: readonly string[], use: FileUse): FileUse {
  if (name === 'template') return 'nvramTemplate';
  if (name === 'file' && place.at(-1) === 'rom') return 'rom';
  if (isOfAnotherProgram(element, name, place)) return 'socket';
  // A socket is no image: <graphics type='vnc' socket='…'/>, and of arguments -qmp unix:… and -chardev socket,path=….
  const isSocket = use === 'argument' && /^(unix:|socket,)/.test(attribute(element, name) ?? '');
  return name === 'socket' || isSocket ? 'characterDevice' : use;
}

/**
 * Whether an attribute names a socket that must be there before the VM starts: `<source mode='connect|client' path='…'/>` of
 * character devices, network cards, TPMs and reservations, `<source type='unix' path='…'/>` of a disk (vhostuser, which has no other
 * mode), `<host transport='unix' socket='…'/>` of one on the network, `<source socket='…'/>` of a shared folder, and
 * `<server path='…'/>` of shared memory. All others are made by QEMU (`bind`, `server`), or by libvirt.
 */
function isOfAnotherProgram(element: XmlElement, name: string, place: readonly string[]): boolean {
  if (name === 'socket') return element.name === 'host' || place.join('/') === 'devices/filesystem/source';
  if (name !== 'path') return false;
  const mode = attribute(element, 'mode');
  if (mode === null) return attribute(element, 'type') === 'unix' || place.join('/') === 'devices/shmem/server';
  return mode === 'connect' || mode === 'client';
}

/**
 * Devices of the host that are named by an address: where the kernel shows them. An USB device that is named by what it is
 * gets another address whenever it is plugged in, so that nothing can be told from the one it had.
 */
function addHostDevice(element: XmlElement, place: readonly string[], found: NamedFile[]): void {
  const where = place.join('/');
  const type = attribute(element, 'type');
  const isPassedThrough = where === 'devices/hostdev' || (where === 'devices/interface' && type === 'hostdev');
  const source = child(element, 'source');
  const address = child(source, 'address');
  if (!isPassedThrough || !address) return;
  const number = (name: string, digits: number, base: 10 | 16): string =>
    Number(attribute(address, name) ?? '0')
      .toString(base)
      .padStart(digits, '0');
  const add = (path: string) => found.push(namedPath(path, 'hostDevice', where));
  if (type === 'mdev') {
    const uuid = attribute(address, 'uuid');
    if (uuid !== null && /^[0-9a-f-]{36}$/i.test(uuid)) add(`/sys/bus/mdev/devices/${uuid}`);
  } else if (type === 'usb') {
    // `requisite` ones are left out when memory is loaded, `optional` ones always.
    const policy = attribute(source, 'startupPolicy') ?? 'mandatory';
    if (child(source, 'vendor') || policy !== 'mandatory') return;
    add(`/dev/bus/usb/${number('bus', 3, 10)}/${number('device', 3, 10)}`);
  } else if (type === 'pci' || attribute(address, 'type') === 'pci') {
    const slot = `${number('domain', 4, 16)}:${number('bus', 2, 16)}:${number('slot', 2, 16)}`;
    add(`/sys/bus/pci/devices/${slot}.${number('function', 1, 16)}`);
  }
}

function useOf(place: readonly string[]): FileUse {
  if (place[0] === 'devices' && place.at(-1) === 'log') return 'log';
  const where = `${place.join('/')}/`;
  return usesByPlace.find(([start]) => where.startsWith(`${start}/`))?.[1] ?? 'other';
}

/** Absolute paths in a value. */
function pathsIn(value: string, use: FileUse): readonly string[] {
  if (value.startsWith('/')) {
    // All of the host can be shared with a guest; elsewhere it is no file.
    if (value === '/') return use === 'filesystem' ? [value] : [];
    return use === 'argument' ? [...new Set([value, ...pathsInArgument(value)])] : [value];
  }
  if (value.startsWith('file:///')) return [value.slice('file://'.length)];
  return use === 'argument' ? pathsInArgument(value) : [];
}

function namedPath(path: string, use: FileUse, place: string): NamedFile {
  return { use, source: { kind: 'image', reference: path }, place, format: null };
}

/** A disk, a layer below it, or what it is copied to: an element with a `type`, a `<source>` and what says its format. */
function visitDisk(element: XmlElement, use: FileUse, target: string, found: NamedFile[]): void {
  const sourceElement = child(element, 'source');
  const format =
    use === 'disk' ? formatOfDisk(element) : attribute(child(element, use === 'overlay' ? 'driver' : 'format'), 'type');
  const source = sourceOf(attribute(element, 'type'), sourceElement);
  if (source.kind !== 'empty') found.push({ use, source, place: target, format });
  // As libvirt wrote it before 1.3 and still does for those who read no newer form: <mirror file='…' format='…'/>.
  const file = attribute(element, 'file');
  if (file?.startsWith('/') && source.kind === 'empty') {
    found.push({
      use,
      source: { kind: 'image', reference: file },
      place: target,
      format: attribute(element, 'format'),
    });
  }
  const known = source.kind === 'image' ? source.reference : null;
  addFurther(element, target, known, found);
}

function addFurther(element: XmlElement, target: string, known: string | null, found: NamedFile[]): void {
  for (const each of element.children) {
    const use = usesInDisk.get(each.name);
    if (use !== undefined) {
      visitDisk(each, use, target, found);
      continue;
    }
    const paths: NamedFile[] = [];
    addPaths(each, ['disk', each.name], paths);
    for (const path of paths) {
      if (path.source.kind !== 'image' || path.source.reference === known) continue;
      const isHelper = each.name === 'reservations' && path.use !== 'socket';
      found.push({ ...path, use: isHelper ? 'characterDevice' : path.use, place: target });
    }
    // What the source of a network disk holds besides names hosts and secrets, and sockets.
    addFurther(each, target, known, found);
  }
}
