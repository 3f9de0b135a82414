/** A look at what a snapshot's memory needs besides files, before the VM that runs is ended for it. */
import type { Expectation, PlanStep } from '../../../../shared/model/plan.ts';
import { lookingStep } from '../../planning/looking-step.ts';
import type { LibvirtContext } from './plan-rules.ts';

/**
 * libvirt ends the VM before it looks for the networks of the record, and one that is undefined or not active by then leaves
 * it shut off, without its memory ("Network not found"; seen on 9.0). The record is read on the host, since networks can be
 * defined and stopped at any time.
 */
const script = `
export LC_ALL=C
uri=$1 vm=$2 snapshot=$3
record=$(virsh -c "$uri" snapshot-dumpxml --domain="$vm" --snapshotname="$snapshot") || exit 1
printf '%s\\n' "$record" | sed -n "s/.*<source network='\\([^']*\\)'.*/\\1/p" | sed "s/&apos;/'/g; s/&quot;/\\"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\\&/g" | sort -u | {
  while IFS= read -r network; do
    virsh -c "$uri" net-info --network="$network" 2>&1 | grep -q '^Active: *yes' && continue
    printf '%s\\n' "Nothing was changed: the network “$network”, which the snapshot needs, is not there or not active. Define and start it (virsh net-define, net-start), then try again." >&2
    exit 1
  done
}
`.trim();

/** The step that looks whether the virtual networks of a snapshot's record are there and active. */
export function networksAreThere(
  { uri, vm }: LibvirtContext,
  snapshotName: string,
  verify: Expectation[],
): Omit<PlanStep, 'index'> {
  return lookingStep({
    title: 'Check that the networks of the snapshot are there',
    script,
    words: [uri, vm.uuid, snapshotName],
    reads: [],
    verify,
  });
}
