/** Decides whether the key that a host shows may be trusted, asking the user where the host is not known. */
import { fingerprint, judgeHostKey, keyTypeOf } from '../known-hosts/known-hosts-match.ts';
import type { KnownHostLine } from '../known-hosts/known-hosts-match.ts';
import type { KnownHostKeys } from '../known-hosts/known-hosts.ts';
import { isRevokedKey } from '../known-hosts/revoked-keys.ts';
import type { SshTarget } from '../ssh-target.ts';
import { hostKeyChanged, hostKeyRejected, hostKeyRevoked } from './ssh-errors.ts';

/** What OpenSSH may know about a host that Snaptree's own SSH cannot use; null where there is nothing. */
function unusedKnowledge(authority: KnownHostLine | null, hasCommand: boolean): string | null {
  const instead =
    "Snaptree's own SSH cannot check that. Rather than to trust this key, choose the system's OpenSSH in the settings of this host.";
  if (authority !== null) {
    return `${authority.file}:${authority.line} names an authority that signs the keys of this host (@cert-authority). ${instead}`;
  }
  return hasCommand ? `OpenSSH asks a program for the keys of this host (KnownHostsCommand). ${instead}` : null;
}

/** Throws `hostKeyChanged` where the file of RevokedHostKeys names the key, or cannot be read: as OpenSSH does. */
async function checkRevocation(target: SshTarget, path: string, key: Buffer): Promise<void> {
  const revoked = await isRevokedKey(path, key, keyTypeOf(key) ?? '').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw hostKeyRejected(
      target,
      key,
      `cannot be checked against the revoked keys in ${path} (RevokedHostKeys): ${reason}`,
      'Correct that file, or the setting in the configuration of OpenSSH.',
    );
  });
  if (revoked) throw hostKeyRevoked(target, key, path);
}

/**
 * Returns where the key may be trusted. Throws `hostKeyChanged` and `hostKeyRejected`.
 *
 * @param known what was known of the host when the connection was begun
 * @param key the public blob that the host showed
 */
export async function checkHostKey(
  target: SshTarget,
  known: KnownHostKeys,
  key: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const { address, port, hostId, hostName } = target;
  if (known.revokedKeys !== null) await checkRevocation(target, known.revokedKeys, key);
  const verdict = judgeHostKey(known.lines, known.place, key);
  if (verdict.kind === 'known') return;
  if (verdict.kind === 'revoked') throw hostKeyRevoked(target, key, `${verdict.line.file}:${verdict.line.line}`);
  if (verdict.kind === 'changed') throw hostKeyChanged(target, key, verdict.lines);
  if (known.mustBeKnown) {
    throw hostKeyRejected(
      target,
      key,
      'is not known, and the configuration of OpenSSH lets nobody accept it (StrictHostKeyChecking yes)',
      'Compare the key with what the host itself says, and add it to known_hosts.',
    );
  }
  if (target.ask === null) {
    throw hostKeyRejected(target, key, 'is not known any more', 'Connect by hand and check it.');
  }
  const answer = await target.ask(
    {
      ...{ kind: 'unknownHostKey', hostId, hostName, address, port },
      keyType: keyTypeOf(key) ?? 'unknown',
      fingerprint: fingerprint(key),
      note: unusedKnowledge(verdict.authority, known.hasCommand),
    },
    signal,
  );
  if (answer.kind !== 'accept') {
    throw hostKeyRejected(target, key, 'was not accepted', 'Connect again to be asked again.');
  }
  await target.knownHosts.remember(known.place, key);
}
