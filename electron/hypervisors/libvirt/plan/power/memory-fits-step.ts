/** A look whether the memory that libvirt saved for a VM still fits its disks, before the guest goes on from it. */
import type { Disk, ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { PlanStep } from '../../../../../shared/model/plan.ts';
import { chainFrom } from '../../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import type { LibvirtContext } from '../plan-rules.ts';

/** Images that the saved memory names as disks to be written to, where those are others than the disks of the definition. */
export function savedMemoryDisks({ uses = [], disks }: ReadableVm): readonly Disk[] {
  return uses.flatMap(({ by, use, place, imageId }) => {
    const disk = disks.find(({ target }) => target === place);
    return by === 'savedMemory' && use === 'disk' && disk?.readOnly !== true
      ? [{ target: place, device: 'disk', imageId, source: imageId, format: null, readOnly: false, shareable: false }]
      : [];
  });
}

/** Every image that the guest in the memory reads, as far as those are files: of volumes nobody notes when they were written to. */
function imagesOf({ vm, images }: LibvirtContext): readonly string[] {
  const tops = [...writableDisks(vm.disks), ...savedMemoryDisks(vm)].flatMap(({ imageId }) => imageId ?? []);
  const all = tops.flatMap((id) => chainFrom(id, images).images.filter(({ kind }) => kind === 'file'));
  return [...new Set(all.map(({ id }) => id))];
}

/**
 * A guest that goes on from memory knows what it had read of its disks, and writes on from there: on data of another time that destroys
 * its file systems. QEMU has closed the images before libvirt puts the last bytes into the file, so that no image is newer (seen on
 * 7.0, 9.0 and 11.3). Times are whole seconds. Where the file of a managed save cannot be looked at, as by a user who is not root, the
 * step says so and lets the start go on: it is what libvirt does by itself.
 *
 * The folder is libvirt's own for the system's daemon (qemu_conf.c, saveDir).
 */
const memoryFitsScript = `
managed=$1 file=$2
shift 2
export LC_ALL=C
refuse() { printf '%s\\n' "Nothing was changed: $*" >&2; exit 1; }
saved=$(stat -L -c %Y -- "$file" 2>/dev/null) || {
  [ "$managed" = managed ] || refuse "$file is not there, or cannot be looked at."
  printf '%s\\n' "When the memory was saved cannot be seen ($file), so whether the disks were written to since is not known."
  exit 0
}
for image do
  written=$(stat -L -c %Y -- "$image") || refuse "$image, which the guest in the memory reads, cannot be looked at."
  [ "$written" -le "$saved" ] || refuse "$image was written to after the memory was saved in $file. The guest in that memory knows its disks as they were then: going on from it would destroy its file systems. Discard the memory and start the VM from its disks, as after a power cut; or put the disks back to what they were."
done
`.trim();

/** Where libvirt keeps the memory of a managed save (qemuDomainManagedSavePath), for the system's daemon. */
function managedSaveFile({ name }: Pick<ReadableVm, 'name'>): string {
  return `/var/lib/libvirt/qemu/save/${name}.save`;
}

export function memoryFitsStep(context: LibvirtContext): Omit<PlanStep, 'index'> {
  const { vm } = context;
  const images = imagesOf(context);
  return lookingStep({
    title: 'Check that the disks were not written to since the memory was saved',
    script: memoryFitsScript,
    words: ['managed', managedSaveFile(vm), ...images],
    reads: [...images],
    verify: [{ kind: 'vmState', oneOf: ['shutoff'] }],
  });
}
