/** The script that makes a record of a snapshot out of the VM's present definition, on the host, where its secrets stay. */
import { libvirtAttribute } from '../merge/block-job-script.ts';
import { patientVirsh } from '../merge/patient-virsh.ts';

export interface AdoptedDisk {
  readonly target: string;
  /** null: the snapshot does not hold it. internal: its data is in the active layer. */
  readonly kind: 'internal' | 'external' | null;
  /** By which paths the definition may name the active layer, which the data of an external one takes the place of in the record. */
  readonly active: readonly string[];
  readonly data: { readonly path: string; readonly format: string; readonly isBlock: boolean } | null;
  readonly overlay: { readonly path: string; readonly format: string; readonly isBlock: boolean } | null;
}

export interface AdoptedRecord {
  readonly name: string;
  readonly description: string;
  readonly parentName: string | null;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** The guest's memory is in the image too. */
  readonly hasMemory: boolean;
  readonly isCurrent: boolean;
  readonly disks: readonly AdoptedDisk[];
  /** Snapshots that hang right below it then. */
  readonly childNames: readonly string[];
}

/** What stands in front of the definition. */
function headOf({ name, description, parentName, createdAt, hasMemory, disks }: AdoptedRecord): string {
  const text = (value: string) => libvirtAttribute(value).replaceAll('\r', '&#13;');
  const lines = disks.flatMap(({ target, kind, overlay }) => {
    if (kind !== 'external' || overlay === null)
      return [`    <disk name='${text(target)}' snapshot='${kind ?? 'no'}'/>`];
    const [type, attribute] = overlay.isBlock ? ['block', 'dev'] : ['file', 'file'];
    return [
      `    <disk name='${text(target)}' snapshot='external' type='${type}'>`,
      `      <driver type='${text(overlay.format)}'/>`,
      `      <source ${attribute}='${text(overlay.path)}'/>`,
      '    </disk>',
    ];
  });
  return [
    '<domainsnapshot>',
    `  <name>${text(name)}</name>`,
    ...(description === '' ? [] : [`  <description>${text(description)}</description>`]),
    `  <state>${hasMemory ? 'running' : 'shutoff'}</state>`,
    ...(parentName === null ? [] : ['  <parent>', `    <name>${text(parentName)}</name>`, '  </parent>']),
    `  <creationTime>${createdAt}</creationTime>`,
    `  <memory snapshot='${hasMemory ? 'internal' : 'no'}'/>`,
    '  <disks>',
    ...lines,
    '  </disks>',
  ].join('\n');
}

/**
 * Of each disk that is replaced: its own source and format become those of the data, and what is said of the chain below is left out. Of one
 * that is not (its kind is empty) the definition must name what was planned for, and stays as it is.
 */
const awkOfDisks = `
BEGIN {
  n = ARGV[1]
  for (i = 1; i <= n; i++) { target[i] = ARGV[5 * i - 3]; from[i] = ARGV[5 * i - 2]; to[i] = ARGV[5 * i - 1]; format[i] = ARGV[5 * i]; kind[i] = ARGV[5 * i + 1] }
  ARGC = 1
}
function flush(i, own, j, line, depth, at) {
  for (j = 1; j <= n; j++) {
    own = 0
    for (i = 1; i <= lines; i++) if (index(text[i], "      <target dev=\\047" target[j] "\\047") == 1) own = j
    if (!own) continue
    for (i = 1; i <= lines; i++) if (text[i] ~ /^      <source / && index(text[i], "=\\047" from[j] "\\047")) break
    if (i <= lines) break
    own = 0
  }
  if (own) done[target[own]] = 1
  if (!own || kind[own] == "") { for (i = 1; i <= lines; i++) print text[i]; return }
  depth = 0
  for (i = 1; i <= lines; i++) {
    line = text[i]
    if (line ~ /^      <backingStore *\\/>/) continue
    if (line ~ /^      <backingStore[ >]/) { depth = 1; continue }
    if (line ~ /^      <\\/backingStore>/) { depth = 0; continue }
    if (depth) continue
    if (i == 1) sub(/ type=\\047[a-z]*\\047/, " type=\\047" kind[own] "\\047", line)
    if (line ~ /^      <driver /) sub(/ type=\\047[a-z0-9]*\\047/, " type=\\047" format[own] "\\047", line)
    if (line ~ /^      <source /) {
      at = index(line, "=\\047" from[own] "\\047")
      line = substr(line, 1, at - 1) "=\\047" to[own] substr(line, at + 2 + length(from[own]))
      sub(/ (file|dev)=/, kind[own] == "block" ? " dev=" : " file=", line)
    }
    print line
  }
}
/^    <disk [^>]*[^\\/]>/ || /^    <disk>/ { inDisk = 1; lines = 0 }
!inDisk { print; next }
{ text[++lines] = $0 }
/^    <\\/disk>/ { flush(); inDisk = 0 }
END { for (i = 1; i <= n; i++) if (!done[target[i]]) exit 1 }`;

