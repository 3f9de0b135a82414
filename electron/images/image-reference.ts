/** What the references mean that images and VM definitions use for other images. */
import { z } from 'zod';

export type ImageReference =
  { readonly kind: 'path'; readonly path: string } | { readonly kind: 'network' } | { readonly kind: 'unresolved' };

const unresolved: ImageReference = { kind: 'unresolved' };

const networkProtocols = new Set(
  'nbd rbd iscsi iser http https ftp ftps tftp gluster ssh sheepdog nfs vxhs vitastor libssh'.split(' '),
);
/** Drivers whose `filename` is a path on the host. */
const fileDrivers = new Set(['file', 'host_device', 'host_cdrom']);

/** Drivers that pass on what the node below holds. */
const filterDrivers = new Set(['throttle', 'copy-on-read', 'compress', 'preallocate']);
const maximumDepth = 8;

/** Members of a block node that name nodes besides `file`, from which data comes as well (QEMU, qapi/block-core.json). */
const otherNodes = new Set('backing data-file children image raw test source target bottom'.split(' '));

const objectSchema = z.record(z.string(), z.unknown());

/**
 * The meaning of `reference` as QEMU reads it (block.c, `path_has_protocol`: a colon before the first slash makes it a
 * protocol name).
 *
 * @param folder absolute path of the folder that a relative path counts from; null where there is none
 */
export function parseImageReference(reference: string, folder: string | null): ImageReference {
  if (reference.startsWith('json:')) return parseNode(jsonNode(reference), 0);
  if (reference.startsWith('file:')) return plainPath(reference.slice('file:'.length).replace(/^\/\/(?=\/)/, ''), null);
  const protocol = /^([^/:]*):/.exec(reference)?.[1];
  if (protocol !== undefined) {
    return networkProtocols.has(protocol.split('+')[0] ?? '') ? { kind: 'network' } : unresolved;
  }
  return plainPath(reference, folder);
}

/** Members of a block node whose values are words of QEMU and never names of files (QEMU, qapi/block-core.json). */
const wordMembers = new Set('driver node-name offset size discard detect-zeroes aio locking read-pattern'.split(' '));

/**
 * The paths that a reference which is not understood can be about: QEMU finds files nowhere but in its words. Null where it may
 * be about any, as with a relative name that counts from the folder in which the emulator happens to run, or with a colon that may
 * be part of a name.
 */
export function pathsInReference(reference: string): readonly string[] | null {
  const names = reference.startsWith('json:') ? namesIn(jsonNode(reference)) : namesBehindProtocol(reference);
  return names.length > 0 && names.every((name) => name.startsWith('/')) ? names : null;
}

function namesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    typeof member === 'string' && wordMembers.has(key.slice(key.lastIndexOf('.') + 1)) ? [] : namesIn(member),
  );
}

/** Of `PROTOCOL:NAME`, and of `PROTOCOL:[CONFIGURATION]:NAME` as blkdebug has it. */
function namesBehindProtocol(reference: string): readonly string[] {
  const [, ...words] = reference.split(':');
  if (words.length > 2 || words.at(-1) === '') return [];
  return words.length === 2 && words[0] === '' ? words.slice(1) : words;
}

function plainPath(path: string, folder: string | null): ImageReference {
  if (path === '' || path.includes('\0')) return unresolved;
  if (path.startsWith('/')) return { kind: 'path', path };
  return folder === null ? unresolved : { kind: 'path', path: folder === '/' ? `/${path}` : `${folder}/${path}` };
}

/**
 * The format in which a reference itself says that the image is to be used; null where it says none, so that what is recorded
 * beside it counts, or QEMU guesses. What is recorded beside it wins (seen on QEMU 5.2, 7.2 and 10.0). A node of a protocol is
 * used as the bytes that are there: raw.
 */
export function formatInReference(reference: string): string | null {
  const node = jsonNode(reference);
  return node ? formatOf(node, 0) : null;
}

