/** Files that VMs name in ways that nobody knows, and that this account may not read: each may be an image. Pure. */
import type { UnknownDependents } from '../../../../shared/model/inventory.ts';
import type { AssembleContext } from './assemble.ts';
import type { FileClaim } from './definitions/file-claims.ts';
import type { FileUse } from './definitions/named-files.ts';
import type { VmRecords } from './vm-records.ts';

/**
 * Uses that can be a disk as well as anything else: QEMU opens `-drive file=…` of an argument like any other. All others say
 * what they are (`plainFile`: of an argument too), or are examined as images anyway.
 */
const strangeUses: ReadonlySet<FileUse> = new Set(['argument', 'other']);

/** Absolute paths that a VM names for something that is not known. */
export function strangePaths(vm: Pick<VmRecords, 'files'>): readonly string[] {
  return strangeClaims(vm).map(({ path }) => path);
}

/**
 * What may hang on any image, since nobody could look: a file (or block device) that a VM names in an argument to its emulator or
 * in an element that is not known, and that this account may not read or not even see. What stands in `<metadata>` is
 * written by other programs for themselves, and libvirt does nothing with it.
 */
export function sealedDoubts(
  vms: Iterable<Pick<VmRecords, 'files'> & { readonly domain: Pick<VmRecords['domain'], 'name'> }>,
  context: Pick<AssembleContext, 'imageIdOf' | 'whatIsAt'>,
): UnknownDependents[] {
  const doubts = new Map<string, UnknownDependents>();
  for (const vm of vms) {
    for (const { path, place, source } of strangeClaims(vm)) {
      const there = context.whatIsAt(path);
      if ((there !== 'sealed' && there !== 'hidden') || context.imageIdOf(source) !== null) continue;
      const isMetadata = place.split('/')[0] === 'metadata';
      const known = doubts.get(path);
      if (known && (known.likelihood === undefined || isMetadata)) continue;
      const where = there === 'sealed' ? 'this account may not read it' : 'this account may not look where it lies';
      doubts.set(path, {
        what: path,
        subject: { kind: 'source', reference: path },
        reason: `The VM ${vm.domain.name} names it (${place}), and ${where}, so whether it is an image, and of what, is not known.`,
        imageIds: null,
        remedy: `Let this account read ${path} (as root: setfacl -m u:ACCOUNT:r, and x for the folders above), or take it out of the definition.`,
        ...(isMetadata && { likelihood: 'remote' as const }),
      });
    }
  }
  return [...doubts.values()];
}

function strangeClaims({
  files,
}: Pick<VmRecords, 'files'>): readonly (Pick<FileClaim, 'place' | 'source'> & { readonly path: string })[] {
  return files.flatMap(({ use, place, source }) =>
    strangeUses.has(use) && source.kind === 'image' && source.reference.startsWith('/')
      ? [{ path: source.reference, place, source }]
      : [],
  );
}
