/** Where this machine gets its Debian packages: what is built here comes from there too. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Names the mirror where the machine's own sources do not. */
const mirrorVariable = 'SNAPTREE_DEBIAN_MIRROR';
const keyrings = ['/usr/share/keyrings/debian-archive-keyring.gpg'];

interface Source {
  readonly mirror: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter((word) => word !== '');

/** The sources in a file of apt, in either of its two forms. */
export function parseSources(text: string): Source[] {
  if (/^Types:/m.test(text)) {
    return text.split(/\n\s*\n/).flatMap((stanza) => {
      // Comment lines may stand inside a field.
      const lines = stanza.split('\n').filter((line) => !line.startsWith('#'));
      const field = (name: string) => words(lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1));
      if (!field('Types').includes('deb') || field('Enabled')[0] === 'no') return [];
      return field('URIs').map((mirror) => ({ mirror, suites: field('Suites'), components: field('Components') }));
    });
  }
  return text.split('\n').flatMap((line) => {
    const [, mirror, suite, components] = /^deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return mirror === undefined || suite === undefined
      ? []
      : [{ mirror, suites: [suite], components: words(components) }];
  });
}

/** The mirror that a Debian of this release gets its packages from; null where the sources name none. */
export function mirrorOf(sources: readonly Source[], codename: string | undefined): string | null {
  const own = sources.find(
    ({ mirror, suites, components }) =>
      codename !== undefined && suites.includes(codename) && components.includes('main') && /^https?:/.test(mirror),
  );
  return own?.mirror.replace(/\/$/, '') ?? null;
}

/** The mirror and the keyring for root file systems of other releases. Throws where neither sources nor variable name one. */
export function debianSource(): { readonly mirror: string; readonly keyring: string | undefined } {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const sources = ['/etc/apt/sources.list', ...files.filter((file) => /\.(list|sources)$/.test(file))]
    .filter((file) => existsSync(file))
    .flatMap((file) => parseSources(readFileSync(file, 'utf8')));
  const release = readFileSync('/etc/os-release', 'utf8');
  const codename = /^ID=debian$/m.test(release) ? /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] : undefined;
  const mirror = process.env[mirrorVariable] ?? mirrorOf(sources, codename);
  if (mirror === null) {
    throw new Error(
      `The package sources of this machine name no mirror of Debian. Set ${mirrorVariable} to the address of one.`,
    );
  }
  return { mirror, keyring: keyrings.find((file) => existsSync(file)) };
}
