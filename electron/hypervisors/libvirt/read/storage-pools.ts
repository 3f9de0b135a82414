/** Storage pools of libvirt as folders to look through: an overlay that no VM names depends on its backing image all the same. */
import type { UnknownDependents } from '../../../../shared/model/inventory.ts';
import { uuidsIn, virshError, type HostAnswers } from './host-answers.ts';
import { attribute, child, childText, parseXml, XmlError } from './definitions/xml.ts';

export interface StoragePools {
  /** Absolute paths. Pools that are not started count too: what lies in their folder may depend on an image all the same. */
  readonly folders: readonly string[];
  /** Of every pool that is known, started or not. */
  readonly names: ReadonlySet<string>;
  readonly unknown: readonly UnknownDependents[];
}

/** Pools whose target is a folder with a file for each volume; those of the others hold block devices or network images. */
const typesWithFolder: readonly (string | null)[] = ['dir', 'fs', 'netfs', 'gluster', 'vstorage'];

/** What `pool-list` and `pool-dumpxml` said, as folders, and as what may depend on images and is not known. */
export function storagePools({ poolList, pools }: Pick<HostAnswers, 'poolList' | 'pools'>): StoragePools {
  const error = poolList.startsWith('error: ') ? virshError(poolList) : null;
  const folders: string[] = [];
  const names = new Set<string>();
  const unknown: UnknownDependents[] = [];
  // Without the storage driver there are no pools: nothing can lie in them.
  if (error !== null && !/no connection driver|not supported by the connection driver/i.test(error)) {
    unknown.push({ what: 'Storage pools', reason: `libvirt did not list them: ${error}.`, imageIds: null });
  }
  for (const uuid of uuidsIn(poolList)) {
    const body = pools.get(uuid) ?? '';
    const poolError = virshError(body);
    if (poolError !== null) {
      // Removed since it was listed.
      if (/Storage pool not found|no storage pool with matching/i.test(poolError)) continue;
      unknown.push({
        what: `Storage pool ${uuid}`,
        reason: `libvirt did not describe it: ${poolError}.`,
        imageIds: null,
      });
      continue;
    }
    try {
      const pool = parseXml(body);
      const path = childText(child(pool, 'target'), 'path');
      if (typesWithFolder.includes(attribute(pool, 'type')) && path?.startsWith('/')) folders.push(path);
      names.add(childText(pool, 'name') ?? '');
    } catch (thrown) {
      if (!(thrown instanceof XmlError)) throw thrown;
      const reason = `Its definition cannot be read: ${thrown.message}.`;
      unknown.push({ what: `Storage pool ${uuid}`, reason, imageIds: null });
    }
  }
  return { folders: [...new Set(folders)].sort(), names, unknown };
}
