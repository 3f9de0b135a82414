/** The user's SSH agent: finding it, saying what is wrong with it, and offering its keys one by one. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import ssh2 from 'ssh2';
import type { BaseAgent, SignCallback, SigningRequestOptions } from 'ssh2';
import { joinSignals, untilAborted } from '../../base/abort.ts';
import { systemErrorCode } from '../../store/files.ts';
import { agentUnavailable } from './ssh-errors.ts';
import type { SshTarget } from '../ssh-target.ts';
import { WeakSignature, isWeakSignature } from './weak-signature.ts';

const agentTimeoutMs = 10_000;

/** Where OpenSSH for Windows has its agent, and how ssh2 calls PuTTY's. */
const windowsAgents: readonly string[] = ['\\\\.\\pipe\\openssh-ssh-agent', 'pageant'];

/** One key of an agent, as an agent that holds nothing else. */
export interface AgentKey {
  readonly agent: BaseAgent;
  /** Whether the host wanted this key: it was then asked for a signature. */
  readonly wasWanted: () => boolean;
  /** Whether the host wanted it with a signature that is not safe, so that it was passed over. */
  readonly wasWeak: () => boolean;
}

type Identity = Parameters<BaseAgent['sign']>[0];

const addKey = 'Add a key to it (ssh-add), or choose a key file or a password in the settings.';
const startAgent =
  'Start an agent and add a key (ssh-add), start Snaptree where SSH_AUTH_SOCK is set, or choose a key file or a password in the settings.';

/** Where an agent may listen, the likeliest first; none where the environment names none. */
export function agentAddresses(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): readonly string[] {
  const socket = environment['SSH_AUTH_SOCK'];
  if (socket !== undefined && socket !== '') return [socket];
  return platform === 'win32' ? windowsAgents : [];
}

/** What is wrong with the socket of an agent that does not answer, as reason and advice. */
async function diagnoseSocket(path: string): Promise<readonly [reason: string, advice: string]> {
  const setAnew = `SSH_AUTH_SOCK may be left over from an earlier login. ${startAgent}`;
  try {
    if (!(await stat(path)).isSocket()) return [`SSH_AUTH_SOCK names ${path}, which is no socket`, setAnew];
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [`its socket ${path} is gone`, setAnew];
    if (code === 'EACCES' || code === 'EPERM') {
      return [
        `you may not use its socket ${path}`,
        'It belongs to another user: start Snaptree as the user whose agent it is, or choose a key file in the settings.',
      ];
    }
  }
  return [`nothing answers at ${path}`, `The agent that made it has ended. ${setAnew}`];
}

/** @param signal gives up an agent that does not answer, such as one that waits for its user */
function listIdentities(agent: BaseAgent, signal: AbortSignal): Promise<readonly Identity[]> {
  const listed = new Promise<readonly Identity[]>((resolve, reject) => {
    agent.getIdentities((error, keys) => {
      if (error instanceof Error) reject(error);
      else resolve((keys ?? []).flatMap((key) => (isIdentity(key) ? [key] : [])));
    });
  });
  return untilAborted(listed, signal, () => new Error('it does not answer'));
}

function isIdentity(value: unknown): value is Identity {
  return typeof value === 'string' || Buffer.isBuffer(value) || (typeof value === 'object' && value !== null);
}

function typeOfKey(identity: Identity): string | null {
  return typeof identity === 'object' && 'type' in identity ? identity.type : null;
}

/**
 * ssh2 offers all keys of an agent in one go and tells neither how many it offered nor that one of them was a part of
 * what the host wants. With an agent for each key both can be seen.
 */
class SingleKeyAgent extends ssh2.BaseAgent {
  wanted = false;
  weak = false;
  readonly #agent: BaseAgent;
  readonly #identity: Identity;

  constructor(agent: BaseAgent, identity: Identity) {
    super();
    this.#agent = agent;
    this.#identity = identity;
  }

  override getIdentities(callback: Parameters<BaseAgent['getIdentities']>[0]): void {
    callback(undefined, [this.#identity]);
  }

  override sign(
    identity: Identity,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ) {
    const done = typeof options === 'function' ? options : callback;
    const hash = typeof options === 'function' ? undefined : options.hash;
    if (isWeakSignature(typeOfKey(identity), hash)) {
      this.weak = true;
      done?.(new WeakSignature());
      return;
    }
    this.wanted = true;
    if (typeof options === 'function') this.#agent.sign(identity, data, options);
    else this.#agent.sign(identity, data, options, callback);
  }
}

/**
 * The keys of the user's agent. Throws `agentUnavailable` where there is none, where it does not answer, or where it
 * gives no key: a locked agent says that it has none.
 *
 * @param signal gives up what is being asked
 */
export async function openAgent(target: SshTarget, signal: AbortSignal): Promise<readonly AgentKey[]> {
  const addresses = agentAddresses(target.environment, process.platform);
  if (addresses.length === 0) throw agentUnavailable(target, 'SSH_AUTH_SOCK is not set', startAgent);
  let why: readonly [reason: string, advice: string] = ['none was found', startAgent];
  for (const address of addresses) {
    const agent = ssh2.createAgent(address);
    const limit = AbortSignal.timeout(agentTimeoutMs);
    try {
      const identities = await listIdentities(agent, joinSignals([signal, limit]));
      if (identities.length > 0) {
        return identities.map((identity) => {
          const single = new SingleKeyAgent(agent, identity);
          return { agent: single, wasWanted: () => single.wanted, wasWeak: () => single.weak };
        });
      }
      why = [
        'it holds no key that Snaptree can use',
        `If it is locked, unlock it (ssh-add -X). ${addKey} For certificates and FIDO keys, connect through the system's OpenSSH.`,
      ];
    } catch {
      if (limit.aborted)
        why = [`it did not answer within ${agentTimeoutMs / 1000} seconds`, 'It may be waiting for you.'];
      else if (process.platform === 'win32') why = [`nothing answers at ${address}`, startAgent];
      else why = await diagnoseSocket(address);
    }
  }
  throw agentUnavailable(target, ...why);
}
