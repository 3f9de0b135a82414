/** The file of RevokedHostKeys: a list of public keys, or a key revocation list (KRL), as ssh-keygen(1) makes them. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parsePublicKey } from './known-hosts-match.ts';

const timeLimitMs = 15_000;
const krlMagic = Buffer.from('SSHKRL\n\0', 'latin1');

const run = promisify(execFile);

/** Whether `ssh-keygen -Q` finds a key in a KRL; throws where it cannot tell. */
async function isInRevocationList(path: string, publicKey: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'snaptree-key-'));
  try {
    // It reads keys from files only.
    const file = join(folder, 'key.pub');
    await writeFile(file, `${publicKey}\n`);
    await run('ssh-keygen', ['-Q', '-f', path, file], { timeout: timeLimitMs });
    return false;
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && /: REVOKED$/m.test(String(error.stdout))) return true;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Whether a file of revoked keys names a key. As OpenSSH does it (sshkey.c, sshkey_check_revoked), a file that cannot be
 * read revokes every key: throws then, with the reason.
 *
 * @param key the public blob
 * @param keyType its type, such as `ssh-ed25519`
 */
export async function isRevokedKey(path: string, key: Buffer, keyType: string): Promise<boolean> {
  const content = await readFile(path);
  if (content.subarray(0, krlMagic.length).equals(krlMagic)) {
    return isInRevocationList(path, `${keyType} ${key.toString('base64')}`);
  }
  return content
    .toString('latin1')
    .split('\n')
    .some((line) => parsePublicKey(line.trim().split(/[ \t]+/))?.key.equals(key) === true);
}
