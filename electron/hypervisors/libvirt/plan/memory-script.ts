/** The script that saves the memory of a guest: it can be given up, and tells how far it is. */
import type { PlanStep } from '../../../../shared/model/plan.ts';
import type { LibvirtContext } from './plan-rules.ts';

/** What the memory is written for. */
type Operation = 'snapshot' | 'save';

/** How `virsh domjobinfo` tells of it, raw (VIR_DOMAIN_JOB_OPERATION_SNAPSHOT and _SAVE) and in words. */
const jobs: Readonly<Record<Operation, string>> = {
  snapshot: '^operation: 6$|^Operation: +Snapshot *$',
  save: '^operation: 2$|^Operation: +Save *$',
};

/**
 * Runs beside the script below. libvirt goes on writing where virsh is ended, so it is libvirt that must end it: the guest then goes on,
 * and file and overlays are gone (seen on 9.0 and 11.3). Only work of its own kind is ended, never that of somebody else that comes after it. It stands between single quotes, and has none itself.
 */
const watching = (operation: Operation) =>
  `
main=$1 uri=$2 vm=$3 folder=$4 ended=no
trap "ended=yes" TERM
ask() { LC_ALL=C virsh -c "$uri" "$@" 2>/dev/null; }
number() { printf "%s\\n" "$job" | sed -n "s/^$1: \\([0-9][0-9]*\\)$/\\1/p"; }
while [ -e "$folder/saving" ] && kill -0 "$main" 2>/dev/null; do
  job=$(ask domjobinfo "--domain=$vm" --rawstats || ask domjobinfo "--domain=$vm")
  if printf "%s\\n" "$job" | grep -Eq "${jobs[operation]}"; then
    total=$(number memory_total) left=$(number memory_remaining)
    if [ "$ended" = yes ]; then ask domjobabort "--domain=$vm"
    elif [ -n "$total" ] && [ -n "$left" ]; then
      printf "%s %s\\n" "$((total - left))" "$total" >"$folder/progress.new" && mv "$folder/progress.new" "$folder/progress"
    fi
  fi
  sleep 1
done
`.trim();

/** virsh, which waits for libvirt to the end, knows what became of it. */
const saving = (operation: Operation) =>
  `
uri=$1 vm=$2
shift 2
folder=\${SNAPTREE_STEP:-}
if [ -n "$folder" ]; then
  : >"$folder/saving" || exit 1
  nohup sh -c '${watching(operation)}' snaptree-memory "$$" "$uri" "$vm" "$folder" </dev/null >/dev/null 2>&1 &
fi
trap '' TERM
LC_ALL=C virsh -c "$uri" "$@"
result=$?
[ -z "$folder" ] || rm -f "$folder/saving"
exit "$result"
`.trim();

/**
 * What a step that saves memory is like, for an external snapshot or by itself: it can be given up while the memory is written, and the guest
 * then goes on as if nothing had been. Behind that it is too late, and the snapshot is taken.
 *
 * @param words of virsh behind its URI; more may be put behind those that come out
 */
export function savingMemory(
  { uri, vm }: LibvirtContext,
  words: readonly string[],
  operation: Operation = 'snapshot',
): Pick<PlanStep, 'argv' | 'cancellation'> {
  return { argv: ['sh', '-c', saving(operation), 'snaptree-save', uri, vm.uuid, ...words], cancellation: 'abort' };
}
