/** Private key files: reading, recognising and unlocking them. */
import { readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { ParsedKey } from 'ssh2';
import { systemErrorCode } from '../../store/files.ts';
import { keyFileUnusable } from './ssh-errors.ts';
import type { SshTarget } from '../ssh-target.ts';

/** A private key is a few kB; this is not one. */
const maximumKeyBytes = 1024 * 1024;

/** `undefined`: the key is encrypted, and the passphrase was missing or wrong. Throws `keyFileUnusable`. */
export function parsePrivateKey(
  target: SshTarget,
  path: string,
  text: Buffer,
  passphrase: string | null,
): ParsedKey | undefined {
  // The types leave out that some formats give a list.
  const parsed: unknown = ssh2.utils.parseKey(text, passphrase ?? undefined);
  if (parsed instanceof Error) {
    // ssh2 has no codes. An old PEM key with a wrong passphrase is only seen by what OpenSSL makes of it.
    if (/encrypted|passphrase|integrity check|bad decrypt|decryption|malformed/i.test(parsed.message)) return undefined;
    throw keyFileUnusable(target, path, `it is not a private key that Snaptree can read (${parsed.message})`);
  }
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!isParsedKey(key) || !key.isPrivateKey()) {
    throw keyFileUnusable(target, path, 'it holds a public key; choose the file without “.pub”');
  }
  return key;
}

function isParsedKey(value: unknown): value is ParsedKey {
  return typeof value === 'object' && value !== null && 'isPrivateKey' in value;
}

/** The file's content. Throws `keyFileUnusable`. */
export async function readKeyFile(target: SshTarget, path: string): Promise<Buffer> {
  let text: Buffer;
  try {
    text = await readFile(path);
  } catch (error) {
    const code = systemErrorCode(error);
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EACCES: 'you may not read it',
      EISDIR: 'it is a folder',
    };
    throw keyFileUnusable(
      target,
      path,
      reasons[code ?? ''] ?? (error instanceof Error ? error.message : String(error)),
    );
  }
  if (text.length > maximumKeyBytes) throw keyFileUnusable(target, path, 'it is too large for a key');
  return text;
}
