/** The end of a revert to an external snapshot with memory: the guest goes on from the file, on new overlays. */
import type { Disk, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { Expectation, PlanNote, PlanStep } from '../../../../../shared/model/plan.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { revertNeeds } from '../../../../../shared/rules/snapshots/revert-needs.ts';
import { lostMemory } from '../../../../../shared/rules/snapshots/snapshot-lacks.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { listed } from '../../../planning/notes.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { libvirtAttribute } from '../merge/block-job-script.ts';
import { needsAreThere } from './needs-step.ts';
import type { LibvirtContext } from '../plan-rules.ts';

type Step = Omit<PlanStep, 'index'>;

/** A disk of the snapshot and its new overlay. */
interface Branch {
  readonly disk: Disk;
  readonly overlay: string;
}

/** Null: the snapshot has no memory in a file, or not any more, so that only its disks can be gone back to. */
export function memoryFileOf(snapshot: Snapshot): string | null {
  const { memory } = snapshot;
  return memory.kind === 'external' && lostMemory(snapshot) === null ? memory.file : null;
}

export function lostMemoryWarnings(snapshot: Snapshot, { vm }: LibvirtContext): PlanNote[] {
  const lost = lostMemory(snapshot);
  return lost === null
    ? []
    : [
        note(
          'memoryLost',
          `${lost.message} Only the disks go back, and ${vm.name} starts from them as after a power cut. ${lost.remedy}`,
          [lost.path],
        ),
      ];
}

/** Memory on other data than that of its moment destroys file systems. */
export function memoryRevertRefusals(snapshot: Snapshot, context: LibvirtContext): PlanNote[] {
  const { vm } = context;
  const held = new Set(snapshot.disks.filter(({ kind }) => kind === 'external').map(({ target }) => target));
  const left = writableDisks(vm.disks)
    .filter(({ target }) => !held.has(target))
    .map(({ target }) => target);
  return [
    ...(left.length === 0
      ? []
      : [
          note(
            'memoryNeedsEveryDisk',
            `"${snapshot.name}" does not hold ${listed(left)}, and the guest in its memory would find other data there than it knows. Detach ${left.length === 1 ? 'it' : 'them'} first if ${left.length === 1 ? 'it was' : 'they were'} attached later.`,
            left,
          ),
        ]),
    ...(snapshot.vmState === 'running' || snapshot.vmState === 'paused'
      ? []
      : [
          note(
            'notBuiltYet',
            `"${snapshot.name}" holds the memory of a VM that neither ran nor was paused. Snaptree does not revert to such snapshots.`,
          ),
        ]),
    ...revertNeeds(snapshot, vm, null).refusals,
  ];
}

export function memoryRevertWarnings({ vm }: LibvirtContext): PlanNote[] {
  return [
    note(
      'definitionOfThen',
      `${vm.name} goes on with the devices, memory and CPUs that it had when the snapshot was taken; from its next start on it has those of now. Its network connections of that time are gone, and its clock is behind.`,
    ),
    note(
      'startMayFail',
      `Whether its memory can be loaded is known only when it is (another QEMU or CPU, devices that another VM uses, free memory of the host). Where that fails, ${vm.name} is shut off with the disks of the snapshot, and can be started from these as after a power cut.`,
    ),
  ];
}

/** The steps before anything is changed. */
export function memoryIsThere(
  file: string,
  snapshot: Snapshot,
  branches: readonly Branch[],
  verify: Expectation[],
  context: LibvirtContext,
): Step[] {
  return [
    needsAreThere(context, snapshot, verify),
    lookingStep({
      title: 'Check that the memory of the snapshot fits the VM and its disks',
      script,
      words: words('check', file, snapshot, branches, context),
      reads: [file],
      verify,
    }),
  ];
}

/** The file is only read: it can be gone back to again. */
export function restoreStep(
  file: string,
  snapshot: Snapshot,
  branches: readonly Branch[],
  verify: Expectation[],
  context: LibvirtContext,
): Step {
  return {
    title: 'Load the memory of the snapshot, and let the guest go on',
    argv: ['sh', '-c', script, 'snaptree-restore', ...words('restore', file, snapshot, branches, context)],
    reads: [file],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
    verify: [{ kind: 'vmState', oneOf: snapshot.vmState === 'paused' ? ['paused'] : ['running', 'idle'] }, ...verify],
    ...plainStep,
  };
}

function words(
  mode: 'check' | 'restore',
  file: string,
  { name }: Snapshot,
  branches: readonly Branch[],
  { uri, vm }: LibvirtContext,
): string[] {
  return [
    ...[mode, uri, vm.uuid, name, file, definitionProgram],
    ...branches.flatMap(({ disk, overlay }) => [disk.target, libvirtAttribute(overlay)]),
  ];
}

/**
 * From a snapshot's record its `<domain>`, in which each disk that is named uses the overlay. What is said of the chain below is left
 * out: it wins over what the overlay itself says, and is about the image of then (seen on 7.0 and 9.0: `<backingStore/>` makes an
 * empty disk of it). Ends with 2 where the domain can write to a disk that is not named, which is printed, and with 3 where one that
 * is named is not there. libvirt writes an element a line.
 */
const definitionProgram = String.raw`
BEGIN {
  for (i = 1; i < ARGC; i += 2) overlay[ARGV[i]] = ARGV[i + 1]
  ARGC = 1
  SQ = sprintf("%c", 39)
}
function valueOf(line, name,  at, rest) {
  at = index(line, " " name "=" SQ)
  if (!at) return ""
  rest = substr(line, at + length(name) + 3)
  return substr(rest, 1, index(rest, SQ) - 1)
}
function withValue(line, name, value,  at, rest) {
  at = index(line, " " name "=" SQ)
  if (!at) return line
  rest = substr(line, at + length(name) + 3)
  return substr(line, 1, at + length(name) + 2) value substr(rest, index(rest, SQ))
}
function flush(i, target, device, line, ending, depth, written, isReadOnly, hasSource) {
  target = ""; depth = 0; written = 0; isReadOnly = 0; hasSource = 0
  for (i = 1; i <= lines; i++) {
    if (text[i] ~ /^        <target /) target = valueOf(text[i], "dev")
    if (text[i] ~ /^        <readonly\/>/) isReadOnly = 1
    if (text[i] ~ /^        <source[ >]/) hasSource = 1
  }
  device = valueOf(text[1], "device")
  if (!(target in overlay)) {
    if (hasSource && !isReadOnly && device != "cdrom" && device != "floppy") { print target >"/dev/stderr"; failed = 2; exit 2 }
    for (i = 1; i <= lines; i++) print substr(text[i], 3)
    return
  }
  for (i = 1; i <= lines; i++) {
    line = text[i]
    if (line ~ /^        <(backingStore|mirror)[ >\/]/ && line !~ /\/> *$/) { depth = 1; continue }
    if (line ~ /^        <\/(backingStore|mirror)>/) { depth = 0; continue }
    if (depth || line ~ /^        <(backingStore|mirror)[ \/]/) continue
    if (i == 1) line = withValue(line, "type", "file")
    if (line ~ /^        <driver /) { line = withValue(line, "type", "qcow2"); written++ }
    if (line ~ /^        <source[ >]/) { ending = line ~ /\/> *$/ ? "/>" : ">"; line = "        <source file=" SQ overlay[target] SQ ending; written++ }
    print substr(line, 3)
  }
  if (written == 2) found[target] = 1
}
/^  <domain[ >]/ { inside = 1 }
!inside { next }
/^      <disk / { inDisk = 1; lines = 0 }
inDisk { text[++lines] = $0; if (/^      <\/disk>/) { flush(); inDisk = 0 }; next }
{ print substr($0, 3) }
/^  <\/domain>/ { exit }
END { if (!failed) for (target in overlay) if (!(target in found)) { print target >"/dev/stderr"; exit 3 } }
`.trim();

const script = `
mode=$1 uri=$2 vm=$3 snapshot=$4 file=$5 program=$6
shift 6
export LC_ALL=C
umask 077
changed='Nothing was changed.'
[ "$mode" = check ] || changed='The VM is shut off, with the disks of the snapshot.'
refuse() { printf '%s\\n' "$1 $changed" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
disksAlone=
[ "$mode" = restore ] || disksAlone=' To go back to the disks alone, move that file away and plan again.'
virsh -c "$uri" save-image-dumpxml "--file=$file" >"$work/saved" 2>"$work/said" || refuse "The memory in $file cannot be loaded: $(tr '\\n' ' ' <"$work/said").$disksAlone"
grep -qF "<uuid>$vm</uuid>" "$work/saved" || refuse "$file holds the memory of another VM.$disksAlone"
virsh -c "$uri" snapshot-dumpxml --security-info "--domain=$vm" "--snapshotname=$snapshot" >"$work/record" || refuse 'The record of the snapshot could not be read.'
awk "$program" "$@" <"$work/record" >"$work/definition" 2>"$work/said"
case $? in
  0) ;;
  2) refuse "The VM of the snapshot can write to a disk that the snapshot does not hold ($(cat "$work/said")): the guest in its memory would find other data there than it knows." ;;
  *) refuse "The record of the snapshot does not say how its VM uses a disk ($(cat "$work/said"))." ;;
esac
[ "$mode" = restore ] || exit 0
virsh -c "$uri" restore "--file=$file" "--xml=$work/definition" && exit 0
refuse 'The memory could not be loaded. It can be started from these, as after a power cut; what it was before is in its other images, and in the snapshot that was saved, if one was.'
`.trim();
