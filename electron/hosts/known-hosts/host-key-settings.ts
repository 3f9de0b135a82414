/** What OpenSSH's configuration says about the key of a host: which files are read, and under which name it stands there. */
import { withoutEnd } from '../../../shared/rules/text/trim.ts';
import { opensshKnownHosts } from '../../store/paths.ts';
import { resolveSshSettings, settingOf } from '../openssh/ssh-settings.ts';
import type { Environment, SshSettings } from '../openssh/ssh-settings.ts';

export interface HostKeySettings {
  /** The known_hosts files, absolute. */
  readonly files: readonly string[];
  /** Takes the place of address and port: HostKeyAlias. */
  readonly alias: string | null;
  /** The address as CanonicalizeHostname completes it; null where that changes nothing. */
  readonly canonicalName: string | null;
  /** The file of RevokedHostKeys. */
  readonly revokedKeys: string | null;
  /** StrictHostKeyChecking is `yes`: nobody is to be asked about a host that is not known. */
  readonly mustBeKnown: boolean;
  /** KnownHostsCommand is set: OpenSSH knows keys that stand in no file. */
  readonly hasCommand: boolean;
}

/** The settings of a host about which OpenSSH's configuration says nothing. */
export function plainHostKeySettings(files: readonly string[]): HostKeySettings {
  return { files, alias: null, canonicalName: null, revokedKeys: null, mustBeKnown: false, hasCommand: false };
}

/** The absolute paths in a list as `ssh -G` prints it, without quotes: a space within a path is told by what follows. */
export function splitPaths(list: string): string[] {
  return ` ${list}`.split(' /').flatMap((path, index) => (index === 0 ? [] : [`/${withoutEnd(path, ' ')}`]));
}

const isYes = (value: string | null): boolean => value === 'yes' || value === 'true';

/**
 * Asks `ssh -G` about a host; where it cannot be asked, and on Windows, everything is as OpenSSH has it by default.
 *
 * @param home the user's home folder, absolute
 * @param configFile read instead of the user's and the system's configuration
 */
export function createHostKeySettings(parts: {
  readonly environment: Environment;
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly configFile?: string;
}): (address: string, port: number) => Promise<HostKeySettings> {
  const { environment, platform, home, configFile = null } = parts;
  const byDefault = plainHostKeySettings(opensshKnownHosts(environment, platform, home));

  /** The name that CanonicalizeHostname makes, told from what HostName says: Snaptree's own SSH follows only the first. */
  async function canonicalNameOf(settings: SshSettings, address: string, port: number): Promise<string | null> {
    const canonicalize = settingOf(settings, 'canonicalizehostname');
    if (canonicalize === null || ['no', 'false'].includes(canonicalize)) return null;
    const options = ['CanonicalizeHostname=no'];
    const without = await resolveSshSettings({ destination: address, port, configFile, environment, options });
    const name = settingOf(settings, 'hostname');
    return without.kind === 'settings' && settingOf(without.settings, 'hostname') !== name ? name : null;
  }

  return async (address, port) => {
    if (platform === 'win32') return byDefault;
    const resolved = await resolveSshSettings({ destination: address, port, configFile, environment });
    if (resolved.kind !== 'settings') return byDefault;
    const { settings } = resolved;
    const lists = ['userknownhostsfile', 'globalknownhostsfile'].map((keyword) => settings.get(keyword)?.[0]);
    return {
      files: lists.includes(undefined) ? byDefault.files : lists.flatMap((list) => splitPaths(list ?? '')),
      alias: settingOf(settings, 'hostkeyalias'),
      canonicalName: await canonicalNameOf(settings, address, port),
      revokedKeys: settingOf(settings, 'revokedhostkeys'),
      mustBeKnown: isYes(settingOf(settings, 'stricthostkeychecking')),
      hasCommand: settingOf(settings, 'knownhostscommand') !== null,
    };
  };
}