function formatOf(node: Node, depth: number): string | null {
  const driver = node['driver'];
  if (typeof driver !== 'string' || depth > maximumDepth) return null;
  if (fileDrivers.has(driver) || networkProtocols.has(driver)) return 'raw';
  if (driver !== 'raw' && !filterDrivers.has(driver)) return driver;
  const file = nodeIn(node['file']);
  // Below these a node without a driver is a plain file.
  return file && typeof file['driver'] === 'string' ? formatOf(file, depth + 1) : 'raw';
}

/** The drivers that a `json:` reference names, from its top down through what each calls its `file`; none for any other. */
export function driversInReference(reference: string): readonly string[] {
  const drivers: string[] = [];
  for (
    let node = jsonNode(reference), depth = 0;
    node && depth <= maximumDepth;
    node = nodeIn(node['file']), depth += 1
  ) {
    if (typeof node['driver'] === 'string') drivers.push(node['driver']);
  }
  return drivers;
}

type Node = Readonly<Record<string, unknown>>;

function jsonNode(reference: string): Node | null {
  if (!reference.startsWith('json:')) return null;
  try {
    return nodeIn(JSON.parse(reference.slice('json:'.length)));
  } catch {
    return null;
  }
}

/** An object with members such as `file.driver` as the members of `file` (QEMU, qdict_array_split and its kin). */
function nodeIn(value: unknown): Node | null {
  const given = objectSchema.safeParse(value).data;
  if (!given) return null;
  const node: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(given)) {
    const dot = key.indexOf('.');
    if (dot < 0) {
      const known = objectSchema.safeParse(node[key]).data;
      const added = objectSchema.safeParse(member).data;
      node[key] = known && added ? { ...known, ...added } : member;
      continue;
    }
    const [name, rest] = [key.slice(0, dot), key.slice(dot + 1)];
    const known = objectSchema.safeParse(node[name]).data;
    node[name] = { ...known, [rest]: member };
  }
  return node;
}

/** A block node: the file is in `filename`, or in the node `file` (or a filter's `file`) below. */
function parseNode(node: Node | null, depth: number): ImageReference {
  if (!node || depth > maximumDepth) return unresolved;
  const driver = node['driver'];
  if (typeof driver === 'string' && networkProtocols.has(driver)) return { kind: 'network' };
  // An image beside the one in `file`, e.g. another backing image than the one recorded in that: data would come from both.
  if (Object.keys(node).some((key) => node[key] !== null && otherNodes.has(key))) return unresolved;
  if (node['file'] !== undefined) {
    const file = nodeIn(node['file']);
    return isFormatWithin(driver, file) ? unresolved : parseNode(file, depth + 1);
  }
  const filename = node['filename'];
  if (typeof filename !== 'string') return unresolved;
  if (typeof driver === 'string' && !fileDrivers.has(driver)) return unresolved;
  // A relative name in a json: reference counts from the folder in which the emulator happens to run.
  return driver === undefined ? parseImageReference(filename, null) : plainPath(filename, null);
}

/**
 * Whether an image of a format lies somewhere within a file, behind its beginning or inside another image: on what it hangs is
 * then not what the file begins with.
 */
function isFormatWithin(driver: unknown, file: Node | null): boolean {
  if (!file || driver === 'raw' || (typeof driver === 'string' && filterDrivers.has(driver))) return false;
  for (let below: Node | null = file, depth = 0; below && depth <= maximumDepth; depth += 1) {
    const { driver: lower, offset } = below;
    if (offset !== undefined && offset !== 0 && offset !== '0') return true;
    if (lower === undefined || (typeof lower === 'string' && (fileDrivers.has(lower) || networkProtocols.has(lower)))) {
      return false;
    }
    if (lower !== 'raw' && !(typeof lower === 'string' && filterDrivers.has(lower))) return true;
    below = nodeIn(below['file']);
  }
  return false;
}
