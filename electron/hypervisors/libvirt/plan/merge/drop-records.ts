/** Removes records of snapshots and leaves those of the others what they are. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { patientVirsh } from './patient-virsh.ts';

interface DroppedRecord {
  readonly name: string;
  /** The snapshots below it when it goes. */
  readonly childNames: readonly string[];
}

/**
 * In the order of `doomed`, behind those that went before (`gone`, in their order). With `--metadata` alone libvirt since 9.0 writes
 * records anew: where a snapshot below has its data in the overlay of the one that goes, its record names the image below that
 * afterwards, and going back to it would give the data of the one that is gone (seen on 9.0). So the snapshots below are first made
 * children of its parent.
 *
 * @param mark the one of a merge (see `mergeMark`): nothing is done where that merge did not leave it in the operation's folder
 */
export function dropRecordsArgv(
  doomed: readonly Snapshot[],
  mark: string | null,
  { uri, vm }: Pick<LibvirtContext, 'uri' | 'vm'>,
  gone: readonly Snapshot[] = [],
): string[] {
  const all = dropped([...gone, ...doomed], vm.snapshots);
  const words = all
    .slice(gone.length)
    .flatMap(({ name, childNames }) => [name, String(childNames.length), ...childNames]);
  return ['sh', '-c', script, 'snaptree-records', uri, vm.uuid, mark ?? '', ...words];
}

/** The snapshots whose records such a command removes. */
export function droppedNames(argv: readonly string[]): readonly string[] {
  const words = argv.slice(argv.indexOf('snaptree-records') + 4);
  const names: string[] = [];
  for (let at = 0; at < words.length; at += 2 + Number(words[at + 1])) names.push(words[at] ?? '');
  return names;
}

function dropped(doomed: readonly Snapshot[], all: readonly Snapshot[]): readonly DroppedRecord[] {
  const left = new Map(all.map(({ id, name, parentId }) => [id, { name, parentId }]));
  return doomed.map(({ id, name }) => {
    const parentId = left.get(id)?.parentId ?? null;
    left.delete(id);
    const children = [...left].filter(([, other]) => other.parentId === id);
    for (const [childId, child] of children) left.set(childId, { ...child, parentId });
    return { name, childNames: children.map(([, child]) => child.name) };
  });
}

/** The record of a child with the parent of the one that goes, which is in the first file. What is outermost is indented by two. */
const awkOfParent = `
NR == FNR {
  if ($0 == "  <parent>") inside = 1
  if (inside) parent = parent $0 "\\n"
  if ($0 == "  </parent>") inside = 0
  next
}
$0 == "  <parent>" { printf "%s", parent; skipped = 1 }
!skipped { print }
$0 == "  </parent>" { skipped = 0 }`;

/** Run again it goes on where it ended. */
const script = `
uri=$1 vm=$2 mark=$3
shift 3
if [ -n "$mark" ] && [ -n "\${SNAPTREE_STEP:-}" ] && [ ! -e "\${SNAPTREE_STEP%/*}/$mark" ]; then
  echo 'The merge was not begun, so the snapshots are as they were.'
  exit 0
fi
umask 077
fail() { printf '%s\\n' "$*" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${patientVirsh}
while [ "$#" -gt 1 ]; do
  name=$1 children=$2
  shift 2
  if ask snapshot-dumpxml --security-info "--domain=$vm" "--snapshotname=$name" >"$work/gone"; then
    there=yes
  else
    # It may be gone already, which only a libvirt that answers can say.
    ask domstate "--domain=$vm" >/dev/null || fail "The record of a snapshot could not be read: $name"
    there=no
  fi
  while [ "$children" -gt 0 ]; do
    if [ "$there" = yes ]; then
      ask snapshot-dumpxml --security-info "--domain=$vm" "--snapshotname=$1" >"$work/before" || fail "The record of a snapshot could not be read: $1"
      awk '${awkOfParent.trim()}' "$work/gone" "$work/before" >"$work/after" || fail "The record of a snapshot could not be changed: $1"
      if ! cmp -s "$work/before" "$work/after"; then
        redefine "$work/after" "$1" || fail "The record of a snapshot could not be written: $1. Nothing of it was changed, and $name is still there."
      fi
    fi
    shift
    children=$((children - 1))
  done
  if [ "$there" = yes ] && ! ask snapshot-delete "--domain=$vm" "--snapshotname=$name" --metadata >/dev/null; then
    # The answer to the first time may have been lost.
    if ask snapshot-dumpxml "--domain=$vm" "--snapshotname=$name" >/dev/null; then fail "The record of a snapshot could not be removed: $name"; fi
    ask domstate "--domain=$vm" >/dev/null || fail "Whether the record of a snapshot was removed is not known: $name"
  fi
done
`.trim();
