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
  if (reference.startsWith('json:')) return parseJson(reference.slice('json:'.length));
  if (reference.startsWith('file:')) return plainPath(reference.slice('file:'.length).replace(/^\/\/(?=\/)/, ''), null);
  const protocol = /^([^/:]*):/.exec(reference)?.[1];
  if (protocol !== undefined) {
    return networkProtocols.has(protocol.split('+')[0] ?? '') ? { kind: 'network' } : unresolved;
  }
  return plainPath(reference, folder);
}

function plainPath(path: string, folder: string | null): ImageReference {
  if (path === '' || path.includes('\0')) return unresolved;
  if (path.startsWith('/')) return { kind: 'path', path };
  return folder === null ? unresolved : { kind: 'path', path: folder === '/' ? `/${path}` : `${folder}/${path}` };
}

function parseJson(text: string): ImageReference {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unresolved;
  }
  return parseNode(value, 0);
}

/** A block node: the file is in `filename`, or in the node `file` (or a filter's `file`) below, or in `file.filename`. */
function parseNode(value: unknown, depth: number): ImageReference {
  const node = objectSchema.safeParse(value).data;
  if (!node || depth > 8) return unresolved;
  // An image beside the one in `file`, e.g. another backing image than the one recorded in that: data would come from both.
  if (Object.keys(node).some((key) => node[key] !== null && otherNodes.has(key.split('.')[0] ?? ''))) return unresolved;
  const driver = node['driver'];
  if (typeof driver === 'string' && networkProtocols.has(driver)) return { kind: 'network' };
  if (node['file'] !== undefined) return parseNode(node['file'], depth + 1);
  if (typeof node['file.filename'] === 'string') {
    return parseNode({ driver: node['file.driver'], filename: node['file.filename'] }, depth + 1);
  }
  if (typeof node['file.driver'] === 'string') return parseNode({ driver: node['file.driver'] }, depth + 1);
  const filename = node['filename'];
  if (typeof filename !== 'string') return unresolved;
  if (typeof driver === 'string' && !fileDrivers.has(driver)) return unresolved;
  // A relative name in a json: reference counts from the folder in which the emulator happens to run.
  return driver === undefined ? parseImageReference(filename, null) : plainPath(filename, null);
}
