/** The scripts of a merge while the VM is shut off: qemu-img does the work, and nobody else may have the images open. */
import { wishFunctions } from './wishes.ts';

export interface OfflineCommit {
  readonly uri: string;
  readonly vmUuid: string;
  readonly top: string;
  readonly topFormat: string;
  readonly base: string;
  /** What is to be copied at most, in bytes: what progress is told of. */
  readonly bytes: number;
  /** See `mergeMark`. */
  readonly mark: string;
}

/**
 * Without emptying the image that goes away (`-d`): until it is removed, the chain reads the same through it as without it, and
 * running this again does the same. qemu-img takes the locks that QEMU takes.
 */
export function offlineCommitArgv({ uri, vmUuid, top, topFormat, base, bytes, mark }: OfflineCommit): string[] {
  const command = ['commit', '-p', '-d', '-f', topFormat, '-b', base, '--', top];
  return ['sh', '-c', script, 'snaptree-merge', uri, vmUuid, mark, base, String(bytes), ...command];
}

/** What an overlay records of the image that it hangs on. */
export interface BackingReference {
  /** Absolute, or counted from the overlay's folder. */
  readonly name: string;
  readonly format: string;
}

export interface OfflineRebase {
  readonly uri: string;
  readonly vmUuid: string;
  readonly overlay: string;
  readonly overlayFormat: string;
  /** Null: it stands alone afterwards. */
  readonly base: BackingReference | null;
  readonly bytes: number;
}

/** The safe rebase: what is read through the overlay stays the same, for what differs is copied into it first. */
export function offlineRebaseArgv(rebase: OfflineRebase): string[] {
  const { uri, vmUuid, overlay, overlayFormat, base, bytes } = rebase;
  const command = ['rebase', '-p', '-f', overlayFormat, ...backing(base), '--', overlay];
  return ['sh', '-c', script, 'snaptree-merge', uri, vmUuid, '', '', String(bytes), ...command];
}

/** Only the reference is written: right where both bases read the same, which is so after a commit. */
export function referenceArgv(overlay: string, overlayFormat: string, base: BackingReference): string[] {
  return ['qemu-img', 'rebase', '-u', '-f', overlayFormat, ...backing(base), '--', overlay];
}

function backing(base: BackingReference | null): string[] {
  return base === null ? ['-b', ''] : ['-F', base.format, '-b', base.name];
}

/**
 * For scripts in which qemu-img works long, with the arguments "$@": tells how far it is, of `total` bytes, and stops and goes on as it is
 * wished. Where it ended well, `$work/ended-0` is there then: a name, which has room where nothing can be written any more. Takes `total`, the folders `work` and `folder` (of the step) from the script that it stands in.
 *
 * qemu-img cannot change its speed while it works, and of its commands only commit has a limit at all (since QEMU 5.2). But it can be
 * stopped: it keeps its locks, so that nobody else opens the images, the VM's QEMU included.
 *
 * It prints "    (12.34/100%)" again and again, with returns between.
 */
export const watchedQemuImg = `
# Whatever ends the command, its end is written down.
: >"$work/running" || exit 1
(trap : TERM; LC_ALL=C qemu-img "$@" >"$work/percent"; mv "$work/running" "$work/ended-$?") &
worker=$!
trap : TERM
# Sends a signal to qemu-img: what the process beside this one has begun.
signal() {
  name=$1
  for file in /proc/[0-9]*/stat; do
    line=
    IFS= read -r line 2>/dev/null <"$file" || continue
    set -- \${line##*") "}
    [ "\${2:-}" = "$worker" ] || continue
    process=\${file#/proc/}
    kill -s "$name" "\${process%/stat}" && return 0
  done
  return 1
}
${wishFunctions}
paused=
heed() {
  readWish || return 0
  case $verb in
    pause) if signal STOP; then paused=' paused'; answer ok 'qemu-img is stopped. It keeps its locks: the VM does not start meanwhile.'; return 0; fi ;;
    continue) if signal CONT; then paused=; answer ok 'qemu-img goes on.'; return 0; fi ;;
    *) answer no 'qemu-img cannot change its speed while it works. It can be paused.'; return 0 ;;
  esac
  answer no 'qemu-img has just ended.'
}
while [ -e "$work/running" ]; do
  if [ -n "\${SNAPTREE_STEP:-}" ]; then
    percent=$(tail -c 60 "$work/percent" 2>/dev/null | tr '\\r' '\\n' | sed -n 's/^ *(\\([0-9]*\\)\\.[0-9]*\\/100%)$/\\1/p' | tail -n 1)
    heed
    printf '%s %s can=pause%s\\n' "$((total / 100 * \${percent:-0}))" "$total" "$paused" >"$SNAPTREE_STEP/progress.new" && mv "$SNAPTREE_STEP/progress.new" "$SNAPTREE_STEP/progress"
  fi
  sleep 0.5 2>/dev/null || sleep 1
done
`.trim();

const script = `
uri=$1 vm=$2 mark=$3 base=$4 total=$5
shift 5
folder=\${SNAPTREE_STEP:-}
fail() { printf '%s\\n' "$*" >&2; exit 1; }
state=$(LC_ALL=C virsh -c "$uri" domstate "--domain=$vm" | head -n 1)
[ "$state" = 'shut off' ] || fail "The VM is not shut off any more ($state). Nothing was begun."
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
before=
if [ -n "$mark" ] && [ -n "\${SNAPTREE_STEP:-}" ]; then
  mark=\${SNAPTREE_STEP%/*}/$mark
  # Of a volume the time of the last change says nothing.
  if [ ! -e "$mark" ] && [ -f "$base" ]; then before=$(stat -L -c '%y %s' -- "$base"); fi
  : >"$mark"
fi
${watchedQemuImg}
[ -e "$work/ended-0" ] && exit 0
if [ -n "$before" ] && [ "$before" = "$(stat -L -c '%y %s' -- "$base")" ]; then
  rm -f -- "$mark"
  fail 'qemu-img did not begin. Nothing was changed.'
fi
fail 'qemu-img did not finish. What the VM reads is as it was.'
`.trim();
