/**
 * One operation a VM at a time, whoever starts it and from wherever: a lock file on the host.
 *
 * It is `/var/tmp/snaptree-<vmUuid>.lock` on every host and for every user. `/var/lock` is not used: on some systems
 * (RHEL and its kin) only root may write there, so that root and the members of the libvirt group would look at two
 * different locks; and it is emptied by a reboot, after which an operation that was cut off would look as if it had
 * never been. `/var/tmp` is writable by all, sticky and kept (FHS 3.0, 5.15).
 *
 * The file appears together with its content, because it is written under another name and then linked: link(2) fails
 * where the name exists, on NFS too.
 */
import { z } from 'zod';
import { SnaptreeError } from '../../../shared/errors.ts';
import { readableDuration } from '../../../shared/rules/text/units.ts';
import { visibleJsonLine } from '../../../shared/rules/text/visible-json.ts';
import { quoteArgument } from '../../hosts/commands/quoting.ts';
import type { CommandRunner } from '../../hosts/commands/runner.ts';
import { runFramed } from './host-frames.ts';
import { oneLine } from './one-line.ts';

const defaultLockFolder = '/var/tmp';

const lockOwnerSchema = z.object({
  operationId: z.string().max(100),
  user: z.string().max(1000),
  computer: z.string().max(1000),
  /** Epoch seconds. */
  startedAt: z.number().nonnegative(),
  title: z.string().max(2000),
});

/** What a lock says of the operation that holds it. */
export type LockOwner = z.infer<typeof lockOwnerSchema>;

export type LockResult =
  | { readonly acquired: true }
  /** `owner` is null where the file does not say it in a form that can be read. */
  | { readonly acquired: false; readonly path: string; readonly owner: LockOwner | null };

interface LockTarget {
  readonly vmUuid: string;
  /** Absolute; the same for everybody who uses the host. Other than the default in tests only. */
  readonly folder?: string;
}

const scriptTimeoutSeconds = 30;
const uuidPattern = /^[0-9a-f][0-9a-f-]{6,62}[0-9a-f]$/;

/** The path of a VM's lock. Throws `invalidRequest` for what is no UUID: it becomes part of a path. */
export function lockPath({ vmUuid, folder = defaultLockFolder }: LockTarget): string {
  const uuid = vmUuid.toLowerCase();
  if (!uuidPattern.test(uuid)) {
    throw new SnaptreeError('invalidRequest', `“${oneLine(vmUuid)}” is not a UUID, so the VM cannot be locked.`);
  }
  return `${folder}/snaptree-${uuid}.lock`;
}

/**
 * Takes the lock of a VM, or finds it held by the same operation already. Throws what the runner throws (the outcome is
 * then unknown: releasing is right in either case), and `commandFailed` where the file cannot be made.
 */
export async function acquireLock(
  runner: CommandRunner,
  target: LockTarget & { readonly owner: LockOwner; readonly signal?: AbortSignal },
): Promise<LockResult> {
  const path = lockPath(target);
  const folder = target.folder ?? defaultLockFolder;
  const body = `
umask 022
lock=${quoteArgument(path)}
if [ ! -e "$lock" ] && [ ! -h "$lock" ]; then
  draft=$(mktemp ${quoteArgument(`${folder}/.snaptree-lock.XXXXXXXX`)}) || return 1
  printf '%s\\n' ${quoteArgument(visibleJsonLine(target.owner))} >"$draft" && chmod 644 "$draft" || { rm -f "$draft"; return 1; }
  ln "$draft" "$lock" 2>/dev/null
  rm -f "$draft"
fi
${showLock}`;
  const frames = await runFramed(runner, {
    title: `lock the VM ${target.vmUuid}`,
    body,
    timeoutSeconds: scriptTimeoutSeconds,
    ...(target.signal ? { signal: target.signal } : {}),
  });
  if (frames.has('absent')) {
    throw new SnaptreeError(
      'commandFailed',
      `The lock ${path} could not be made on ${runner.hostName}. Nothing was changed. Check that ${folder} can be written and has room.`,
      { data: { path } },
    );
  }
  const owner = parseOwner(frames.get('content') ?? '');
  if (owner?.operationId === target.owner.operationId) return { acquired: true };
  return { acquired: false, path, owner };
}

