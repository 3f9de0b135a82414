/** Which way of logging in is tried next, and what is asked for it. */
import type { AnyAuthMethod, KeyboardInteractiveCallback, ParsedKey, Prompt } from 'ssh2';
import { SnaptreeError } from '../../../shared/errors.ts';
import { openAgent } from './ssh-agent.ts';
import type { AgentKey } from './ssh-agent.ts';
import { attemptCancelled, authenticationFailed, keyFileUnusable, signatureTooWeak } from './ssh-errors.ts';
import type { Tried } from './ssh-errors.ts';
import { parsePrivateKey, readKeyFile } from './ssh-key-file.ts';
import type { SshTarget } from '../ssh-target.ts';
import { withoutWeakSignatures } from './weak-signature.ts';

const maximumAttempts = 3;
/** What a host may say with a prompt; more is cut. */
const longestPromptText = 4000;
/** A user and a host, at their longest, and a few words. Whatever is longer is no mere question for a password. */
const longestPasswordPrompt = 600;

export interface Authenticator {
  /**
   * What to try next. `offered`: the methods that the host would take; null before it was asked.
   * Throws the error with which the attempt ends.
   */
  next(offered: readonly string[] | null, partialSuccess: boolean): Promise<AnyAuthMethod>;
  /** What was tried so far, for messages. */
  tried(): Tried;
}

/**
 * Whether a prompt asks for the account's password, so that the answer is the same every time. Everything else may be a
 * code for one time.
 */
export function isPasswordPrompt({ prompt, echo }: Pick<Prompt, 'prompt' | 'echo'>): boolean {
  if (echo === true || prompt.length > longestPasswordPrompt) return false;
  const text = prompt.trim().toLowerCase().replace(/:$/, '').trim();
  // OpenSSH puts "(user@host) " in front of what a host asks.
  const end = text.startsWith('(') ? text.indexOf(')') : -1;
  const words = text
    .slice(end + 1)
    .trim()
    .split(' ');
  // PAM's "Password: ", sshd on others "user@host's password:", "Password for user@host:".
  if (words[0]?.endsWith("'s") === true) words.shift();
  const [password, of, whom, ...more] = words;
  if (password !== 'password' || more.length > 0) return false;
  return of === undefined || (of === 'for' && whom !== undefined && !/[\s:]/.test(whom));
}

/**
 * Reads the key file or greets the agent, so that what is wrong with them is said before the host is bothered.
 * Throws `keyFileUnusable`, `agentUnavailable`. Nothing is asked before `next` is called.
 *
 * @param signal gives up what is being asked
 * @param fail ends the attempt, where an answer to the host's prompts cannot be had
 */
