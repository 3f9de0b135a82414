/** Which keys ssh would try for a host, and whether Snaptree's own SSH can try the same. Pure. */
import type { Authentication } from '../../../shared/model/host.ts';

export interface KeyFile {
  /** `securityKey`: it only names a key on a device (FIDO). */
  readonly kind: 'private' | 'public' | 'securityKey' | 'unreadable';
  /** The public key, type and base64; null where there is no public half beside it. */
  readonly publicKey: string | null;
  /** Whether a certificate lies beside it, which ssh then offers, too. */
  readonly hasCertificate: boolean;
}

export interface FoundKeyFile extends KeyFile {
  readonly path: string;
}

export interface Choice {
  readonly authentication: Authentication;
  /** Why Snaptree's own SSH cannot do the same, each as what to name it by. */
  readonly needsOpenssh: readonly string[];
  readonly notes: readonly string[];
}

/** What ssh2 can sign with. */
const plainTypes = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) /;

/**
 * ssh tries the keys of the agent (with IdentitiesOnly those that a file names) and the files; Snaptree's own SSH tries all
 * keys of the agent, or one file.
 *
 * @param files those that are there, in their order
 * @param agent the public keys in the agent, type and base64; empty where there is none
 * @param areNamed whether the configuration names the files, and not OpenSSH by itself
 */
export function chooseKeys(
  files: readonly FoundKeyFile[],
  agent: readonly string[],
  { identitiesOnly, areNamed }: { readonly identitiesOnly: boolean; readonly areNamed: boolean },
): Choice {
  const needsOpenssh: string[] = [];
  const notes: string[] = [];
  const named = new Set(files.map(({ publicKey }) => publicKey));
  const ofAgent = identitiesOnly ? agent.filter((key) => named.has(key)) : agent;
  const readable = files.filter(({ kind }) => kind === 'private' || kind === 'securityKey');
  const ofFiles = readable.filter(({ publicKey }) => publicKey === null || !ofAgent.includes(publicKey));
  for (const { path } of files.filter(({ kind }) => kind === 'unreadable' && areNamed)) {
    notes.push(`The key file ${path} cannot be read by you.`);
  }
  if (ofFiles.some(({ kind }) => kind === 'securityKey') || ofAgent.some((key) => key.startsWith('sk-'))) {
    needsOpenssh.push('its key on a security key (FIDO)');
  }
  if (files.some(({ hasCertificate }) => hasCertificate) || ofAgent.some((key) => /^\S+-cert-v01@/.test(key))) {
    needsOpenssh.push('a certificate beside its key');
  }
  const done = (authentication: Authentication): Choice => ({ authentication, needsOpenssh, notes });
  if (ofAgent.length + ofFiles.length === 0) {
    notes.push('There is no key that ssh would try, so the password is asked for.');
    return done({ method: 'password' });
  }
  const allOfAgent = ofAgent.length === agent.length && ofAgent.every((key) => plainTypes.test(key));
  if (ofFiles.length === 0 && allOfAgent) return done({ method: 'agent' });
  const [first] = ofFiles.length === 0 ? readable : ofFiles;
  const one = ofAgent.length + ofFiles.length === 1 && first?.kind === 'private';
  if (one) return done({ method: 'keyFile', path: first.path });
  if (needsOpenssh.length === 0) {
    const parts = [
      ...(ofAgent.length === 0 ? [] : [`${ofAgent.length} of the agent`]),
      ...ofFiles.map(({ path }) => path),
    ];
    needsOpenssh.push(`the keys that ssh would try for it: ${parts.join(', ')}`);
  }
  return done(ofAgent.length > 0 ? { method: 'agent' } : { method: 'keyFile', path: first?.path ?? '' });
}
