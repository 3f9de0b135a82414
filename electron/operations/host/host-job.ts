/**
 * A step runs detached on the host, so that it outlives the connection and can be found again.
 *
 * Every operation has a folder there, `${XDG_STATE_HOME:-$HOME/.local/state}/snaptree/operations/<operationId>`, and every step
 * a folder in it, named by the step's index (and, where it is run again, the number of the attempt: `2-1`):
 *   stdout, stderr   what the command printed
 *   progress         "doneBytes totalBytes", where the command tells how far it is, and behind it what it tells of itself (see
 *                    step-control.ts): it finds the folder in SNAPTREE_STEP, and puts the file in place with mv
 *   wish, answer     "id verb amount who": what the command is to do otherwise from now on, where it tells that it can; and
 *                    "id ok|no sentence", which it says to that. It looks every second.
 *   process          "pid startTime session bootId" of the shell that runs the command; empty: revoked
 *   exit             the exit code, when the command has ended
 *
 * Two things make sure that a step runs at most once, however often and late its start arrives on the host:
 * - the step's folder is made with mkdir, without parents: where it exists the step was started, and where the
 *   operation's folder is gone (forgotten, finished) nothing can start any more;
 * - `process` is put in place with link(2), which fails where it exists: either the step's shell claims it and then runs
 *   the command, or somebody who waited for it in vain revokes it, and then the shell runs nothing.
 */
import { SnaptreeError } from '../../../shared/errors.ts';
import { quoteArgument, quoteCommand } from '../../hosts/commands/quoting.ts';
import type { CommandRunner } from '../../hosts/commands/runner.ts';
import { runFramed } from './host-frames.ts';
import { holdsLock, releaseLockBody, type HeldLock } from './host-lock.ts';

/** What the host says of a step. Output is the end of what was printed, at most 64 KiB each. */
export type JobStatus =
  /** It did not start, and nothing under way can start it unless it is asked for again. */
  | { readonly state: 'absent' }
  /** The operation's own folder is not there: another account, another machine, or somebody removed it. */
  | { readonly state: 'folderMissing' }
  | {
      readonly state: 'running';
      readonly stdout: string;
      readonly stderr: string;
      readonly outputBytes: number;
      /** Null where its command does not tell. */
      readonly progress: ByteProgress | null;
    }
  | { readonly state: 'exited'; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  /** Started, and gone without an exit code: killed, or the host went down. */
  | { readonly state: 'died'; readonly rebooted: boolean; readonly stdout: string; readonly stderr: string };

export interface ByteProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** What the command tells besides, as it stands in the file; see step-control.ts. */
  readonly told?: string;
}

/** What the command of a step that runs is to do otherwise from now on. */
export interface Wish {
  readonly id: string;
  readonly verb: string;
  readonly amount: number;
  /** Whose wish it is: for what the command prints. */
  readonly who: string;
}

export type WishAnswer =
  | { readonly kind: 'done' | 'refused'; readonly sentence: string }
  /** The command has ended, and did not see it. */
  | { readonly kind: 'ended' }
  /** The command runs, and has not said anything to it. */
  | { readonly kind: 'silent' };

/** What is known of a job that runs: more than that is answered sooner. */
export interface SeenOfJob {
  readonly outputBytes: number;
  readonly progress: ByteProgress | null;
}

export interface JobReference {
  /** The operation's folder on the host, from `prepareJobs`. */
  readonly folder: string;
  readonly stepIndex: number;
  /** How often the step was run before, and left without an end: each attempt has a folder of its own. */
  readonly attempt: number;
}

interface WaitOptions {
  /** Answer after so long at the latest, in seconds. */
  readonly waitSeconds: number;
  /** From the last answer. */
  readonly seen?: SeenOfJob;
  readonly signal?: AbortSignal;
}

const tailBytes = 65_536;
/** How long a started step may take until its shell has claimed it. After that it is revoked. */
const launchSeconds = 5;
const scriptTimeoutSeconds = 30;
/**
 * How long one that waits is not told that the job came further, in seconds. An answer costs about 3 kB of traffic: for hours on end
 * that is to stay below 1 kB a second.
 */
const progressSeconds = 4;
const nothingSeen: SeenOfJob = { outputBytes: 0, progress: null };

