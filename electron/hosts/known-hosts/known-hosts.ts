/** The known_hosts files: the user's and the system's are read, only Snaptree's own is written. */
import { readTextFile, replaceFile } from '../../store/files.ts';
import { plainHostKeySettings } from './host-key-settings.ts';
import type { HostKeySettings } from './host-key-settings.ts';
import { canonicalHosts, hostEntryName, keyTypeOf, parseKnownHosts } from './known-hosts-match.ts';
import type { HostPlace, KnownHostLine } from './known-hosts-match.ts';

/** What is known of the keys of one host, and what is to be done with it. */
export interface KnownHostKeys extends Pick<HostKeySettings, 'revokedKeys' | 'mustBeKnown' | 'hasCommand'> {
  /** What the host is looked up by, and a key remembered under. */
  readonly place: HostPlace;
  /** Every line of every file that counts for the host, whichever hosts it names. */
  readonly lines: readonly KnownHostLine[];
}

export interface KnownHosts {
  /** Snaptree's own file, for the system's OpenSSH to read. It need not exist. */
  readonly ownPath: string;
  /** Read anew: a terminal may have added a line. Throws `storeUnusable` for Snaptree's own file. */
  read(address: string, port: number): Promise<KnownHostKeys>;
  /** Adds a key that the user accepted to Snaptree's own file. Throws `storeUnusable`. */
  remember(place: HostPlace, key: Buffer): Promise<void>;
}

/**
 * @param ownPath Snaptree's own file
 * @param others what OpenSSH's configuration says of a host, or its files for all hosts; a file that cannot be read is as
 *   good as empty, as it is for OpenSSH
 */
export function createKnownHosts(
  ownPath: string,
  others: readonly string[] | ((address: string, port: number) => Promise<HostKeySettings>),
): KnownHosts {
  let lastWrite: Promise<unknown> = Promise.resolve();

  async function remember(place: HostPlace, key: Buffer): Promise<void> {
    const line = `${hostEntryName(place)} ${keyTypeOf(key) ?? ''} ${key.toString('base64')}\n`;
    const text = (await readTextFile(ownPath)) ?? '';
    if (text.split('\n').includes(line.trimEnd())) return;
    await replaceFile(ownPath, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}`);
  }

  return {
    ownPath,
    async read(address, port) {
      const settings = typeof others === 'function' ? await others(address, port) : plainHostKeySettings(others);
      const { revokedKeys, mustBeKnown, hasCommand } = settings;
      const texts = settings.files.map(async (path) =>
        parseKnownHosts((await readTextFile(path).catch(() => null)) ?? '', path),
      );
      // Earlier versions wrote numeric addresses as they were typed.
      const own = parseKnownHosts((await readTextFile(ownPath)) ?? '', ownPath).map((line) => ({
        ...line,
        hosts: canonicalHosts(line.hosts),
      }));
      const place = { address: settings.canonicalName ?? address, port, alias: settings.alias };
      return { place, lines: [own, ...(await Promise.all(texts))].flat(), revokedKeys, mustBeKnown, hasCommand };
    },
    remember(place, key) {
      // One after another: two hosts accepted at once must both be there afterwards.
      const write = lastWrite.then(() => remember(place, key));
      lastWrite = write.catch(() => undefined);
      return write;
    },
  };
}
