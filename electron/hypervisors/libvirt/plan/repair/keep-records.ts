/** The step that puts copies of snapshots' records in a safe place on the host, before any of them is removed or written anew. */
import type { PlanStep } from '../../../../../shared/model/plan.ts';
import { patientVirsh } from '../merge/patient-virsh.ts';
import type { LibvirtContext } from '../plan-rules.ts';
import { plainStep, touchesNothing } from '../../../planning/plain-step.ts';

/** Where the copies are, below the home of the account that Snaptree logs in with; for sentences. */
export const keptIn = ({ vm }: Pick<LibvirtContext, 'vm'>): string => `~/.local/state/snaptree/kept-records/${vm.uuid}`;

/**
 * With what is secret in them, so that they can be defined again as they were, in a folder that only this user can read; beside them the
 * definition of the VM, and the name of the current snapshot. Run again it makes another folder.
 */
const script = `
uri=$1 vm=$2
shift 2
umask 077
fail() { printf '%s\\n' "$*" >&2; exit 1; }
base=\${XDG_STATE_HOME:-}
case $base in /*) ;; *) base= ;; esac
if [ -z "$base" ]; then case \${HOME:-} in /*) base=$HOME/.local/state ;; esac; fi
[ -n "$base" ] || fail 'HOME is not set, so there is no place for copies of the records. Nothing was changed.'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${patientVirsh}
place=$base/snaptree/kept-records/$vm
mkdir -p "$place" || exit 1
place=$place/$(date -u +%Y-%m-%dT%H%M%SZ)
number=1
until mkdir "$place-$number" 2>/dev/null; do
  number=$((number + 1))
  [ "$number" -lt 100 ] || fail "No folder could be made for copies of the records: $place. Nothing was changed."
done
place=$place-$number
for name in "$@"; do
  ask snapshot-dumpxml --security-info "--domain=$vm" "--snapshotname=$name" >"$work/record" || fail "The record of a snapshot could not be read: $name. Nothing was changed."
  cp "$work/record" "$place/$name.xml" && cmp -s "$work/record" "$place/$name.xml" || fail "The copy of a record could not be written: $place/$name.xml. Nothing was changed."
done
ask dumpxml --inactive --security-info "--domain=$vm" >"$place/.definition" || fail 'The definition of the VM could not be read. Nothing was changed.'
ask snapshot-current --name "--domain=$vm" >"$place/.current" 2>/dev/null || :
printf 'The copies are in %s\\n' "$place"
`.trim();

const scriptName = 'snaptree-keep';

/** Whether it is such a step: what it kept is not kept again where the rest of its plan is made anew. */
export const isKeepingStep = ({ argv }: Pick<PlanStep, 'argv'>): boolean => argv[3] === scriptName;

/** @param names of the snapshots whose records are kept */
export function keepRecordsStep(names: readonly string[], context: LibvirtContext): Omit<PlanStep, 'index'> {
  return {
    title: `Keep ${names.length === 1 ? 'a copy of the record' : `copies of ${names.length} records`}, and of the definition of ${context.vm.name}, in ${keptIn(context)}`,
    argv: ['sh', '-c', script, scriptName, context.uri, context.vm.uuid, ...names],
    ...touchesNothing,
    verify: names.map((snapshotId) => ({ kind: 'snapshotExists', snapshotId })),
    ...plainStep,
    whenInterrupted: 'redo',
  };
}
