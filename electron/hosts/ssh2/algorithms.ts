/** The algorithms that Snaptree's own SSH offers a host, best first. */
import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';
import { orderKeyTypes } from '../known-hosts/known-hosts-match.ts';
import type { KnownHostKeys } from '../known-hosts/known-hosts.ts';

/** By type of key, in OpenSSH's order of preference (myproposal.h). No signature with SHA-1: OpenSSH 8.8 ended those. */
const hostKeyAlgorithms: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/**
 * What is offered to a host. Key types come in OpenSSH's order, so that a host with several keys shows the one that can be
 * checked. No chacha20 (Electron's BoringSSL has none), no large Diffie-Hellman groups (20 s there), nothing with SHA-1.
 *
 * @param known null where the host's key is told in another way
 */
export function offeredAlgorithms(known: Pick<KnownHostKeys, 'lines' | 'place'> | null): Algorithms {
  const preferred = Object.keys(hostKeyAlgorithms);
  const types = known === null ? preferred : orderKeyTypes(preferred, known.lines, known.place);
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group14-sha256',
    ],
    serverHostKey: types.flatMap((type) => hostKeyAlgorithms[type] ?? []),
    cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
    hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
    compress: ['none'],
  };
}
