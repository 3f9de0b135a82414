/** The scripts that make the images of a new VM, and remove them again where it does not come to be. */
import { claim, identity } from '../new-file-script.ts';
import { watchedQemuImg } from '../merge/image-script.ts';

/**
 * What several disks hold is of one moment only where none of them was written to since the first of them was copied, as by a VM that
 * was started and shut off again. Of a volume the time of the last change says nothing.
 */
export const unwritten = `
timesOf() { for source in "$@"; do [ ! -f "$source" ] || TZ=UTC0 stat -L -c '%n %d:%i %s %y' -- "$source" || return 1; done; }
keepTimes() { [ -z "$folder" ] || [ -e "\${folder%/*}/sources" ] || timesOf "$@" >"\${folder%/*}/sources" || exit 1; }
unwritten() { [ -z "$folder" ] || [ ! -e "\${folder%/*}/sources" ] || [ "$(timesOf "$@")" = "$(cat "\${folder%/*}/sources")" ]; }
`.trim();

const overlayScript = `
${claim}
claim "$1"
qemu-img create -q -f qcow2 -F "$2" -b "$3" -- "$1" || exit 1
give "$1" "$3"
`.trim();

/** @param format of the data that the new overlay hangs on */
export function overlayArgv(path: string, format: string, dataId: string): string[] {
  return ['sh', '-c', overlayScript, 'snaptree-clone', path, format, dataId];
}

/**
 * What is written to the copy is on storage when qemu-img has ended: by itself it leaves that to the system
 * (qemu-img(1): `-t`, “unsafe” for convert).
 */
const copyScript = `
${claim}
${unwritten}
total=$1 path=$2 data=$3 format=$4 option=$5
shift 5
keepTimes "$@"
claim "$path"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
set --
[ -z "$option" ] || set -- -l "$option"
set -- convert -p -t writeback -f "$format" "$@" -O qcow2 -- "$data" "$path"
${watchedQemuImg}
[ -e "$work/ended-0" ] || fail "$data could not be copied to the end. It is as it was."
give "$path" "$data"
`.trim();

export interface ImageCopy {
  readonly path: string;
  readonly dataId: string;
  readonly format: string;
  /** The internal snapshot to copy; null: what is read through the image. */
  readonly internal: { readonly id: string; readonly name: string } | null;
  /** What is to be copied at most: what progress is told of. */
  readonly bytes: number;
  /** The images that must not be written to until all of the disks are copied. */
  readonly sources: readonly string[];
}

export function copyArgv({ path, dataId, format, internal, bytes, sources }: ImageCopy): string[] {
  // By both, so that it is that one and no other; in such a list a comma is written twice.
  const option = internal && `snapshot.id=${internal.id},snapshot.name=${internal.name.replaceAll(',', ',,')}`;
  return [...['sh', '-c', copyScript, 'snaptree-clone', String(bytes), path, dataId, format, option ?? ''], ...sources];
}

/** The variables of a VM that never ran are not there yet: libvirt makes them from their template then, for the new one too. */
const storeScript = `
${claim}
[ -e "$2" ] || { printf '%s\\n' "There is nothing at $2 yet, so nothing is copied."; exit 0; }
claim "$1"
cat -- "$2" >"$1" || exit 1
sync -- "$1" 2>/dev/null || sync
give "$1" "$2"
`.trim();

export function copyStoreArgv(path: string, from: string): string[] {
  return ['sh', '-c', storeScript, 'snaptree-clone', path, from];
}

/** Only what a step before has made, and where no VM was defined with it. */
const removeScript = `
${identity}
uri=$1 vm=$2
shift 2
folder=\${SNAPTREE_STEP:-}
fail() { printf '%s\\n' "$*" >&2; exit 1; }
[ -n "$folder" ] || fail 'What was made is not known here. Nothing was removed.'
made=\${folder%/*}/made
[ -s "$made" ] || exit 0
# In one answer: an error about one VM may also mean that libvirt is just being restarted.
vms=$(LC_ALL=C virsh -c "$uri" list --all --uuid) || fail 'libvirt does not answer, so whether the new VM was defined is not known. Nothing was removed.'
if printf '%s\\n' "$vms" | grep -Fxq -- "$vm"; then fail 'The new VM is defined, so its images were not removed.'; fi
for path in "$@"; do
  [ -f "$path" ] && [ ! -L "$path" ] || continue
  grep -Fxq -- "$(stat -c "$identity" -- "$path")" "$made" || continue
  rm -f -- "$path" || fail "$path could not be removed."
done
`.trim();

export function removeArgv(uri: string, newVmUuid: string, paths: readonly string[]): string[] {
  return ['sh', '-c', removeScript, 'snaptree-clone', uri, newVmUuid, ...paths];
}