export async function prepareAuthentication(
  target: SshTarget,
  signal: AbortSignal,
  fail: (error: unknown) => void,
): Promise<Authenticator> {
  const { authentication, secrets, user } = target;
  const keyText = authentication.method === 'keyFile' ? await readKeyFile(target, authentication.path) : null;
  let key =
    keyText === null || authentication.method !== 'keyFile'
      ? undefined
      : parsePrivateKey(target, authentication.path, keyText, null);
  const agentKeys: readonly AgentKey[] = authentication.method === 'agent' ? await openAgent(target, signal) : [];
  let offeredLast: readonly string[] | null = null;
  let keysOffered = 0;
  let publicKeyAccepted = false;
  let keyFileWasWeak = false;
  /** The host was asked anew what it takes, because ssh2 does not tell what it said about a key of the agent. */
  let askedAnew = false;
  let attempts = 0;
  let questions = 0;
  let lastSent: 'password' | 'keyboard-interactive' | null = null;
  let promptsOfRound = 0;
  let passwordInRound = false;
  let interactiveIsEmpty = false;

  const tried = (): Tried => ({
    method: authentication.method,
    offered: offeredLast,
    keysOffered,
    keys: authentication.method === 'agent' ? agentKeys.length : keyText === null ? 0 : 1,
  });
  const refused = (reason: string, advice: string): SnaptreeError =>
    authenticationFailed(target, reason, advice, tried());

  async function ask(
    question: { kind: 'password' | 'passphrase'; attempt: number } | ({ kind: 'prompt'; instruction: string } & Prompt),
  ): Promise<string> {
    const { hostId, hostName, address } = target;
    if (target.ask === null) {
      const what = question.kind === 'prompt' ? `an answer to “${question.prompt.trim()}”` : `its ${question.kind}`;
      throw refused(`${what} is needed and nobody was there to ask`, 'Connect again by hand.');
    }
    const about = { hostId, hostName };
    const keyPath = authentication.method === 'keyFile' ? authentication.path : '';
    const answer = await target.ask(
      question.kind === 'prompt'
        ? {
            ...about,
            kind: 'prompt',
            address,
            instruction: question.instruction,
            prompt: question.prompt.slice(0, longestPromptText),
            echo: question.echo === true,
          }
        : question.kind === 'password'
          ? { ...about, kind: 'password', attempt: question.attempt, user, address }
          : { ...about, kind: 'passphrase', attempt: question.attempt, keyPath },
      signal,
    );
    if (answer.kind !== 'secret') throw attemptCancelled(target);
    return answer.secret;
  }

  async function unlockKey(path: string, text: Buffer): Promise<ParsedKey> {
    if (key !== undefined) return key;
    if (secrets.passphrase !== null) key = parsePrivateKey(target, path, text, secrets.passphrase);
    for (let attempt = 1; key === undefined && attempt <= maximumAttempts; attempt += 1) {
      secrets.passphrase = await ask({ kind: 'passphrase', attempt });
      key = parsePrivateKey(target, path, text, secrets.passphrase);
    }
    if (key !== undefined) return key;
    secrets.passphrase = null;
    throw keyFileUnusable(target, path, `the passphrase was wrong ${maximumAttempts} times`);
  }

  async function password(): Promise<string> {
    if (secrets.password === null) {
      questions += 1;
      secrets.password = await ask({ kind: 'password', attempt: questions });
    }
    return secrets.password;
  }

  /** Answers one request of the host: the password where that is asked for, and the user for everything else. */
  async function answerPrompts(instruction: string, prompts: readonly Prompt[]): Promise<string[]> {
    const answers: string[] = [];
    for (const prompt of prompts) {
      promptsOfRound += 1;
      // A second one in the same round is a code in disguise: the host has the password by then.
      const isPassword = isPasswordPrompt(prompt) && !passwordInRound;
      passwordInRound ||= isPassword;
      answers.push(isPassword ? await password() : await ask({ kind: 'prompt', instruction, ...prompt }));
    }
    return answers;
  }

  function keyboardInteractive(): AnyAuthMethod {
    promptsOfRound = 0;
    passwordInRound = false;
    return {
      type: 'keyboard-interactive',
      username: user,
      prompt: (
        name: string,
        instructions: string,
        _language: string,
        prompts: Prompt[],
        finish: KeyboardInteractiveCallback,
      ) => {
        const instruction = [name, instructions]
          .map((text) => text.trim())
          .filter((text) => text !== '')
          .join('\n')
          .slice(0, longestPromptText);
        answerPrompts(instruction, prompts).then(finish, fail);
      },
    };
  }

  async function nextTyped(offered: readonly string[], partialSuccess: boolean): Promise<AnyAuthMethod> {
    if (lastSent === 'keyboard-interactive' && promptsOfRound === 0) {
      // Offered, and then nothing asked: sshd without anything behind it.
      interactiveIsEmpty = true;
    } else if (lastSent !== null && !partialSuccess) {
      // What was sent last was refused: it is wrong now, whether it was remembered or just typed.
      secrets.password = null;
      attempts += 1;
    }
    if (partialSuccess) attempts = 0;
    // As OpenSSH does: where there are one-time codes, only keyboard-interactive can ask for them.
    const method = (['keyboard-interactive', 'password'] as const).find(
      (each) => offered.includes(each) && !(each === 'keyboard-interactive' && interactiveIsEmpty),
    );
    if (method === undefined) {
      throw refused(
        authentication.method === 'password' ? 'it does not take passwords' : 'it wants more than Snaptree can give',
        "Choose a key file or the agent in the host's settings, or connect through the system's OpenSSH.",
      );
    }
    if (attempts >= maximumAttempts) {
      throw refused(
        `the password was refused ${maximumAttempts} times`,
        'Check user name and password, and whether the host lets this user log in with a password.',
      );
    }
    lastSent = method;
    if (method === 'keyboard-interactive') return keyboardInteractive();
    return { type: 'password', username: user, password: await password() };
  }

  async function nextKey(): Promise<AnyAuthMethod | null> {
    if (authentication.method === 'agent') {
      const next = agentKeys[keysOffered];
      if (next === undefined) return null;
      keysOffered += 1;
      return { type: 'agent', username: user, agent: next.agent };
    }
    if (keyText === null || authentication.method !== 'keyFile' || keysOffered > 0) return null;
    const unlocked = await unlockKey(authentication.path, keyText);
    keysOffered += 1;
    const key = withoutWeakSignatures(unlocked, () => {
      keyFileWasWeak = true;
    });
    return { type: 'publickey', username: user, key };
  }

  async function nextPublicKey(offered: readonly string[]): Promise<AnyAuthMethod> {
    const next = offered.includes('publickey') ? await nextKey() : null;
    if (next !== null) return next;
    if (keyFileWasWeak || agentKeys.some((each) => each.wasWeak())) throw signatureTooWeak(target, tried());
    const ofAgent = `none of the ${keysOffered} keys in the agent was accepted`;
    throw refused(
      offered.includes('publickey')
        ? authentication.method === 'agent'
          ? ofAgent
          : 'the key was not accepted'
        : 'it does not take keys',
      "Check the user name, and whether the public key stands in that user's authorized_keys on the host.",
    );
  }

  return {
    tried,
    async next(offered, partialSuccess) {
      // The host tells what it takes only in its answer to an attempt.
      if (offered === null) return { type: 'none', username: user };
      offeredLast = offered;
      const wanted = agentKeys[keysOffered - 1]?.wasWanted() === true;
      if (wanted && !publicKeyAccepted && !askedAnew) {
        askedAnew = true;
        return { type: 'none', username: user };
      }
      // A host may want a password or a code after the key (AuthenticationMethods publickey,keyboard-interactive).
      if ((partialSuccess || wanted) && keysOffered > 0 && !offered.includes('publickey')) publicKeyAccepted = true;
      if (authentication.method === 'password' || publicKeyAccepted) return nextTyped(offered, partialSuccess);
      return nextPublicKey(offered);
    },
  };
}

/** Whether an error is one after which trying again by itself would only do harm or ask somebody who is not there. */
export function needsUser(error: SnaptreeError): boolean {
  return SnaptreeError.is(
    error,
    'authenticationFailed',
    'hostKeyChanged',
    'hostKeyRejected',
    'keyFileUnusable',
    'agentUnavailable',
    'hypervisorUnknown',
    'connectionUnknown',
    'cancelled',
    'storeUnusable',
  );
}
