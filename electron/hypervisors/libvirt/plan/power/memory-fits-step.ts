/** A look whether the memory that libvirt saved for a VM still fits its disks, before the guest goes on from it. */
import type { Disk, ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { PlanStep } from '../../../../../shared/model/plan.ts';
import { chainFrom } from '../../../../../shared/rules/chains/chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import { libvirtAttribute } from '../merge/block-job-script.ts';
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

/** Of what `virsh save-image-dumpxml` prints: each disk that the guest can write to, its target and what it is on. libvirt writes an element a line. */
const disksOfSaved = String.raw`
BEGIN { SQ = sprintf("%c", 39) }
function value(name,  at, rest) {
  at = index($0, " " name "=" SQ)
  if (!at) return ""
  rest = substr($0, at + length(name) + 3)
  return substr(rest, 1, index(rest, SQ) - 1)
}
/^    <disk / { inside = 1; device = value("device"); source = ""; target = ""; written = 1 }
/^    <\/disk>/ { if (inside && written && source != "" && device != "cdrom" && device != "floppy") print target " " source; inside = 0 }
inside && /^      <source[ >]/ { source = value("file") value("dev") value("name"); if (value("pool") != "") source = value("pool") "/" value("volume") }
inside && /^      <target / { target = value("dev") }
inside && /^      <readonly\/>/ { written = 0 }
`.trim();

/**
 * A guest that goes on from memory knows what it had read of its disks, and writes on from there: on data of another time, or on other
 * images, that destroys its file systems. QEMU has closed the images before libvirt puts the last bytes into the file, so that no image
 * is newer (seen on 7.0, 9.0 and 11.3). Times are whole seconds. Where the file of a managed save cannot be looked at, as by a user who
 * is not root, the step says so and lets the start go on: it is what libvirt does by itself.
 */
const script = `
kind=$1 uri=$2 vm=$3 file=$4 program=$5 disks=$6
shift 6
export LC_ALL=C
refuse() { printf '%s\\n' "Nothing was changed: $*" >&2; exit 1; }
if [ "$kind" = file ]; then
  saved=$(virsh -c "$uri" save-image-dumpxml "--file=$file" 2>&1) || refuse "the memory in $file cannot be loaded: $(printf '%s\\n' "$saved" | tr '\\n' ' ')"
  printf '%s\\n' "$saved" | grep -qF "<uuid>$vm</uuid>" || refuse "$file holds the memory of another VM."
  named=$(printf '%s\\n' "$saved" | awk "$program" | sort)
  [ "$named" = "$(printf '%s\\n' "$disks" | sort)" ] || refuse "the guest in the memory of $file has other disks than the VM has now: $(printf '%s\\n' "$named" | tr '\\n' ' '). On these it would write into images that the VM does not use any more, or that hold the data of snapshots."
fi
saved=$(stat -L -c %Y -- "$file" 2>/dev/null) || {
  [ "$kind" = managed ] || refuse "$file cannot be looked at."
  printf '%s\\n' "When the memory was saved cannot be seen ($file), so whether the disks were written to since is not known."
  exit 0
}
for image in "$@"; do
  written=$(stat -L -c %Y -- "$image") || refuse "$image, which the guest in the memory reads, cannot be looked at."
  [ "$written" -le "$saved" ] || refuse "$image was written to after the memory was saved in $file. The guest in that memory knows its disks as they were then: going on from it would destroy its file systems. Start the VM from its disks, as after a power cut (discard memory that libvirt keeps first); or put the disks back to what they were."
done
`.trim();

/** Where libvirt keeps the memory of a managed save (qemuDomainManagedSavePath): in its own folder of the system's daemon (qemu_conf.c, saveDir). */
export function managedSaveFile({ name }: Pick<ReadableVm, 'name'>): string {
  return `/var/lib/libvirt/qemu/save/${name}.save`;
}

/** @param file in which the memory is; left out: where libvirt keeps it for the next start */
export function memoryFitsStep(context: LibvirtContext, file?: string): Omit<PlanStep, 'index'> {
  const { uri, vm } = context;
  const images = imagesOf(context);
  const disks = writableDisks(vm.disks).flatMap(({ target, source }) =>
    source === null ? [] : [`${target} ${libvirtAttribute(source)}`],
  );
  const whose =
    file === undefined
      ? ['managed', uri, vm.uuid, managedSaveFile(vm), '', '']
      : ['file', uri, vm.uuid, file, disksOfSaved, disks.join('\n')];
  return lookingStep({
    title: 'Check that the disks were not written to since the memory was saved',
    script,
    words: [...whose, ...images],
    reads: [...images],
    verify: [{ kind: 'vmState', oneOf: ['shutoff'] }],
  });
}
