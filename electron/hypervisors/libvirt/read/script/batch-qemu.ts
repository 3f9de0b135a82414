/**
 * The part of a script that asks what only a VM's QEMU can answer, or who holds the VM: its jobs. See `askJobs`.
 *
 * Seen on libvirt 7.0, 9.0 and 11.3 with a QEMU that is stopped (SIGSTOP): names, states, snapshots, saved memory and domcontrol
 * come at once, whatever goes on. QEMU itself is asked only for a block job that runs, a backup and a migration; that waits
 * without an end, holding the VM, and whoever asks for jobs afterwards waits half a minute and is refused. A virsh that is
 * killed meanwhile leaves a worker of the daemon (of 20) behind until QEMU answers, or until that half minute is over.
 * So QEMU is never asked just to see whether it lives; whom domcontrol calls busy for a second or more is not asked for
 * jobs; and so there is one worker at most for each VM that hangs, however often the host is read.
 */
import { quoteArgument } from '../../../../hosts/commands/quoting.ts';

/** How long one virsh may take that QEMU may keep waiting, in seconds. */
const patienceSeconds = 4;
/** Each time, one VM that hangs shows up in each virsh; so many times those that were behind it are asked again. */
const rounds = 3;
/** Of the 20 workers that libvirt's daemon has unless it is told otherwise (max_workers). */
const mostSilent = 10;

/** Passes on what is said of a VM (from `of UUID`) when it was said to its end (`told`): virsh, when killed, takes with it what it has not printed. */
const awkWhole = String.raw`
BEGIN { K = "~" substr(N, 7, 9) }
index($0, N " ") == 1 { print; of = ""; held = ""; next }
$0 == K "told" { printf "%s%s\n", held, $0; of = ""; held = ""; next }
index($0, K "of ") == 1 { if ($0 != of) held = ""; of = $0 }
{ held = held $0 "\n" }
`;

/** From definitions (frames `domain`): each VM's UUID and the targets of its disks, a line for each VM. */
const awkTargets = String.raw`
index($0, N " ") == 1 {
  kind = $2; uuid = $3; in_disk = 0
  if (kind == "domain" && !(uuid in targets)) { order[++vm_count] = uuid; targets[uuid] = "" }
  next
}
kind != "domain" { next }
/^    <disk / { in_disk = $0 !~ / device=.(cdrom|floppy)./; next }
/^    <\/disk>/ { in_disk = 0; next }
in_disk && /^      <target dev=/ {
  split($0, parts, SQ)
  if (parts[2] ~ /^[A-Za-z0-9_-]+$/) targets[uuid] = targets[uuid] " " parts[2]
}
END { for (v = 1; v <= vm_count; v++) print order[v] targets[order[v]] }
`;

/**
 * From `disks` (lines as of `awkTargets`), `control` and what was told: `left`, the VMs that can be asked and have not answered; and how
 * many are `silent`.
 */
const awkLeft = String.raw`
index($0, N " ") == 1 { kind = $2; uuid = $3; if (kind == "told") told[uuid] = 1; next }
kind == "disks" && $0 != "" { disks[$1] = $0; next }
kind == "control" && $0 != "" { if (!(uuid in control)) order[++vm_count] = uuid; control[uuid] = $0 }
function find_left(  v, uuid) {
  for (v = 1; v <= vm_count; v++) {
    uuid = order[v]
    if (control[uuid] ~ /^occupied/ && is_held(control[uuid])) silent++
    if ((uuid in disks) && !(uuid in told) && can_tell_jobs(control[uuid])) left[++left_count] = uuid
  }
}
`;

/**
 * Their jobs. Those of the first round share a virsh, a hundred at a time; later they are dealt out to several, so that fewer stand behind
 * one that hangs. No more VMs are left holding than half of the daemon's workers.
 */
const awkJobs = String.raw`
BEGIN { VERB = "virsh_limited" }
function ask_jobs(uuid,  i, count, target) {
  if (length(commands) > LIMIT / 2) flush()
  ask(uuid, "job", "domjobinfo " uuid)
  count = split(disks[uuid], target, " ")
  for (i = 2; i <= count; i++) ask(uuid, "blockjob-" target[i], "blockjob " uuid " " target[i] " --raw")
  add("echo " q("\n" K "told\n") ";")
}
END {
  find_left()
  hands = ${String(mostSilent)} - silent
  if (hands > 8) hands = 8
  if (ROUND == 0 && hands > 0) {
    for (v = 1; v <= left_count; v++) { ask_jobs(left[v]); if (v % 100 == 0) flush() }
  } else if (hands > 0) {
    PROCESSES = hands
    for (hand = 1; hand <= hands; hand++) {
      for (v = hand; v <= left_count; v += hands) ask_jobs(left[v])
      flush()
    }
  }
  flush()
  run()
}
`;

/** Whether they can still be asked. */
const awkControls = String.raw`
END {
  find_left()
  for (v = 1; v <= left_count; v++) ask(left[v], "control", "domcontrol " left[v])
  flush()
  run()
}
`;

/** Sets `limit` and defines `virsh_limited`, which is `virsh_all` with a limit of time for each virsh, where the host has one to give. */
export function limitedVirsh(): readonly string[] {
  return [
    `limit='timeout -k 1 ${String(patienceSeconds)}'; $limit true 2>/dev/null || limit=`,
    `awk_whole=${quoteArgument(awkWhole)}`,
    `virsh_limited() { (within=$limit; virsh_all "$@") | awk -v N="$N" "$awk_whole"; }`,
  ];
}

/** Sets `disks` from the frames in `lists` and `records`: what `askJobs` takes. */
export function findDisks(): readonly string[] {
  return [
    `awk_targets=${quoteArgument(awkTargets)}`,
    `disks=$(printf '%s\\n%s\\n' "$lists" "$records" | for_each "$awk_targets")`,
  ];
}

/**
 * Sets `jobs`: frames `job` and `blockjob-TARGET` of the VMs in `disks` whose frame `control`, in the variable `controls`, says that they
 * can be asked; an empty `told` behind those of each VM that answered to the end; and another `control` of those that did not. It
 * takes three times the limit, however many VMs hang; with up to about eight of them every other is asked.
 */
export function askJobs(controls: string): readonly string[] {
  const known = `"$N disks" "$disks" "$${controls}"`;
  return [
    `awk_jobs=${quoteArgument(awkLeft + awkJobs)}`,
    `awk_controls=${quoteArgument(awkLeft + awkControls)}`,
    'jobs=',
    'round=0',
    `while [ $round -lt ${String(rounds)} ]; do`,
    `  commands=$(printf '%s\\n' ${known} "$jobs" | for_each "$awk_jobs")`,
    '  [ -n "$commands" ] || break',
    `  jobs="$jobs$(eval "$commands" | shorten j; frame asked)"`,
    `  commands=$(printf '%s\\n' ${known} "$jobs" | for_each "$awk_controls")`,
    '  [ -n "$commands" ] || break',
    `  jobs="$jobs$(eval "$commands" | shorten j; frame asked)"`,
    '  round=$((round + 1))',
    'done',
  ];
}
