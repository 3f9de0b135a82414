/** What is needed to make one connection, and what may be asked meanwhile. */
import type { Authentication } from '../../shared/model/host.ts';
import type { Answer } from '../../shared/model/question.ts';
import type { KnownHosts } from './known-hosts.ts';
import type { NewQuestion } from './questions.ts';

/** What the user typed, kept in memory while the session lives, so that it can reconnect. Never written anywhere. */
export interface Secrets {
  password: string | null;
  passphrase: string | null;
}

export interface SshTarget {
  readonly hostId: string;
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
}
