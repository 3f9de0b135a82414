import { spawnSync } from 'node:child_process';

/** Debian packages that the libvirt testbed needs. */
export const requiredPackages: readonly string[] = [
  'libvirt-daemon-system',
  'libvirt-clients',
  'qemu-system-x86',
  'qemu-utils',
  'openssh-server',
  'openssh-client',
  // Hosts on which everything runs through sudo.
  'sudo',
];

/** Debian packages that the testbed needs for other versions of libvirt than the machine's own. */
export const bootstrapPackages: readonly string[] = ['debootstrap', 'debian-archive-keyring'];

/** Debian packages that go into the root file systems of those versions. */
export const chrootPackages: readonly string[] = [
  'libvirt-daemon-system',
  'libvirt-clients',
  'qemu-system-x86',
  'qemu-utils',
  'procps',
];

/** Debian packages that the end-to-end tests need besides. */
export const browserPackages: readonly string[] = ['chromium'];

/** Login shells that the line which starts every command has to work in. */
export const loginShellPackages: readonly string[] = ['zsh', 'ksh93u+m', 'tcsh', 'fish'];

/** Those of the packages that are not installed. */
function missingPackages(packages: readonly string[]): string[] {
  return packages.filter((name) => {
    const result = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
    return result.status !== 0 || result.stdout !== 'installed';
  });
}

/** The line that a person has to run to install packages. */
function installLine(packages: readonly string[]): string {
  return `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

/** Installs packages with apt-get (needs root); throws when apt-get fails. Its output goes to stderr. */
function installPackages(packages: readonly string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const stdio: ['ignore', number, number] = ['ignore', 2, 2];
  spawnSync('apt-get', ['update', '-qq'], { env: environment, stdio });
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env: environment,
    stdio,
  });
  if (result.status !== 0) throw new Error(`Installing failed. Run by hand: ${installLine(packages)}`);
}

/** True when the testbed may install packages by itself: root, and `--yes` on the command line or CI in the environment. */
function mayInstall(yes: boolean): boolean {
  const ci = process.env['CI'];
  return process.getuid?.() === 0 && (yes || (ci !== undefined && ci !== '' && ci !== 'false'));
}

/**
 * Makes sure that packages are installed: installs the missing ones when it may, and otherwise throws an error that
 * says the exact line to run.
 */
export function ensurePackages(packages: readonly string[], yes: boolean): void {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  if (!mayInstall(yes)) {
    throw new Error(
      `These Debian packages are missing: ${missing.join(', ')}. Run as root:\n  ${installLine(missing)}`,
    );
  }
  installPackages(missing);
}