/** Which operation is to hold which lock. */
export interface HeldLock extends LockTarget {
  readonly operationId: string;
}

/** How a lock says in its content whose it is, as a pattern of the shell. */
function contentOf(operationId: string): string {
  return quoteArgument(`"operationId":${JSON.stringify(operationId)}`);
}

const readLock = `dd if="$lock" bs=8192 count=1 2>/dev/null`;

/** Shell that defines `holds_lock`: whether the VM is still locked by that operation. */
export function holdsLock(held: HeldLock): string {
  return `
holds_lock() {
  lock=${quoteArgument(lockPath(held))}
  [ -f "$lock" ] && [ ! -h "$lock" ] || return 1
  case $(${readLock}) in *${contentOf(held.operationId)}*) return 0 ;; esac
  return 1
}`;
}

export type TakeOverResult =
  | LockResult
  /** Something of the operation that holds it still runs on the host. */
  | { readonly acquired: false; readonly why: 'running' }
  /** Only the account that made it, or root, can take it. */
  | { readonly acquired: false; readonly why: 'otherAccount'; readonly account: string };

/**
 * Takes a lock over from an operation whose Snaptree is gone, where nothing of it runs: what it has started has SNAPTREE_STEP in its
 * environment, which root and the same account can read (proc(5)). That is looked at once more when the lock has changed, from where on nothing
 * of that operation begins any more (`holdsLock`); where something has begun in between, it has its lock back. Throws what the runner throws.
 */
export async function takeLockOver(
  runner: CommandRunner,
  target: LockTarget & { readonly owner: LockOwner; readonly from: string; readonly signal?: AbortSignal },
): Promise<TakeOverResult> {
  const path = lockPath(target);
  const folder = target.folder ?? defaultLockFolder;
  const body = `
umask 022
lock=${quoteArgument(path)}
is_theirs() { [ -f "$lock" ] && [ ! -h "$lock" ] && case $(${readLock}) in *${contentOf(target.from)}*) ;; *) return 1 ;; esac; }
# Whether grep could read all of them is another question.
something_runs() { [ -n "$(grep -lsF ${quoteArgument(`/operations/${target.from}/`)} /proc/[0-9]*/environ 2>/dev/null)" ]; }
if is_theirs; then
  if something_runs; then frame running; return 0; fi
  if [ "$(id -u)" -ne 0 ] && [ ! -O "$lock" ]; then frame otherAccount; stat -c %U -- "$lock"; return 0; fi
  draft=$(mktemp ${quoteArgument(`${folder}/.snaptree-lock.XXXXXXXX`)}) || return 1
  aside=$(mktemp ${quoteArgument(`${folder}/.snaptree-lock.XXXXXXXX`)}) || { rm -f "$draft"; return 1; }
  printf '%s\n' ${quoteArgument(visibleJsonLine(target.owner))} >"$draft" && chmod 644 "$draft" || { rm -f "$draft" "$aside"; return 1; }
  held=$lock
  # Fails where it has just been released, or taken over by somebody else.
  if ! mv -f "$lock" "$aside" 2>/dev/null; then :
  elif lock=$aside && is_theirs; then
    lock=$held
    ln "$draft" "$lock" 2>/dev/null
    # What passed the look at the lock just before is there by then.
    sleep 1
    if something_runs; then
      frame running
      [ ! "$lock" -ef "$draft" ] || mv -f "$aside" "$lock"
    fi
  else
    # Between the look and the move somebody else had taken it.
    lock=$held
    ln "$aside" "$lock" 2>/dev/null
  fi
  lock=$held
  rm -f "$draft" "$aside"
fi
${showLock}`;
  const frames = await runFramed(runner, {
    title: `take the lock of the VM ${target.vmUuid} over`,
    body,
    timeoutSeconds: scriptTimeoutSeconds,
    ...(target.signal ? { signal: target.signal } : {}),
  });
  if (frames.has('otherAccount')) {
    return { acquired: false, why: 'otherAccount', account: (frames.get('otherAccount') ?? '').trim() };
  }
  if (frames.has('running')) return { acquired: false, why: 'running' };
  const owner = parseOwner(frames.get('content') ?? '');
  if (owner?.operationId === target.owner.operationId) return { acquired: true };
  return { acquired: false, path, owner };
}

