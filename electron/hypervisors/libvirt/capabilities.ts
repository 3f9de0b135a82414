/** What libvirt can do by its version: one table, for what is shown and for what is planned. Pure. */
import { longestLibvirtChain } from '../../../shared/rules/chains/chains.ts';
import type { Capability } from '../../../shared/model/inventory.ts';
import type { LibvirtAbilities } from '../../../shared/rules/snapshots/libvirt-refusals.ts';
import { isAtLeast } from '../../../shared/rules/text/version-numbers.ts';

interface Rule {
  readonly id: Capability['id'];
  readonly since: string;
  /** What it is, to go behind “libvirt can” and “libvirt cannot”. */
  readonly can: string;
  /** What Snaptree does where it cannot. */
  readonly otherwise: string;
}

/** libvirt's release notes; see also the tests, which run against 7.0, 9.0 and 11.3. */
const rules: readonly Rule[] = [
  {
    id: 'revertToExternal',
    since: '9.9.0',
    can: 'revert to external snapshots by itself',
    otherwise: 'it takes new overlays and a changed definition',
  },
  {
    id: 'deleteExternal',
    since: '9.0.0',
    can: 'delete external snapshots by itself',
    otherwise: 'images are merged and records deleted one by one',
  },
  {
    id: 'deleteExternalWithDescendants',
    since: '9.9.0',
    can: 'delete an external snapshot together with those below it',
    otherwise: 'they are deleted one after the other',
  },
  {
    id: 'createInternalWithNvram',
    since: '10.9.0',
    can: 'make internal snapshots of VMs with UEFI variables',
    otherwise: 'such plans are refused',
  },
  {
    id: 'internalWithNvram',
    since: '10.10.0',
    can: 'revert to and delete internal snapshots of VMs with UEFI variables',
    otherwise: 'such plans are refused',
  },
  {
    // virsh event --all --loop --timestamp.
    id: 'events',
    since: '1.3.3',
    can: 'tell when a VM changes',
    otherwise: 'the host is asked again and again',
  },
];

/** Whether libvirt of this version has the capability. A version that is not known is taken to be too old. */
export function hasCapability(libvirtVersion: string | null, id: Capability['id']): boolean {
  const rule = rules.find((each) => each.id === id);
  return rule !== undefined && isAtLeast(libvirtVersion, rule.since);
}

/** The same, as rules ask that the window has too. */
export function abilitiesOf(libvirtVersion: string | null): LibvirtAbilities {
  return { version: libvirtVersion, can: (id) => hasCapability(libvirtVersion, id) };
}

/** All capabilities of libvirt of this version, to be shown. */
export function libvirtCapabilities(libvirtVersion: string | null): Capability[] {
  return rules.map(({ id, since, can, otherwise }) => {
    const available = isAtLeast(libvirtVersion, since);
    const here = libvirtVersion === null ? 'its version is not known' : `this is ${libvirtVersion}`;
    const explanation = available
      ? `libvirt can ${can} (since ${since}; ${here}).`
      : `libvirt cannot ${can} (since ${since}; ${here}): ${otherwise}.`;
    return { id, available, explanation };
  });
}

/** Whether internal snapshots are saved, loaded and deleted in QEMU by jobs that carry the name of the snapshot. */
export function namesJobsAfterSnapshots(libvirtVersion: string | null): boolean {
  return isAtLeast(libvirtVersion, '10.9.0');
}

/**
 * The major version since which a VM's definition (dumpxml, of the next start too, and domblklist) waits up to half a minute for whoever
 * holds the VM, such as for QEMU's answer (libvirt 6cc93bf28842, 11.0; seen on 11.3). Until 11.4 it fails then.
 */
export const definitionsWaitSince = 11;

/** Whether the definition of a VM whose QEMU hangs is to be had of virsh only after half a minute. */
export function definitionsWaitForHolders(libvirtVersion: string | null): boolean {
  return isAtLeast(libvirtVersion, `${String(definitionsWaitSince)}.0.0`);
}

/** Whether reverting to internal snapshots of shut-off VMs fails (“writable but does not support snapshots”). */
export function hasInternalRevertRegression(libvirtVersion: string | null): boolean {
  return isAtLeast(libvirtVersion, '11.2.0') && !isAtLeast(libvirtVersion, '11.4.0');
}

/**
 * How many images a disk's chain may have, from the active layer to the base: one more than the disk has external snapshots.
 * libvirt takes 200. Before 12.0 VMs did not start with more than about 25 snapshots; the number is not exact, so it is taken
 * for images, which is one snapshot fewer.
 */
export function longestChain(libvirtVersion: string | null): number {
  return isAtLeast(libvirtVersion, '12.0.0') ? longestLibvirtChain : 25;
}
