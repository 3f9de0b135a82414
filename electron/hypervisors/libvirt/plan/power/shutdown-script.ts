/** The script that asks a guest to shut down, and waits for it. */
import type { LibvirtContext } from '../plan-rules.ts';

/**
 * `virsh shutdown` only asks, and is done at once. Without a mode libvirt asks the agent in the guest where one is connected, and presses
 * the power button (ACPI) otherwise, or where the agent does not answer (qemuDomainShutdownFlags). A guest without a desktop session,
 * in its boot loader or with a dialog open may take no notice, so it is asked again every so often: it does nothing else then.
 * What becomes of a VM whose guest has ended, its definition says.
 */
const script = `
uri=$1 vm=$2 seconds=$3
export LC_ALL=C
fail() { printf '%s\\n' "$*" >&2; exit 1; }
state() { virsh -c "$uri" domstate "--domain=$vm" 2>/dev/null | head -n 1; }
ask() { virsh -c "$uri" shutdown "--domain=$vm"; }
action=$(virsh -c "$uri" dumpxml "--domain=$vm" | sed -n 's/^  <on_poweroff>\\(.*\\)<\\/on_poweroff>$/\\1/p')
[ "\${action:-destroy}" = destroy ] || fail "Nothing was changed: by its definition (on_poweroff: $action) it is not shut off when its guest ends. Change that first (virsh edit), or force it off."
ask || fail 'It could not be asked to shut down, and runs on.'
waited=0
while [ "$waited" -lt "$seconds" ]; do
  # A VM that does not answer at the moment may still end.
  [ "$(state)" != 'shut off' ] || exit 0
  sleep 1
  waited=$((waited + 1))
  [ $((waited % 30)) -ne 0 ] || ask >/dev/null 2>&1
done
[ "$(state)" != 'shut off' ] || exit 0
fail "Its guest did not shut down within $seconds seconds, and runs on; it may still end. Look at its console: it may wait for an answer or an update, or take no notice of the power button (no ACPI, no agent). Then try again, shut it down from inside, or force it off, which loses what it has not written."
`.trim();

export function shutdownArgv(seconds: number, { uri, vm }: LibvirtContext): string[] {
  return ['sh', '-c', script, 'snaptree-shutdown', uri, vm.uuid, String(seconds)];
}