/**
 * The shell that removes the locks of an operation, on whichever VM: their content says whose they are, and the only ones
 * who remove others are people. Looked for by content, because the VM is known from the journal, which may be damaged.
 * Gives a frame `released` for each that it removed.
 */
export function releaseLockBody(operationId: string, folder: string = defaultLockFolder): string {
  return `
for lock in ${quoteArgument(folder)}/snaptree-*.lock; do
  if [ ! -f "$lock" ] || [ -h "$lock" ]; then continue; fi
  case $(${readLock}) in
    *${contentOf(operationId)}*) rm -f "$lock" || return 1; frame released ;;
  esac
done`;
}

/** A special file or a link put in the lock's place is never opened. */
const showLock = `
if [ -f "$lock" ] && [ ! -h "$lock" ]; then
  frame content
  ${readLock}
elif [ -e "$lock" ] || [ -h "$lock" ]; then
  frame strange
else
  frame absent
fi
:`;

function parseOwner(content: string): LockOwner | null {
  try {
    return lockOwnerSchema.parse(JSON.parse(content));
  } catch {
    return null;
  }
}

/** The error for a VM that somebody else holds: who, since when, for what, and what to do if they are gone. */
export function vmLockedError(
  context: { readonly hostName: string; readonly vmName: string },
  {
    path,
    owner,
    isOurs,
    now,
  }: {
    readonly path: string;
    readonly owner: LockOwner | null;
    readonly isOurs: boolean;
    /** Epoch seconds. */
    readonly now: number;
  },
): SnaptreeError {
  const host = oneLine(context.hostName);
  const remove = isOurs
    ? 'It is in the list of operations here: if it was cut off, examine it there, and resume or forget it.'
    : owner
      ? 'If that Snaptree is gone for good, the lock can be taken over: nothing of its operation is gone on with then.'
      : `If that Snaptree is gone for good, make sure that nothing of it still runs on ${host} and remove the file ${path} there.`;
  if (!owner) {
    return new SnaptreeError(
      'vmLocked',
      `The VM ${oneLine(context.vmName)} on ${host} is locked by ${path}, which does not say by whom. Nothing was changed. ${remove}`,
      { data: { path }, retryable: true },
    );
  }
  const since = new Date(Math.min(owner.startedAt, 8.64e12) * 1000).toISOString();
  const who = `${oneLine(owner.user)} on ${oneLine(owner.computer)}`;
  return new SnaptreeError(
    'vmLocked',
    `The VM ${oneLine(context.vmName)} on ${host} is locked: ${who} has been at “${oneLine(owner.title)}” since ${since}, for ${readableDuration(Math.max(0, now - owner.startedAt))}. Nothing was changed. Wait for it to end. ${remove}`,
    {
      data: {
        path,
        operationId: oneLine(owner.operationId),
        user: oneLine(owner.user),
        computer: oneLine(owner.computer),
        since,
        // By whom it is taken over where it can be.
        ...(!isOurs && { takeOver: oneLine(owner.operationId) }),
      },
      untold: isOurs ? ['operationId', 'path'] : ['operationId', 'takeOver', 'path'],
      retryable: true,
    },
  );
}

/** The error for a lock that cannot be taken over: nothing was changed. */
export function notTakenOverError(
  { hostName, vmName }: { readonly hostName: string; readonly vmName: string },
  refused: Exclude<TakeOverResult, LockResult>,
): SnaptreeError {
  const what = `The lock of the VM ${oneLine(vmName)} on ${oneLine(hostName)} was not taken over, and nothing was changed`;
  const why =
    refused.why === 'running'
      ? 'something of the operation that holds it still runs there. Wait for it to end.'
      : `it belongs to the account ${oneLine(refused.account)}. Only that and root can take it: connect as one of these.`;
  return new SnaptreeError('vmLocked', `${what}: ${why}`, { retryable: true });
}
