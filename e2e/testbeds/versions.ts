/** Other versions of libvirt than the machine's own, each in a root file system of its own. */
import { build, isBuilt, prepare, remove } from './chroots.ts';
import { libvirtAnswers, ownDaemons, startDaemons, stopDaemons } from './daemons.ts';
import { ensureVirtualMachines } from './scenes.ts';
import { bootstrapPackages, ensurePackages } from './packages.ts';
import { allVersions, knownVersions, otherVersions, ownVersion, placeOf } from './places.ts';
import type { LibvirtVersion } from './places.ts';
import { openSshServer, startSshServer } from './ssh-server.ts';
import type { SshServer } from './ssh-server.ts';
import { endStrayGuests, listVirtualMachines } from './virtual-machine.ts';

const serverName = (version: LibvirtVersion): string => `main-${version.replace('.', '-')}`;

export interface AvailableVersion {
  readonly version: LibvirtVersion;
  readonly up: boolean;
  /** Why it is not up, with what to do; '' when it is. */
  readonly reason: string;
}

/** The SSH server through which a version is reached, if it runs. */
export function versionServer(version: LibvirtVersion): SshServer | undefined {
  return openSshServer(serverName(version));
}

/**
 * Every version of libvirt that tests want, with whether it is up. Does not wait for anything: for `describe.each`. The
 * machine's own counts as up: `up` in the suite sees to that. The newest is among them only where it is up.
 */
export function libvirtVersions(): AvailableVersion[] {
  return knownVersions.map(availability).filter(({ version, up }) => up || allVersions.includes(version));
}

function availability(version: LibvirtVersion): AvailableVersion {
  if (version === ownVersion()) return { version, up: true, reason: '' };
  const runs = 'libvirtd' in ownDaemons(placeOf(version)) && versionServer(version) !== undefined;
  return { version, up: runs, reason: runs ? '' : 'not up, see: npm run testbed -- up libvirt --all-versions' };
}

/**
 * Brings up versions that the machine does not have itself. What is up already stays as it is. About half a minute for one
 * that was never built, a few seconds otherwise.
 */
export async function upVersions(versions: readonly LibvirtVersion[], yes: boolean): Promise<void> {
  const wanted = versions.filter((version) => otherVersions().includes(version));
  const unbuilt = wanted.filter((version) => !isBuilt(version));
  if (unbuilt.length > 0) ensurePackages(bootstrapPackages, yes);
  // Side by side: a half of a build waits for the network.
  await settleAll(unbuilt.map((version) => build(version)));
  for (const version of wanted) {
    const place = placeOf(version);
    await prepare(place);
    if (!('libvirtd' in ownDaemons(place) && (await libvirtAnswers(place)))) {
      await startDaemons(place);
      await endStrayGuests(version);
    }
    if (versionServer(version) === undefined) await startSshServer({ name: serverName(version), version });
  }
  await settleAll(wanted.map((version) => ensureVirtualMachines(version)));
}

/** Waits for all, then throws the first error: what still runs must not meet a testbed that is being taken down. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(promises)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** Takes versions down: their SSH server, VMs, daemons, mounts and files. What was built stays. */
export async function downVersions(versions: readonly LibvirtVersion[]): Promise<void> {
  for (const version of versions.filter((each) => otherVersions().includes(each))) {
    const place = placeOf(version);
    await versionServer(version)?.stop();
    // The VMs' processes have the root file system's own QEMU, and end with it in `remove`.
    await stopDaemons(place);
    await remove(version);
  }
}

export interface VersionStatus {
  readonly version: LibvirtVersion;
  readonly daemons: Readonly<Record<string, number>>;
  readonly port: number | undefined;
  readonly virtualMachines: readonly { readonly name: string; readonly uuid: string; readonly state: string }[];
}

/** What runs of the other versions. Changes nothing. */
export async function versionStatus(): Promise<VersionStatus[]> {
  const result = [];
  for (const { version } of libvirtVersions().filter((each) => each.up && each.version !== ownVersion())) {
    result.push({
      version,
      daemons: ownDaemons(placeOf(version)),
      port: versionServer(version)?.port,
      virtualMachines: await listVirtualMachines(version),
    });
  }
  return result;
}