/**
 * Makes the folder of an operation's jobs, if need be, and gives its absolute path. Throws what the runner throws, and
 * `commandFailed` where it cannot be made.
 */
export async function prepareJobs(
  runner: CommandRunner,
  operationId: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  const body = `
umask 077
${stateBase}
if [ -z "$base" ]; then echo 'HOME is not set' >&2; return 1; fi
mkdir -p "$base/snaptree/operations" && cd "$base/snaptree/operations" || return 1
if [ ! -O . ]; then echo "$base/snaptree/operations belongs to somebody else" >&2; return 1; fi
name=${quoteArgument(checkedId(operationId))}
mkdir "./$name" 2>/dev/null
if [ -h "./$name" ] || [ ! -d "./$name" ] || [ ! -O "./$name" ]; then
  echo "the folder $name in $base/snaptree/operations cannot be made" >&2
  return 1
fi
cd "./$name" || return 1
frame folder
pwd -P`;
  const frames = await runFramed(runner, {
    title: 'make the folder of the operation',
    body,
    timeoutSeconds: scriptTimeoutSeconds,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  return checkedFolder((frames.get('folder') ?? '').replace(/\n$/, ''));
}

/** Sets `$base` to the user's state folder (XDG Base Directory Specification 0.8), or to nothing where there is none. */
const stateBase = `base=\${XDG_STATE_HOME:-}
case $base in /*) ;; *) base= ;; esac
if [ -z "$base" ]; then case \${HOME:-} in /*) base=$HOME/.local/state ;; esac; fi`;

/**
 * Starts a step and waits for it a while, in one round trip. If it was started before, it is only waited for. Where the lock of its VM is
 * not its operation's any more, nothing is started, and it is `absent`: somebody took the lock over, or removed it. Throws
 * what the runner throws; whether the step was started is then known only to the host.
 */
export async function startJob(
  runner: CommandRunner,
  job: JobReference & { readonly argv: readonly string[]; readonly lock: HeldLock },
  options: WaitOptions,
): Promise<JobStatus> {
  return probe(runner, job, options, 'start a step', startBody(job.argv, job.lock));
}

/** Waits on the host for a step to end, for a bounded time. Throws what the runner throws; waiting again is harmless. */
export async function waitForJob(runner: CommandRunner, job: JobReference, options: WaitOptions): Promise<JobStatus> {
  return probe(runner, job, options, 'wait for a step', '');
}

/** What became of a step. A step that was about to start but does not is revoked, so that `absent` stays true. */
export async function inspectJob(
  runner: CommandRunner,
  job: JobReference,
  options: { readonly signal?: AbortSignal } = {},
): Promise<JobStatus> {
  return probe(runner, job, { ...options, waitSeconds: 0 }, 'look for a step', '');
}

/** `nothingThere`: neither jobs nor a lock of the operation. */
export type CleanUpResult = 'cleaned' | 'nothingThere' | 'running';

/**
 * Ends the command of a step, where it runs: every process of it but the shell that waits for it and writes down how it
 * ended. Throws what the runner throws; asking again is harmless.
 */
export async function abortJob(
  runner: CommandRunner,
  job: JobReference,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const body = `
step=${quoteArgument(`${checkedFolder(job.folder)}/${stepFolder(job)}`)}
${probeFunctions}
probe_once
[ "$state" = running ] || return 0
# Of its session: the command and all that it started. Without sessions: the shell's children.
set -- $(cat "$step/process")
shell=$1 session=$3
for file in /proc/[0-9]*/stat; do
  line=
  IFS= read -r line 2>/dev/null <"$file" || continue
  process=\${file#/proc/}
  process=\${process%/stat}
  [ "$process" != "$shell" ] || continue
  stat_fields \${line##*") "}
  if { [ "$session" = "$shell" ] && [ "$stat_session" = "$session" ]; } || [ "$stat_parent" = "$shell" ]; then
    kill -TERM "$process" 2>/dev/null
    # One that stands still (SIGSTOP) does not end before it goes on.
    kill -CONT "$process" 2>/dev/null
  fi
done
:`;
  await runFramed(runner, {
    title: 'end a step',
    body,
    timeoutSeconds: scriptTimeoutSeconds,
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/** How long the command of a step may take to do what it is told. Asking libvirt may take long: it waits for its locks. */
const answerSeconds = 45;

/** Tells the command of a step that runs what it is to do, and waits for its answer. Throws what the runner throws. */
export async function tellJob(
  runner: CommandRunner,
  job: JobReference,
  wish: Wish,
  options: { readonly signal?: AbortSignal } = {},
): Promise<WishAnswer> {
  const words = [wish.id, wish.verb, String(wish.amount), wish.who.replaceAll(/\s+/g, ' ')].join(' ');
  const body = `
umask 077
step=${quoteArgument(`${checkedFolder(job.folder)}/${stepFolder(job)}`)}
${probeFunctions}
probe_once
if [ "$state" != running ]; then frame ended; return 0; fi
printf '%s\\n' ${quoteArgument(words)} >"$step/wish.new" && mv "$step/wish.new" "$step/wish" || return 1
begin=$(date +%s)
while :; do
  line=
  [ -f "$step/answer" ] && { IFS= read -r line <"$step/answer"; } 2>/dev/null
  case $line in ${wish.id}' '*) frame answer; printf '%s\\n' "$line"; break ;; esac
  probe_once
  if [ "$state" != running ]; then frame ended; break; fi
  # Taken back, so that it is not done when nobody expects it any more; it may be at it already.
  if [ $(($(date +%s) - begin)) -ge ${answerSeconds} ]; then rm -f "$step/wish"; frame silent; break; fi
  sleep 0.2 2>/dev/null || sleep 1
done
:`;
  const frames = await runFramed(runner, {
    title: 'tell a step that runs what to do',
    body,
    timeoutSeconds: answerSeconds + scriptTimeoutSeconds,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const [, word, sentence] = /^\S+ (ok|no) (.*)$/.exec((frames.get('answer') ?? '').trim()) ?? [];
  if (word !== undefined && sentence !== undefined) return { kind: word === 'ok' ? 'done' : 'refused', sentence };
  return { kind: frames.has('ended') ? 'ended' : 'silent' };
}

/**
 * Removes what an operation left on its host: the folder of its jobs (where `prepareJobs` would make it, if `jobFolder`
 * is null because its answer never came) and its lock, whichever VM it is on.
 * Gives `running`, and removes nothing, while one of its steps runs. May be repeated.
 */
export async function cleanUpOperation(
  runner: CommandRunner,
  operation: {
    readonly operationId: string;
    readonly jobFolder: string | null;
    readonly lockFolder?: string;
    readonly signal?: AbortSignal;
  },
): Promise<CleanUpResult> {
  const { operationId, jobFolder, lockFolder, signal } = operation;
  if (jobFolder !== null && !checkedFolder(jobFolder).endsWith(`/snaptree/operations/${checkedId(operationId)}`)) {
    throw new SnaptreeError('invalidRequest', `${jobFolder} is not the folder of the operation ${operationId}.`);
  }
  const findFolder =
    jobFolder === null
      ? `${stateBase}\nfolder=$base/snaptree/operations/${checkedId(operationId)}`
      : `folder=${quoteArgument(jobFolder)}`;
  const removeFolder = `
${findFolder}
for step in "$folder"/*/; do
  [ -d "$step" ] || continue
  step=\${step%/}
  probe_once
  if [ "$state" = running ]; then frame running; return 0; fi
done
if [ -d "$folder" ] && [ ! -h "$folder" ]; then
  frame folder
  rm -rf "$folder" || return 1
fi`;
  const frames = await runFramed(runner, {
    title: 'remove what the operation left',
    body: `${probeFunctions}\n${removeFolder}\n${releaseLockBody(operationId, lockFolder)}`,
    timeoutSeconds: scriptTimeoutSeconds,
    ...(signal ? { signal } : {}),
  });
  if (frames.has('running')) return 'running';
  return frames.has('folder') || frames.has('released') ? 'cleaned' : 'nothingThere';
}

/**
 * The shell that runs a step's command, detached. Its arguments: the step's folder, then the command. The command is
 * run with `exec`, so that no builtin of the shell can take its place.
 */
const wrapper = `
trap "" HUP
step=$1
shift
stat=
IFS= read -r stat 2>/dev/null </proc/$$/stat
rest=\${stat##*") "}
snaptree_self() {
  started=\${20:--}
  session=\${4:--}
}
snaptree_self $rest
boot=
IFS= read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id
printf "%s %s %s %s\\n" "$$" "$started" "$session" "\${boot:--}" >"$step/process.$$" || exit 1
ln "$step/process.$$" "$step/process" 2>/dev/null || exit 1
export SNAPTREE_STEP="$step"
(exec "$@") </dev/null >"$step/stdout" 2>"$step/stderr"
echo "$?" >"$step/exit.new" && mv "$step/exit.new" "$step/exit"
`;

function startBody(argv: readonly string[], lock: HeldLock): string {
  return `
${holdsLock(lock)}
if [ -f "$step/process" ] && [ ! -s "$step/process" ]; then
  rm -rf "$step"
fi
if holds_lock && mkdir "$step" 2>/dev/null; then
  export LC_ALL=C TZ=UTC
  set -- ${quoteArgument(wrapper)} snaptree-step "$step" ${quoteCommand(argv)}
  if command -v setsid >/dev/null 2>&1; then
    setsid sh -c "$@" </dev/null >/dev/null 2>&1 &
  else
    nohup sh -c "$@" </dev/null >/dev/null 2>&1 &
  fi
fi`;
}

/**
 * Looks at the step in `$step` and sets `$state`. A process is known by its pid, its start time and the boot it belongs
 * to, so that another with the same pid is not taken for it. Where the shell is gone but something of its session still
 * runs, the step runs: killing the shell does not stop the command.
 */
const probeFunctions = `
alive() {
  set -- $(cat "$step/process" 2>/dev/null)
  pid=\${1:--} started=\${2:--} session=\${3:--} boot=\${4:--}
  now=
  IFS= read -r now 2>/dev/null </proc/sys/kernel/random/boot_id
  rebooted=no
  if [ "$boot" != "\${now:--}" ]; then rebooted=yes; return 1; fi
  if [ ! -r /proc/self/stat ]; then kill -0 "$pid" 2>/dev/null; return; fi
  line=
  if IFS= read -r line 2>/dev/null <"/proc/$pid/stat"; then
    stat_fields \${line##*") "}
    # Z: ended, only not yet collected by its parent.
    if [ "$stat_started" = "$started" ] && [ "$stat_state" != Z ]; then return 0; fi
  fi
  [ "$session" = "$pid" ] || return 1
  for file in /proc/[0-9]*/stat; do
    IFS= read -r line 2>/dev/null <"$file" || continue
    stat_fields \${line##*") "}
    if [ "$stat_session" = "$session" ] && [ "$stat_state" != Z ]; then return 0; fi
  done
  return 1
}
stat_fields() {
  stat_state=\${1:--} stat_parent=\${2:--} stat_session=\${4:--} stat_started=\${20:--}
}
probe_once() {
  rebooted=no
  if [ ! -d "$step" ]; then state=absent
  elif [ -f "$step/exit" ]; then state=exited
  elif [ ! -f "$step/process" ]; then state=launching
  elif [ ! -s "$step/process" ]; then state=absent
  elif alive; then state=running
  elif [ -f "$step/exit" ]; then state=exited
  else state=died
  fi
}`;

async function probe(
  runner: CommandRunner,
  job: JobReference,
  { waitSeconds, seen = nothingSeen, signal }: WaitOptions,
  title: string,
  start: string,
): Promise<JobStatus> {
  const name = stepFolder(job);
  const body = `
umask 077
folder=${quoteArgument(checkedFolder(job.folder))}
step=$folder/${name}
if [ -h "$folder" ] || [ ! -d "$folder" ] || [ ! -O "$folder" ]; then frame state; echo folderMissing; return 0; fi
${probeFunctions}
size() {
  bytes=$(cat "$step/stdout" "$step/stderr" 2>/dev/null | wc -c)
  bytes=$((bytes))
}
progress=
${start}
begin=$(date +%s)
while :; do
  probe_once
  size
  [ -f "$step/progress" ] && { IFS= read -r progress <"$step/progress"; } 2>/dev/null
  elapsed=$(($(date +%s) - begin))
  if [ "$state" = launching ] && [ "$elapsed" -ge ${launchSeconds} ]; then
    # Empty: that has room where nothing else has.
    { : >"$step/process.revoked"; } 2>/dev/null && ln "$step/process.revoked" "$step/process" 2>/dev/null
    if [ ! -e "$step/process" ]; then
      echo "the step has not begun, and cannot be kept from it: nothing can be made in $step. Check the free space there" >&2
      return 1
    fi
    continue
  fi
  if [ "$state" != launching ]; then
    [ "$state" = running ] || break
    [ "$elapsed" -lt ${Math.max(0, Math.ceil(waitSeconds))} ] || break
    if [ "$bytes" -gt ${Math.max(0, Math.floor(seen.outputBytes))} ] && [ "$elapsed" -ge 1 ]; then break; fi
    if [ "$progress" != ${quoteArgument(progressLine(seen.progress))} ] && [ "$elapsed" -ge ${progressSeconds} ]; then break; fi
  fi
  # What is short is told at once; what takes long is not kept from the processor.
  pause=0.1
  [ "$elapsed" -lt 3 ] || pause=0.5
  sleep "$pause" 2>/dev/null || sleep 1
done
frame state
echo "$state $rebooted $bytes"
if [ "$state" = exited ]; then frame exit; cat "$step/exit"; fi
frame progress
printf '%.200s\\n' "$progress"
frame stdout
tail -c ${tailBytes} "$step/stdout" 2>/dev/null
frame stderr
tail -c ${tailBytes} "$step/stderr" 2>/dev/null
:`;
  const timeoutSeconds = Math.ceil(waitSeconds) + launchSeconds + scriptTimeoutSeconds;
  const frames = await runFramed(runner, { title, body, timeoutSeconds, ...(signal ? { signal } : {}) });
  return parseStatus(frames, runner.hostName);
}

function stepFolder({ stepIndex, attempt }: JobReference): string {
  for (const number of [stepIndex, attempt]) {
    if (!Number.isSafeInteger(number) || number < 0) throw new RangeError('not a step index');
  }
  return attempt === 0 ? String(stepIndex) : `${stepIndex}-${attempt}`;
}

function parseStatus(frames: ReadonlyMap<string, string>, hostName: string): JobStatus {
  const [state, rebooted, bytes] = (frames.get('state') ?? '').trim().split(' ');
  const stdout = frames.get('stdout') ?? '';
  const stderr = frames.get('stderr') ?? '';
  switch (state) {
    case 'absent':
    case 'folderMissing':
      return { state };
    case 'running':
      return {
        state,
        stdout,
        stderr,
        outputBytes: Number(bytes),
        progress: parseProgress(frames.get('progress') ?? ''),
      };
    case 'died':
      return { state, rebooted: rebooted === 'yes', stdout, stderr };
    case 'exited': {
      const exitCode = (frames.get('exit') ?? '').trim();
      if (/^\d{1,3}$/.test(exitCode)) return { state, exitCode: Number(exitCode), stdout, stderr };
      break;
    }
    default:
  }
  throw new SnaptreeError('unexpectedOutput', `${hostName} did not say in what state a step is.`, {
    data: { state: frames.get('state') ?? '', exit: frames.get('exit') ?? '' },
    untold: ['state', 'exit'],
  });
}

function progressLine(progress: ByteProgress | null): string {
  if (progress === null) return '';
  const { doneBytes, totalBytes, told } = progress;
  return `${doneBytes} ${totalBytes}${told === undefined ? '' : ` ${told}`}`;
}

function parseProgress(text: string): ByteProgress | null {
  const [, done, total, told] = /^(\d{1,16}) (\d{1,16})(?: (.+))?$/.exec(text.trim()) ?? [];
  return done === undefined || total === undefined
    ? null
    : { doneBytes: Number(done), totalBytes: Number(total), ...(told === undefined ? {} : { told }) };
}

function checkedId(operationId: string): string {
  if (!/^[0-9a-zA-Z-]{1,64}$/.test(operationId)) {
    throw new SnaptreeError('invalidRequest', 'This is not the id of an operation.');
  }
  return operationId;
}

function checkedFolder(folder: string): string {
  if (!folder.startsWith('/') || folder.includes('\n')) {
    throw new SnaptreeError('unexpectedOutput', `“${folder}” is not an absolute path.`);
  }
  return folder;
}
