/**
 * The scripts that freeze the file systems of a guest for the moment of a snapshot.
 *
 * virsh's own `--quiesce` is not used: it gives the agent no time limit. Where an agent hangs in the middle of freezing it never ends, and
 * blocks the VM with it, so that nobody can pause, reset or end it by libvirt, while a record of the snapshot is shown already
 * (seen on 7.0, 9.0 and 11.3). On 7.0 it also thaws, in failing, what somebody else had frozen before.
 */

/** How long freezing may take, in seconds. A guest has to write out what it holds back first. */
const freezeSeconds = 60;
/** How long the step itself tries to thaw, and the one behind it and whoever watches over both, in seconds. */
const thawSeconds = 60;
const longThawSeconds = 600;

/**
 * Takes `uri`, `vm` and `mark`, a file that is there while the guest may be frozen by us. Thawing is repeated, also over a libvirt that is
 * started anew: an agent that hung freezes late. \`answer\` is what the agent said, empty where there is nothing to thaw any more.
 */
const thawing = `
agent() { LC_ALL=C virsh -c "$uri" qemu-agent-command "--domain=$vm" "--timeout=$1" "{\\"execute\\":\\"$2\\"}" 2>&1; }
says() { printf '%s\\n' "$1" | grep -qF -e "$2"; }
thaw() {
  until=$(($(date +%s) + $1))
  while :; do
    answer=$(agent 10 guest-fsfreeze-thaw) && break
    if says "$(agent 10 guest-fsfreeze-status)" '"thawed"'; then answer=; break; fi
    [ "$(LC_ALL=C virsh -c "$uri" domstate "--domain=$vm" 2>/dev/null | head -n 1)" != 'shut off' ] || { answer=; break; }
    [ "$(date +%s)" -lt "$until" ] || return 1
    sleep 1
  done
  rm -f "$mark"
}`.trim();

/** Watches over the script below, and thaws where that was killed; what it began in virsh may go on then, and leaves a note of it. */
const watching = `
main=$1 uri=$2 vm=$3 mark=$4
${thawing}
lives() { kill -0 "$main" 2>/dev/null && ! grep -q '^State:[^A-Z]*Z' "/proc/$main/status" 2>/dev/null; }
while [ -e "$mark" ] && lives; do sleep 1; done
[ -e "$mark" ] || exit 0
: >"$mark.lost"
thaw ${longThawSeconds}
`.trim();

const quiescing = `
uri=$1 vm=$2 watching=$3
shift 3
fail() { printf '%s\\n' "$*" >&2; exit 1; }
${thawing}
status=$(agent 5 guest-fsfreeze-status) || fail "The guest agent does not answer any more. Nothing was changed. $status"
says "$status" '"thawed"' || fail 'The file systems of the guest are frozen already, by a backup or by somebody else. Nothing was changed. Wait until that has ended, then try again.'
if [ -n "\${SNAPTREE_STEP:-}" ]; then mark=\${SNAPTREE_STEP%/*}/frozen; else mark=$(mktemp) || exit 1; fi
: >"$mark" || exit 1
nohup sh -c "$watching" snaptree-thaw "$$" "$uri" "$vm" "$mark" </dev/null >/dev/null 2>&1 &
result=
if frozen=$(agent ${freezeSeconds} guest-fsfreeze-freeze); then
  if ! says "$frozen" '"return":0}'; then
    LC_ALL=C virsh -c "$uri" "$@"
    result=$?
  fi
elif says "$frozen" 'has been disabled'; then
  rm -f "$mark"
  fail "The file systems of the guest could not be frozen: somebody else froze them meanwhile, or the agent is not allowed to. Nothing was changed. $frozen"
fi
thaw ${thawSeconds} || {
  case $result in
    0) printf '%s\\n' 'The snapshot was taken.' >&2 ;;
    *) printf '%s\\n' "The snapshot was not taken. $frozen" >&2 ;;
  esac
  fail 'The guest agent does not answer since, so that the file systems of the guest may still be frozen: then whatever writes in it waits.'
}
case $result in
  '') fail "The file systems of the guest could not be frozen within ${freezeSeconds} seconds, or there are none. They are not frozen now, and no snapshot was taken. $frozen" ;;
  0)
    if [ -z "$answer" ] || says "$answer" '"return":0}'; then
      fail 'The snapshot was taken, but the file systems of the guest were thawed before it was complete: it may be as after a power cut. Delete it and take another, or keep it.'
    fi
    echo 'The file systems of the guest were frozen while the snapshot was taken, and are thawed again.' ;;
  *)
    printf '%s\\n' 'The file systems of the guest are thawed again.' >&2
    exit "$result" ;;
esac
`.trim();

const thawIfMarked = `
uri=$1 vm=$2
mark=\${SNAPTREE_STEP:+\${SNAPTREE_STEP%/*}/frozen}
if [ -z "$mark" ] || { [ ! -e "$mark" ] && [ ! -e "$mark.lost" ]; }; then
  echo 'The file systems of the guest are not frozen by this plan.'
  exit 0
fi
${thawing}
[ ! -e "$mark" ] || thaw ${longThawSeconds} || {
  printf '%s\\n' "The guest agent has not answered for ${longThawSeconds / 60} minutes. The file systems of the guest may still be frozen: then whatever writes in it waits. When it answers, run: virsh domfsthaw $vm. Otherwise only a reset of the VM helps." >&2
  exit 1
}
printf '%s\\n' 'The file systems of the guest are thawed. The command that froze them did not come to its end: where the snapshot is there, it may have been taken after that, and be as after a power cut. Delete it and take another, or keep it.' >&2
exit 1
`.trim();

interface OfVm {
  readonly uri: string;
  readonly vmUuid: string;
}

/** Freezes, runs a command of virsh (its words behind the URI), and thaws, whatever became of that. */
export function quiescedArgv({ uri, vmUuid }: OfVm, virshWords: readonly string[]): string[] {
  return ['sh', '-c', quiescing, 'snaptree-quiesce', uri, vmUuid, watching, ...virshWords];
}

/** Thaws what that left frozen, where it did; what others froze stays as it is. */
export function thawArgv({ uri, vmUuid }: OfVm): string[] {
  return ['sh', '-c', thawIfMarked, 'snaptree-thaw', uri, vmUuid];
}
