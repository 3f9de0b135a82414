/** Which way of logging in is tried next, and what is asked for it. */
import { readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { AnyAuthMethod, BaseAgent, ParsedKey } from 'ssh2';
import type { SnaptreeError } from '../../shared/errors.ts';
import { systemErrorCode } from '../store/files.ts';
import { agentUnavailable, attemptCancelled, authenticationFailed, keyFileUnusable } from './ssh-errors.ts';
import type { SshTarget } from './ssh-target.ts';

const maximumAttempts = 3;
const agentTimeoutMs = 10_000;
/** A private key is a few kB; this is not one. */
const maximumKeyBytes = 1024 * 1024;

export interface Authenticator {
  /**
   * What to try next. `offered`: the methods that the host would take; null before it was asked.
   * Throws the error with which the attempt ends.
   */
  next(offered: readonly string[] | null, partialSuccess: boolean): Promise<AnyAuthMethod>;
}

type Ask = (question: 'password' | 'passphrase', attempt: number) => Promise<string>;

/** `undefined`: the key is encrypted, and the passphrase was missing or wrong. */
function parsePrivateKey(
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

async function readKeyFile(target: SshTarget, path: string): Promise<Buffer> {
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

/** @param signal gives up an agent that does not answer, such as one that waits for its user */
function countAgentKeys(agent: BaseAgent, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(new Error('it does not answer'));
    };
    signal.addEventListener('abort', giveUp, { once: true });
    agent.getIdentities((error, keys) => {
      signal.removeEventListener('abort', giveUp);
      if (error instanceof Error) reject(error);
      else resolve(keys?.length ?? 0);
    });
  });
}

async function openAgent(target: SshTarget, signal: AbortSignal): Promise<BaseAgent> {
  const socket = target.environment['SSH_AUTH_SOCK'];
  if (socket === undefined || socket === '') throw agentUnavailable(target, 'SSH_AUTH_SOCK is not set');
  const agent = ssh2.createAgent(socket);
  let count: number;
  try {
    count = await countAgentKeys(agent, AbortSignal.any([signal, AbortSignal.timeout(agentTimeoutMs)]));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw agentUnavailable(target, `nothing answers at ${socket} (${reason})`);
  }
  if (count === 0) throw agentUnavailable(target, 'it holds no key');
  return agent;
}

/** Answers every hidden prompt with the password; that is what PAM asks for. Shown prompts get an empty answer. */
function keyboardInteractive(username: string, password: string): AnyAuthMethod {
  return {
    type: 'keyboard-interactive',
    username,
    prompt: (_name, _instructions, _language, prompts, finish) => {
      finish(prompts.map((prompt) => (prompt.echo === true ? '' : password)));
    },
  };
}

/**
 * Reads the key file or greets the agent, so that what is wrong with them is said before the host is bothered.
 * Throws `keyFileUnusable`, `agentUnavailable`. Nothing is asked before `next` is called.
 *
 * @param signal gives up what is being asked
 */
export async function prepareAuthentication(target: SshTarget, signal: AbortSignal): Promise<Authenticator> {
  const { authentication, secrets, user } = target;
  const keyText = authentication.method === 'keyFile' ? await readKeyFile(target, authentication.path) : null;
  let key =
    keyText === null || authentication.method !== 'keyFile'
      ? undefined
      : parsePrivateKey(target, authentication.path, keyText, null);
  const agent = authentication.method === 'agent' ? await openAgent(target, signal) : null;
  let publicKeyTried = false;
  let attempts = 0;
  let passwordSent = false;

  const ask: Ask = async (kind, attempt) => {
    const { hostId, hostName, address } = target;
    if (target.ask === null) {
      throw authenticationFailed(target, `its ${kind} is needed and nobody was there to ask`, 'Connect again by hand.');
    }
    const about = { hostId, hostName, attempt };
    const keyPath = authentication.method === 'keyFile' ? authentication.path : '';
    const answer = await target.ask(
      kind === 'password' ? { ...about, kind, user, address } : { ...about, kind, keyPath },
      signal,
    );
    if (answer.kind !== 'secret') throw attemptCancelled(target);
    return answer.secret;
  };

  async function unlockKey(path: string, text: Buffer): Promise<ParsedKey> {
    if (key !== undefined) return key;
    if (secrets.passphrase !== null) key = parsePrivateKey(target, path, text, secrets.passphrase);
    for (let attempt = 1; key === undefined && attempt <= maximumAttempts; attempt += 1) {
      secrets.passphrase = await ask('passphrase', attempt);
      key = parsePrivateKey(target, path, text, secrets.passphrase);
    }
    if (key !== undefined) return key;
    secrets.passphrase = null;
    throw keyFileUnusable(target, path, `the passphrase was wrong ${maximumAttempts} times`);
  }

  async function nextPassword(offered: readonly string[]): Promise<AnyAuthMethod> {
    const method = ['password', 'keyboard-interactive'].find((each) => offered.includes(each));
    if (method === undefined) {
      const list = offered.join(', ');
      throw authenticationFailed(
        target,
        `it does not take passwords (it takes: ${list === '' ? 'nothing' : list})`,
        "Choose a key file or the agent in the host's settings.",
      );
    }
    // What was sent last was refused: it is wrong now, whether it was remembered or just typed.
    if (passwordSent) secrets.password = null;
    if (secrets.password === null) {
      if (attempts === maximumAttempts) {
        throw authenticationFailed(
          target,
          `the password was refused ${maximumAttempts} times`,
          'Check user name and password, and whether the host lets this user log in with a password.',
        );
      }
      attempts += 1;
      secrets.password = await ask('password', attempts);
    }
    passwordSent = true;
    const password = secrets.password;
    return method === 'password' ? { type: 'password', username: user, password } : keyboardInteractive(user, password);
  }

  async function nextPublicKey(offered: readonly string[]): Promise<AnyAuthMethod> {
    const what = authentication.method === 'agent' ? 'none of the keys in the agent' : 'the key was not';
    if (publicKeyTried || !offered.includes('publickey')) {
      throw authenticationFailed(
        target,
        offered.includes('publickey') ? `${what} accepted` : `it does not take keys (it takes: ${offered.join(', ')})`,
        "Check the user name, and whether the public key stands in that user's authorized_keys on the host.",
      );
    }
    publicKeyTried = true;
    if (agent !== null) return { type: 'agent', username: user, agent };
    if (keyText === null || authentication.method !== 'keyFile')
      throw new Error('There is neither agent nor key file.');
    return { type: 'publickey', username: user, key: await unlockKey(authentication.path, keyText) };
  }

  return {
    async next(offered, partialSuccess) {
      // The host tells what it takes only in its answer to an attempt.
      if (offered === null) return { type: 'none', username: user };
      // A host may want a password after the key (AuthenticationMethods publickey,password).
      if (authentication.method === 'password' || passwordSent || (partialSuccess && !offered.includes('publickey'))) {
        return nextPassword(offered);
      }
      return nextPublicKey(offered);
    },
  };
}

/** Whether an error is one after which trying again by itself would only do harm or ask somebody who is not there. */
export function needsUser(error: SnaptreeError): boolean {
  const codes: readonly string[] = [
    'authenticationFailed',
    'hostKeyChanged',
    'hostKeyRejected',
    'keyFileUnusable',
    'agentUnavailable',
    'cancelled',
    'storeUnusable',
  ];
  return codes.includes(error.code);
}
