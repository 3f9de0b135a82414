/**
 * ssh2 signs with SHA-1 where a host does not say that it takes anything better, and tells nobody. OpenSSH (8.8 and later)
 * passes such a key over.
 */
import type { ParsedKey } from 'ssh2';

/** Why a key was passed over. ssh2 reports it as an error and goes on to the next way of logging in. */
export class WeakSignature extends Error {
  constructor() {
    super('The host takes this key only with a signature made with SHA-1.');
  }
}

/**
 * @param type of the key, null where it is not known
 * @param hash for the signature, as ssh2 names it; undefined: what the type of the key says
 */
export function isWeakSignature(type: string | null, hash: string | undefined): boolean {
  return hash === 'sha1' || type === 'ssh-dss' || (type === 'ssh-rsa' && hash === undefined);
}

/** The same key, which does not sign with SHA-1. @param onRefused called where that was wanted */
export function withoutWeakSignatures(key: ParsedKey, onRefused: () => void): ParsedKey {
  const strict: ParsedKey = Object.create(key) as ParsedKey;
  strict.sign = (data, algorithm) => {
    if (!isWeakSignature(key.type, algorithm)) return key.sign(data, algorithm);
    onRefused();
    // ssh2 takes an Error that is given back; its types leave that out.
    return new WeakSignature() as unknown as Buffer;
  };
  return strict;
}