/** The record of a child with another parent. What is outermost is indented by two; a record has its parent behind its state. */
const awkOfParent = `
NR == FNR { parent = parent $0 "\\n"; next }
$0 == "  <parent>" { skipping = 1 }
!skipping { print }
$0 == "  </parent>" { skipping = 0 }
!placed && /^  <state>/ { placed = 1; printf "%s", parent }`;

/** Where the definition does not name what was planned for, nothing is written. The later snapshots are hung on the record last. */
const script = `
uri=$1 vm=$2 name=$3 current=$4 head=$5 nameText=$6
shift 6
umask 077
fail() { printf '%s\\n' "$*" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${patientVirsh}
if ask snapshot-dumpxml "--domain=$vm" "--snapshotname=$name" >/dev/null 2>&1; then fail "There is a snapshot of that name already: $name. Nothing was changed."; fi
ask dumpxml --inactive --security-info "--domain=$vm" >"$work/definition" || fail 'The definition of the VM could not be read. Nothing was changed.'
awk '${awkOfDisks.trim()}' "$@" <"$work/definition" >"$work/then" || fail 'The definition of the VM names other images than were planned for. Nothing was changed.'
{ printf '%s\\n' "$head"; cat "$work/then"; echo '</domainsnapshot>'; } >"$work/record"
shift $((1 + $1 * 5))
if [ "$current" = current ]; then redefine "$work/record" '' --current; else redefine "$work/record" ''; fi || fail 'libvirt did not take the record. Nothing was changed.'
printf '  <parent>\\n    <name>%s</name>\\n  </parent>\\n' "$nameText" >"$work/parent"
for child in "$@"; do
  ask snapshot-dumpxml --security-info "--domain=$vm" "--snapshotname=$child" >"$work/before" || fail "The record of a later snapshot could not be read: $child. It stays where it is in the tree."
  awk '${awkOfParent.trim()}' "$work/parent" "$work/before" >"$work/after" || fail "The record of a later snapshot could not be changed: $child"
  redefine "$work/after" "$child" || fail "The record of a later snapshot could not be written: $child. It stays where it is in the tree."
done
`.trim();

export function adoptArgv(
  record: AdoptedRecord,
  { uri, vmUuid }: { readonly uri: string; readonly vmUuid: string },
): string[] {
  const replaced = record.disks.flatMap(({ target, active, data }) => active.map((from) => ({ target, from, data })));
  return [
    ...['sh', '-c', script, 'snaptree-adopt', uri, vmUuid, record.name, record.isCurrent ? 'current' : ''],
    headOf(record),
    libvirtAttribute(record.name).replaceAll('\r', '&#13;'),
    String(replaced.length),
    ...replaced.flatMap(({ target, from, data }) => [
      ...[target, from, data?.path ?? from, data?.format ?? ''].map(libvirtAttribute),
      data === null ? '' : data.isBlock ? 'block' : 'file',
    ]),
    ...record.childNames,
  ];
}
