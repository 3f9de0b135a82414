/** The script that lets records of snapshots and the definition of a VM name other images, without touching anything else in them. */
import { patientVirsh } from './patient-virsh.ts';
import { libvirtAttribute } from './block-job-script.ts';

/** An image that takes the place of another. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
  readonly format: string;
  /** Whether it is a block device: libvirt names those otherwise. */
  readonly isBlock: boolean;
}

export interface Edit {
  readonly uri: string;
  readonly vmUuid: string;
  readonly replacements: readonly Replacement[];
  /** The snapshots whose records are looked through. */
  readonly snapshotNames: readonly string[];
  /** Whether the definition of the next start is looked through as well; \`shutOff\`: only where the VM is shut off. */
  readonly definition: 'no' | 'yes' | 'shutOff';
}

export function editArgv({ uri, vmUuid, replacements, snapshotNames, definition }: Edit): string[] {
  const words = replacements.flatMap(({ from, to, format, isBlock }) => [
    libvirtAttribute(from),
    libvirtAttribute(to),
    libvirtAttribute(format),
    isBlock ? 'block' : 'file',
  ]);
  return [
    'sh',
    '-c',
    script,
    'snaptree-records',
    uri,
    vmUuid,
    definition,
    String(replacements.length),
    ...words,
    ...snapshotNames,
  ];
}

/**
 * Of each \`<disk>\` that names a replaced image: its own source becomes the other image, in the format of that, and what is said of the
 * chain below is left out, so that libvirt reads it from the images. libvirt writes one element a line.
 */
const awkOfReplacement = `
BEGIN {
  n = ARGV[4]
  for (i = 1; i <= n; i++) { from[i] = ARGV[4 * i + 1]; to[i] = ARGV[4 * i + 2]; format[i] = ARGV[4 * i + 3]; kind[i] = ARGV[4 * i + 4] }
  ARGC = 1
}
function named(line, i) {
  for (i = 1; i <= n; i++) if (index(line, "=\\047" from[i] "\\047")) return i
  return 0
}
function flush(i, depth, own, line, at) {
  if (!touched) { for (i = 1; i <= lines; i++) print text[i]; return }
  own = 0
  depth = 0
  for (i = 1; i <= lines; i++) {
    if (text[i] ~ /<backingStore[ >]/ && text[i] !~ /\\/> *$/) depth++
    else if (text[i] ~ /<\\/backingStore>/) depth--
    else if (depth == 0 && text[i] ~ /^ *<source /) own = named(text[i])
  }
  depth = 0
  for (i = 1; i <= lines; i++) {
    line = text[i]
    if (line ~ /<backingStore *\\/>/) continue
    if (line ~ /<backingStore[ >]/) { depth++; continue }
    if (line ~ /<\\/backingStore>/) { depth--; continue }
    if (depth > 0) continue
    if (own && i == 1) sub(/ type=\\047[a-z]*\\047/, " type=\\047" kind[own] "\\047", line)
    if (own && line ~ /^ *<driver /) sub(/ type=\\047[a-z0-9]*\\047/, " type=\\047" format[own] "\\047", line)
    if (own && line ~ /^ *<source /) {
      at = index(line, "=\\047" from[own] "\\047")
      line = substr(line, 1, at - 1) "=\\047" to[own] substr(line, at + 2 + length(from[own]))
      sub(/ (file|dev)=/, kind[own] == "block" ? " dev=" : " file=", line)
    }
    print line
  }
}
/^ *<disk [^>]*[^\\/]>/ || /^ *<disk>/ { inDisk = 1; lines = 0; touched = 0 }
!inDisk { print; next }
{ text[++lines] = $0; if (named($0)) touched = 1 }
/<\\/disk>/ { flush(); inDisk = 0 }`;

/**
 * Run again it finds nothing to change. With \`--security-info\` as everywhere where a record is written back: otherwise passwords in it
 * would be gone. In a folder that only this user can read.
 */
const script = `
uri=$1 vm=$2 definition=$3 skipped=$((4 + $4 * 4))
umask 077
fail() { printf '%s\\n' "$*" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${patientVirsh}
program='${awkOfReplacement.trim()}'
index=0
for name in "$@"; do
  index=$((index + 1))
  [ "$index" -gt "$skipped" ] || continue
  ask snapshot-dumpxml --security-info "--domain=$vm" "--snapshotname=$name" >"$work/before" || fail "The record of a snapshot could not be read: $name"
  awk "$program" "$@" <"$work/before" >"$work/after" || fail "The record of a snapshot could not be changed: $name"
  cmp -s "$work/before" "$work/after" && continue
  redefine "$work/after" "$name" || fail "The record of a snapshot could not be written: $name"
done
[ "$definition" != no ] || exit 0
ask dumpxml --inactive --security-info "--domain=$vm" >"$work/before" || fail 'The definition of the VM could not be read.'
awk "$program" "$@" <"$work/before" >"$work/after" || fail 'The definition of the VM could not be changed.'
cmp -s "$work/before" "$work/after" && exit 0
if [ "$definition" = shutOff ] && [ "$(ask domstate "--domain=$vm" | head -n 1)" != 'shut off' ]; then
  fail 'The VM is not shut off any more: it was started meanwhile, with the images of before. Its definition was not changed.'
fi
ask define "--file=$work/after" >/dev/null || fail 'The definition of the VM could not be written.'
`.trim();
