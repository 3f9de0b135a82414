/** The known_hosts files: the user's and the system's are read, only Snaptree's own is written. */
import { readTextFile, replaceFile } from '../../store/files.ts';
import { hostEntryName, keyTypeOf, parseKnownHosts } from './known-hosts-match.ts';
import type { KnownHostLine } from './known-hosts-match.ts';

export interface KnownHosts {
  /** Snaptree's own file, for the system's OpenSSH to read. It need not exist. */
  readonly ownPath: string;
  /**
   * Every line of every file that counts for a host, read anew: a terminal may have added one. Throws `storeUnusable` for
   * Snaptree's own.
   */
  read(address: string, port: number): Promise<KnownHostLine[]>;
  /** Adds a key that the user accepted to Snaptree's own file. Throws `storeUnusable`. */
  remember(address: string, port: number, key: Buffer): Promise<void>;
}

/**
 * @param ownPath Snaptree's own file
 * @param others the files of OpenSSH, for all hosts or for each; one that cannot be read is as good as empty, as it is for
 *   OpenSSH
 */
export function createKnownHosts(
  ownPath: string,
  others: readonly string[] | ((address: string, port: number) => Promise<readonly string[]>),
): KnownHosts {
  let lastWrite: Promise<unknown> = Promise.resolve();

  async function remember(address: string, port: number, key: Buffer): Promise<void> {
    const line = `${hostEntryName(address, port)} ${keyTypeOf(key) ?? ''} ${key.toString('base64')}\n`;
    const text = (await readTextFile(ownPath)) ?? '';
    if (text.split('\n').includes(line.trimEnd())) return;
    await replaceFile(ownPath, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}`);
  }

  return {
    ownPath,
    async read(address, port) {
      const paths = typeof others === 'function' ? await others(address, port) : others;
      const texts = paths.map(async (path) =>
        parseKnownHosts((await readTextFile(path).catch(() => null)) ?? '', path),
      );
      const own = parseKnownHosts((await readTextFile(ownPath)) ?? '', ownPath);
      return [own, ...(await Promise.all(texts))].flat();
    },
    remember(address, port, key) {
      // One after another: two hosts accepted at once must both be there afterwards.
      const write = lastWrite.then(() => remember(address, port, key));
      lastWrite = write.catch(() => undefined);
      return write;
    },
  };
}
