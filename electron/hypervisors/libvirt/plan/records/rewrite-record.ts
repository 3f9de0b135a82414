/** The script that writes parts of snapshots' records anew: a description, or a name with all that goes by it. */
import { libvirtAttribute } from '../merge/block-job-script.ts';
import { patientVirsh } from '../merge/patient-virsh.ts';
import type { LibvirtContext } from '../plan-rules.ts';

/**
 * A record with one of its own elements (ELEMENT: name, description or parent) as the first file has it behind its first line. libvirt
 * indents these by two, and everything of the `<domain>` by more; in texts it escapes `<`. A description stands behind the name.
 */
const awkOfElement = `
NR == FNR { if (FNR > 1) text = text $0 "\\n"; next }
!skipping && index($0, "  <" ELEMENT ">") == 1 { skipping = 1; if (ELEMENT != "description") printf "%s", text }
skipping { if (index($0, "</" ELEMENT ">")) skipping = 0; next }
{ print }
ELEMENT == "description" && !placed && index($0, "</name>") { placed = 1; printf "%s", text }`;

/**
 * With \`--security-info\` as everywhere where a record is written back: otherwise passwords in it would be gone. In a folder that only
 * this user can read.
 */
const common = `
umask 077
fail() { printf '%s\\n' "$*" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${patientVirsh}
read_record() { ask snapshot-dumpxml --security-info "--domain=$vm" "--snapshotname=$1" >"$2"; }
rewrite() { awk -v ELEMENT="$1" '${awkOfElement.trim()}' "$work/text" "$2" >"$3"; }
`.trim();

const describing = `
uri=$1 vm=$2 name=$3 text=$4
${common}
read_record "$name" "$work/before" || fail 'The record of the snapshot could not be read. Nothing was changed.'
printf '.\\n' >"$work/text" && { [ -z "$text" ] || printf '  <description>%s</description>\\n' "$text" >>"$work/text"; } || fail "The new description could not be written to $work. Nothing was changed."
rewrite description "$work/before" "$work/after" || fail 'The record of the snapshot could not be changed.'
cmp -s "$work/before" "$work/after" && exit 0
redefine "$work/after" "$name" || fail 'The record of the snapshot could not be written. It is what it was.'
`.trim();

/** Gives a snapshot another description. Run again it finds nothing to change. */
export function describeArgv(name: string, description: string, { uri, vm }: LibvirtContext): string[] {
  return ['sh', '-c', describing, 'snaptree-describe', uri, vm.uuid, name, xmlText(description)];
}

/**
 * virsh's own \`snapshot-edit --rename\` leaves the snapshots below behind: it removes the old record, and libvirt gives them to the parent of
 * that. So the record is written under the new name beside the old one, the snapshots below are hung on it, it is made the current
 * one where the old one was, and only then, with nothing below it, the old record goes, which since 9.0 would write those below anew
 * (drop-records.ts). A stop in between leaves two records of the same data; run again it goes on where it ended.
 */
const renaming = `
uri=$1 vm=$2 old=$3 new=$4 newText=$5 current=$6
shift 6
${common}
printf '.\\n  <name>%s</name>\\n' "$newText" >"$work/text" || fail "The new name could not be written to $work. Nothing was changed."
if read_record "$old" "$work/old"; then
  there=yes
  rewrite name "$work/old" "$work/wanted" || fail 'The record of the snapshot could not be changed.'
else
  # It may be gone already, which only a libvirt that answers can say.
  ask domstate "--domain=$vm" >/dev/null || fail 'The record of the snapshot could not be read.'
  there=no
fi
if read_record "$new" "$work/new" 2>/dev/null; then
  [ "$there" = no ] || cmp -s "$work/new" "$work/wanted" || fail "There is a snapshot of the new name already, with another record: $new. Nothing of it was changed."
else
  [ "$there" = yes ] || fail "There is neither a snapshot of the old name nor one of the new: $old, $new"
  redefine "$work/wanted" '' || fail 'The record could not be written under the new name. Nothing was changed.'
  read_record "$new" "$work/new" && cmp -s "$work/new" "$work/wanted" || fail "libvirt wrote the record under the new name otherwise than it was told to, so that the old one stays: $old. Compare them (virsh snapshot-dumpxml), and remove the new one (virsh snapshot-delete --metadata)."
fi
printf '.\\n  <parent>\\n    <name>%s</name>\\n  </parent>\\n' "$newText" >"$work/text" || fail "The new name could not be written to $work. The snapshot has both names until this is run again."
for child in "$@"; do
  read_record "$child" "$work/before" || fail "The record of a snapshot below could not be read: $child. The snapshot has both names until this is run again."
  rewrite parent "$work/before" "$work/after" || fail "The record of a snapshot below could not be changed: $child"
  cmp -s "$work/before" "$work/after" && continue
  redefine "$work/after" "$child" || fail "The record of a snapshot below could not be written: $child. The snapshot has both names until this is run again."
done
if [ "$current" = current ]; then
  ask snapshot-current "--domain=$vm" "--snapshotname=$new" >/dev/null || fail 'It could not be made the current snapshot. It has both names until this is run again.'
fi
[ "$there" = yes ] || exit 0
ask snapshot-delete "--domain=$vm" "--snapshotname=$old" --metadata >/dev/null || fail "The record of the old name could not be removed: $old. It has both names until this is run again."
`.trim();

/** Gives an external snapshot another name. @param childNames the snapshots right below it */
export function renameArgv(
  { name, to, isCurrent }: { readonly name: string; readonly to: string; readonly isCurrent: boolean },
  childNames: readonly string[],
  { uri, vm }: LibvirtContext,
): string[] {
  const words = [uri, vm.uuid, name, to, xmlText(to), isCurrent ? 'current' : ''];
  return ['sh', '-c', renaming, 'snaptree-rename', ...words, ...childNames];
}

/** As libvirt writes a text. */
function xmlText(text: string): string {
  return libvirtAttribute(text).replaceAll('\r', '&#13;');
}
