/** What is needed to make one connection, and what may be asked meanwhile. */
import type { Authentication, SshEndpoint } from '../../shared/model/host.ts';
import type { Answer } from '../../shared/model/question.ts';
import type { KnownHosts } from './known-hosts/known-hosts.ts';
import type { NewQuestion } from './questions.ts';

/** What the user typed for one SSH server. */
export interface EndpointSecrets {
  password: string | null;
  passphrase: string | null;
}

/**
 * What the user typed, kept in memory while the session lives, so that it can reconnect. Never written anywhere. Passwords
 * and passphrases only: the answer to any other prompt may be good for one time, and is not kept.
 */
export interface Secrets extends EndpointSecrets {
  /** Of the jump hosts, by their place on the way. */
  jumps?: EndpointSecrets[];
}

/** Forgets everything that was typed. */
export function forgetSecrets(secrets: Secrets): void {
  for (const each of [secrets, ...(secrets.jumps ?? [])]) {
    each.password = null;
    each.passphrase = null;
  }
}

/** What was reached while connecting, for a diagnosis: told in this order, each at most once a server on the way. */
export interface ConnectProgress {
  readonly stage: 'hostKey' | 'authentication';
  /** A sentence. */
  readonly message: string;
}

export interface SshTarget {
  readonly hostId: string;
  /** For messages and questions; of a jump host, its address stands with it. */
  readonly hostName: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly authentication: Authentication;
  readonly secrets: Secrets;
  readonly knownHosts: KnownHosts;
  /** Asks the user; null where nobody may be asked (reconnecting by itself). */
  readonly ask: ((question: NewQuestion, signal: AbortSignal) => Promise<Answer>) | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The hosts to go through, first the one that is reached directly. */
  readonly jumps?: readonly SshEndpoint[];
  readonly onProgress?: (progress: ConnectProgress) => void;
}
