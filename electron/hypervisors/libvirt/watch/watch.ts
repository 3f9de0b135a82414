/**
 * libvirt's own events, as `virsh event` prints them, e.g.
 * `2026-11-21 01:12:47.053+0000: event 'lifecycle' for domain 'web': Started Booted` (libvirt 7.0 writes no quotes).
 *
 * There is no event for snapshots. Seen with libvirt 9.0: an internal snapshot of a running VM pauses and resumes it
 * (lifecycle), a revert says `Defined Snapshot` or starts and stops the VM, a commit is a block job; but what is done to
 * snapshots of a VM that is shut off, and a disk-only snapshot of a running one, says nothing. So events tell that
 * something happened at once, and polling goes on for what they do not tell.
 */
import { SnaptreeError } from '../../../../shared/errors.ts';
import { quoteArgument } from '../../../hosts/commands/quoting.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import type { WatchOptions } from '../../driver.ts';

/** Events after which something that Snaptree shows may be different. */
const telling = new Set([
  'lifecycle',
  'block-job',
  'block-job-2',
  'disk-change',
  'tray-change',
  'device-added',
  'device-removed',
  'metadata-change',
  'pm-suspend',
  'pm-wakeup',
  'pm-suspend-disk',
  'io-error',
  'io-error-reason',
]);

/** The VM that a line of `virsh event --all --timestamp` is about; null where nothing that is shown can have changed. */
export function vmOfEvent(line: string): string | null {
  const match = /^\S+ \S+: event '?([a-z0-9-]+)'? for domain (?:'(.*?)'|(.*?)):(?: |$)/.exec(line);
  if (!match || !telling.has(match[1] ?? '')) return null;
  return match[2] ?? match[3] ?? null;
}

/**
 * The script to follow. virsh must not outlive the connection: it ends when stdin, which is the connection, does.
 */
function watchScript(uri: string): string {
  return `command -v virsh >/dev/null 2>&1 || exit 127
echo watching
exec 3<&0
virsh -q -c ${quoteArgument(uri)} event --all --loop --timestamp </dev/null 3<&- &
watcher=$!
{ while read -r line <&3; do :; done; kill "$watcher"; } >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$watcher"
code=$?
kill "$guard" 2>/dev/null
exit "$code"
`;
}

/** Calls `onChange` for each event that matters, until `signal` aborts. See `HypervisorDriver.watch`. */
export async function watchLibvirt(runner: CommandRunner, uri: string, options: WatchOptions): Promise<void> {
  const { signal, onChange, onReady } = options;
  try {
    const { stderr } = await runner.follow({
      script: watchScript(uri),
      title: 'Listening to libvirt',
      signal,
      onLine(line) {
        if (line === 'watching') onReady();
        const vmName = vmOfEvent(line);
        if (vmName !== null) onChange(vmName);
      },
    });
    throw new SnaptreeError('commandFailed', `libvirt on ${runner.hostName} no longer tells what happens there.`, {
      data: { stderr },
      untold: ['stderr'],
      retryable: true,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
