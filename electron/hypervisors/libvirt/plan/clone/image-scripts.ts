/** The scripts that make the images of a new VM, and remove them again where it does not come to be. */
import { watchedQemuImg } from '../merge/image-script.ts';

/** What the first step of a clone finds on the host, it makes itself or leaves alone: `claim` makes an empty file where nothing was. */
const claim = `
fail() { printf '%s\\n' "$*" >&2; exit 1; }
folder=\${SNAPTREE_STEP:-}
umask 077
# Also where a link leads nowhere.
claim() {
  (set -C; true >"$1") 2>/dev/null || fail "There is something at $1 already, or it cannot be made there. It was left as it is."
  [ -z "$folder" ] || stat -c %d:%i -- "$1" >>"\${folder%/*}/made" || exit 1
}
# Whoever may read the old one may read the new one.
give() { chown --reference="$2" -- "$1" 2>/dev/null; chmod --reference="$2" -- "$1" 2>/dev/null; :; }
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
total=$1 path=$2 data=$3 format=$4
shift 4
claim "$path"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
set -- convert -p -t writeback -f "$format" "$@" -O qcow2 -- "$data" "$path"
${watchedQemuImg}
[ "$(cat "$work/exit")" -eq 0 ] || fail "$data could not be copied to the end. It is as it was."
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
}

export function copyArgv({ path, dataId, format, internal, bytes }: ImageCopy): string[] {
  // By both, so that it is that one and no other; in such a list a comma is written twice.
  const option = internal && `snapshot.id=${internal.id},snapshot.name=${internal.name.replaceAll(',', ',,')}`;
  return [
    ...['sh', '-c', copyScript, 'snaptree-clone', String(bytes), path, dataId, format],
    ...(option === null ? [] : ['-l', option]),
  ];
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
uri=$1 vm=$2
shift 2
folder=\${SNAPTREE_STEP:-}
fail() { printf '%s\\n' "$*" >&2; exit 1; }
[ -n "$folder" ] || fail 'What was made is not known here. Nothing was removed.'
made=\${folder%/*}/made
[ -s "$made" ] || exit 0
LC_ALL=C virsh -c "$uri" uri >/dev/null || fail 'libvirt does not answer, so whether the new VM was defined is not known. Nothing was removed.'
if LC_ALL=C virsh -c "$uri" domname "$vm" >/dev/null 2>&1; then fail 'The new VM is defined, so its images were not removed.'; fi
for path in "$@"; do
  [ -f "$path" ] && [ ! -L "$path" ] || continue
  grep -Fxq -- "$(stat -c %d:%i -- "$path")" "$made" || continue
  rm -f -- "$path" || fail "$path could not be removed."
done
`.trim();

export function removeArgv(uri: string, newVmUuid: string, paths: readonly string[]): string[] {
  return ['sh', '-c', removeScript, 'snaptree-clone', uri, newVmUuid, ...paths];
}
