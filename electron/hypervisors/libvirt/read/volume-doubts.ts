/** Volumes of which libvirt did not give the path: what they may be, and on what they may depend. Pure. */
import type { UnknownDependents } from '../../../../shared/model/inventory.ts';
import { shellLine } from '../../../../shared/rules/text/shell-words.ts';
import type { AssembleContext } from './assemble.ts';
import type { HostState } from './host-state.ts';
import { imageUses } from './definitions/named-files.ts';
import type { VmRecords } from './vm-records.ts';

/**
 * What is not known of volumes that definitions and records name.
 *
 * A pool that is defined and not started: what lies in it was perhaps never looked at, and starting it settles that. A pool
 * that libvirt does not know any more: the VM cannot start as it is, so nothing writes to the volume; it may be any image
 * called so, and else nothing says where it is or on what it hangs.
 */
export function volumeDoubts(
  vms: Iterable<Pick<VmRecords, 'files'> & { readonly domain: Pick<VmRecords['domain'], 'name'> }>,
  { pools }: { readonly pools: Pick<HostState['pools'], 'names' | 'unknown'> },
  context: Pick<AssembleContext, 'images' | 'imageIdOf'>,
): UnknownDependents[] {
  const doubts = new Map<string, UnknownDependents>();
  for (const { domain, files } of vms) {
    for (const { use, source } of files) {
      if (source.kind !== 'volume' || !imageUses.has(use) || context.imageIdOf(source) !== null) continue;
      const what = `${source.pool}/${source.volume}`;
      const subject = { kind: 'source', reference: what } as const;
      const user = `The VM ${domain.name} names the volume “${source.volume}” of the pool “${source.pool}”`;
      // Where not all pools are known, this one may be one of them.
      if (pools.names.has(source.pool) || pools.unknown.length > 0) {
        doubts.set(what, {
          what,
          subject,
          reason: `${user}, whose path libvirt did not give, so which image that is could not be found out.`,
          imageIds: null,
          remedy: `Start the pool (${shellLine(['virsh', 'pool-start', `--pool=${source.pool}`])}), refresh it, or take the volume out of the VM's definition.`,
        });
        continue;
      }
      const remedy = `Define the pool “${source.pool}” again (virsh pool-define), or take the volume out of the definition of ${domain.name}.`;
      const reason = `${user}, and libvirt knows no such pool.`;
      const sameName = [...context.images.keys()].filter((id) => id.endsWith(`/${source.volume}`));
      doubts.set(`${what} remote`, { what, reason, subject, imageIds: null, remedy, likelihood: 'remote' });
      if (sameName.length > 0) {
        doubts.set(what, {
          what,
          reason: `${reason} It may be an image of that name.`,
          subject,
          imageIds: sameName,
          remedy,
        });
      }
    }
  }
  return [...doubts.values()];
}
