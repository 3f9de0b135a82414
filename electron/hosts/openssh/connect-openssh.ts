/**
 * Makes a connection with the system's OpenSSH: for certificates, FIDO keys, GSSAPI, ProxyCommand, and whatever else
 * `~/.ssh/config` says. Not on Windows, whose OpenSSH has no ControlMaster.
 *
 * OpenSSH checks host keys and logs in by its own rules. It is held to asking about unknown keys (StrictHostKeyChecking is
 * never `no` or `accept-new`, for jump hosts neither; `yes` stays `yes` for the host itself), knows the keys in Snaptree's own file too, and stores an
 * accepted one where it does in the terminal. What it asks becomes a question of Snaptree's. Answers are not remembered:
 * where OpenSSH would have to ask again, reconnecting by itself fails with `authenticationFailed`. Forwardings, local
 * commands, remote commands and tunnels of the configuration are left out.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SnaptreeError } from '../../../shared/errors.ts';
import type { Answer } from '../../../shared/model/question.ts';
import { joinSignals, whenAborted } from '../../base/abort.ts';
import type { KnownHosts } from '../known-hosts/known-hosts.ts';
import type { NewQuestion } from '../questions.ts';
import type { ConnectProgress } from '../ssh-target.ts';
import type { Transport } from '../commands/transport.ts';
import { createAskpass } from './askpass.ts';
import type { Askpass, AskpassRequest } from './askpass.ts';
import { makeControlFolder, removeControlFolder, writeConfiguration } from './control-folder.ts';
import { startMaster } from './master.ts';
import type { Master } from './master.ts';
import {
  attemptGivenUp,
  configurationRefused,
  connectFailure,
  keyChanged,
  keyRejected,
  notOnWindows,
  sshMissing,
  unreachable,
} from './openssh-errors.ts';
import type { Named } from './openssh-errors.ts';
import { createOpensshTransport } from './openssh-transport.ts';
import { parsePrompt } from './prompts.ts';
import type { Prompt } from './prompts.ts';
import { destinationArguments, resolveSshSettings, settingOf, sshEnvironment } from './ssh-settings.ts';
import type { Environment, SshSettings } from './ssh-settings.ts';

/** Until the host has shown that it speaks SSH, where nothing stands between. */
const directLimitMs = 20_000;
/** The same through a jump host or a ProxyCommand, and for logging in (a security key, a ticket): OpenSSH's own limit. */
const patientLimitMs = 120_000;
const tickMs = 50;

export interface OpensshTarget {
  readonly hostId: string;
  readonly hostName: string;
  readonly destination: string;
  readonly port: number | null;
  readonly user: string | null;
  readonly knownHosts: Pick<KnownHosts, 'ownPath'>;
  /** Asks the user; null where nobody may be asked (reconnecting by itself). */
  readonly ask: ((question: NewQuestion, signal: AbortSignal) => Promise<Answer>) | null;
  readonly environment: Environment;
  /** Instead of the user's and the system's configuration. */
  readonly configFile?: string | null;
  /** Seconds between keep-alives, of which three may go unanswered. */
  readonly aliveSeconds?: number;
  readonly onProgress?: (progress: ConnectProgress) => void;
}

/**
 * Connects and logs in. Throws `commandNotFound` (no ssh here), `hostUnreachable`, `hostKeyChanged`, `hostKeyRejected`,
 * `authenticationFailed`, `agentUnavailable`, `keyFileUnusable`, and `cancelled` when `signal` aborts or the user
 * declines to answer. The time that a question is open does not count against the host's time.
 */
export async function connectOpenssh(target: OpensshTarget, signal: AbortSignal): Promise<Transport> {
  const { hostName, destination, port, user, environment } = target;
  if (process.platform === 'win32') throw notOnWindows(hostName);
  const configFile = target.configFile ?? null;
  const resolved = await resolveSshSettings({ destination, port, user, configFile, environment, signal });
  const isGivenUp = (): boolean => signal.aborted;
  if (isGivenUp()) throw attemptGivenUp(hostName);
  if (resolved.kind === 'noSsh') throw sshMissing(hostName);
  if (resolved.kind === 'failed') throw configurationRefused(hostName, destination, resolved.reason);
  const { settings } = resolved;
  // `Host *` with ProxyJump names the jump host as well: ssh would start itself again and again.
  if (settingOf(settings, 'proxyjump') === destination) {
    throw configurationRefused(hostName, destination, 'its ProxyJump leads to itself');
  }
  const named: Named = {
    hostName,
    destination,
    address: settingOf(settings, 'hostname') ?? destination,
    port: Number(settingOf(settings, 'port') ?? 22),
    user: settingOf(settings, 'user') ?? 'you',
  };

  const folder = await makeControlFolder();
  // Ends whatever is being asked when the attempt is over, however it ended.
  const attempt = new AbortController();
  let master: Master | null = null;
  let stands = false;
  try {
    const config = await writeConfiguration(folder, {
      globalKnownHosts: settings.get('globalknownhostsfile')?.[0] ?? '',
      ownKnownHosts: target.knownHosts.ownPath,
      configFile,
      aliveSeconds: target.aliveSeconds ?? 15,
    });
    const asking = createAsking(target, named, attempt.signal);
    const askpass = await createAskpass(folder, asking.answer);
    const sshProgram = sshEnvironment(environment, { SSH_ASKPASS: askpass.program, SSH_ASKPASS_REQUIRE: 'force' });
    master = startMaster(
      ['-F', config, '-S', join(folder, 'c'), ...masterOptions(target, settings), ...destinationArguments(target)],
      sshProgram,
    );
    if (target.onProgress !== undefined) reportProgress(master, target.onProgress);
    await untilStanding({ master, folder, askpass, asking, named, signal, isProxied: isProxied(settings) });
    await askpass.close();
    stands = true;
    const cleanUp = () => void removeControlFolder(folder);
    return createOpensshTransport({
      hostName,
      master,
      folder,
      destination,
      cleanUp,
      environment: sshEnvironment(environment),
    });
  } catch (error) {
    if (isGivenUp()) throw attemptGivenUp(hostName);
    throw error;
  } finally {
    attempt.abort();
    if (!stands) {
      master?.end();
      await removeControlFolder(folder);
    }
  }
}

function isProxied(settings: SshSettings): boolean {
  return settingOf(settings, 'proxyjump') !== null || settingOf(settings, 'proxycommand') !== null;
}

/** What is the same whatever the configuration says. Options that this ssh does not know (before 8.7) are left out. */
function masterOptions(target: OpensshTarget, settings: SshSettings): string[] {
  const strict = ['yes', 'true'].includes(settingOf(settings, 'stricthostkeychecking') ?? '');
  const options = [
    'ControlPersist=no',
    'LogLevel=DEBUG1',
    'PermitLocalCommand=no',
    'ClearAllForwardings=yes',
    'RemoteCommand=none',
    'Tunnel=no',
    'VisualHostKey=no',
    `BatchMode=${target.ask === null ? 'yes' : 'no'}`,
    ...(strict || target.ask === null ? ['StrictHostKeyChecking=yes'] : []),
    // Through a proxy this would be the time that a user has for answering the jump host's questions.
    ...(isProxied(settings) || settingOf(settings, 'connecttimeout') !== null
      ? []
      : [`ConnectTimeout=${directLimitMs / 1000}`]),
    ...(settings.has('forkafterauthentication') ? ['ForkAfterAuthentication=no'] : []),
  ];
  return ['-M', '-N', '-T', '-a', '-x', ...options.flatMap((each) => ['-o', each])];
}

function reportProgress(master: Master, onProgress: NonNullable<OpensshTarget['onProgress']>): void {
  master.onLine((line) => {
    const [, key] = /^debug1: (Host '.*' is known and matches .*)$/.exec(line) ?? [];
    if (key !== undefined) onProgress({ stage: 'hostKey', message: key });
    if (line.startsWith('Authenticated to ')) onProgress({ stage: 'authentication', message: line });
  });
}

interface Asking {
  /** How many questions are open. */
  readonly open: number;
  /** The error that the user's answer leads to, once there is one. */
  readonly refusal: SnaptreeError | null;
  readonly answer: (request: AskpassRequest, over: AbortSignal) => Promise<string | null>;
}

/** Turns what OpenSSH asks into questions to the user, and answers back. */
function createAsking(target: OpensshTarget, named: Named, attempt: AbortSignal): Asking {
  const { ask, hostId, hostName } = target;
  const attempts = new Map<string, number>();
  let open = 0;
  let refusal: SnaptreeError | null = null;

  const about = (prompt: Exclude<Prompt, { kind: 'hostKey' }>, number: number): NewQuestion => {
    const whom = { hostId, hostName };
    if (prompt.kind === 'password') {
      return { ...whom, kind: 'password', user: prompt.user, address: prompt.address, attempt: number };
    }
    if (prompt.kind === 'passphrase') return { ...whom, kind: 'passphrase', keyPath: prompt.keyPath, attempt: number };
    const instruction =
      prompt.kind === 'notice' ? 'OpenSSH waits for this. There is nothing to type; the message goes by itself.' : '';
    const echo = prompt.kind === 'notice' || prompt.confirm;
    return { ...whom, kind: 'prompt', address: named.address, instruction, prompt: prompt.text, echo };
  };

  async function answerPrompt(prompt: Prompt, signal: AbortSignal): Promise<string | null> {
    if (ask === null) return null;
    if (prompt.kind === 'hostKey') {
      const { address, port, keyType, fingerprint, otherKeysKnown } = prompt;
      const offered = `${keyType} ${fingerprint}`;
      const place = `${address.includes(':') ? `[${address}]` : address}:${port}`;
      if (otherKeysKnown) {
        const where = 'keys of other types are known for it';
        refusal = keyChanged(named, { place, offered, where, revoked: false });
        return null;
      }
      const answer = await ask(
        { hostId, hostName, kind: 'unknownHostKey', address, port, keyType, fingerprint, note: null },
        signal,
      );
      if (answer.kind === 'accept') return 'yes';
      refusal = keyRejected(named, place, offered, 'was not accepted');
      return null;
    }
    const key = JSON.stringify(prompt);
    const number = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, number);
    const answer = await ask(about(prompt, number), signal);
    if (answer.kind === 'secret') return answer.secret;
    refusal = attemptGivenUp(hostName);
    return null;
  }

  return {
    get open() {
      return open;
    },
    get refusal() {
      return refusal;
    },
    async answer({ hint, prompt }, over) {
      open += 1;
      try {
        return await answerPrompt(parsePrompt(hint, prompt), joinSignals([attempt, over]));
      } catch {
        // The question was withdrawn.
        return null;
      } finally {
        open -= 1;
      }
    },
  };
}

interface Standing {
  readonly master: Master;
  readonly folder: string;
  readonly askpass: Askpass;
  readonly asking: Asking;
  readonly named: Named;
  readonly signal: AbortSignal;
  readonly isProxied: boolean;
}

/** Waits until the control socket is there, which OpenSSH makes when it is logged in. Throws why it never will be. */
function untilStanding({ master, folder, askpass, asking, named, signal, isProxied }: Standing): Promise<void> {
  let limit = isProxied ? patientLimitMs : directLimitMs;
  let elapsed = 0;
  return new Promise((resolve, reject) => {
    const settle = (call: () => void) => {
      clearInterval(timer);
      stopListening();
      stopLines();
      stopEnd();
      call();
    };
    const fail = (error: SnaptreeError) => {
      settle(() => {
        reject(error);
      });
    };
    let last = performance.now();
    const tick = () => {
      const now = performance.now();
      if (asking.open === 0) elapsed += now - last;
      last = now;
      if (asking.refusal !== null) fail(asking.refusal);
      else if (existsSync(join(folder, 'c'))) settle(resolve);
      else if (elapsed > limit) {
        const advice = 'Check address and port, and whether the host runs and the network leads there.';
        fail(unreachable(named, `it did not answer within ${limit / 1000} seconds`, advice));
      } else void askpass.poll().catch(() => undefined);
    };
    const timer = setInterval(tick, tickMs);
    const stopLines = master.onLine((line) => {
      if (!line.startsWith('debug1: Authenticating to ')) return;
      limit = patientLimitMs;
      elapsed = 0;
    });
    const stopEnd = master.onEnd(() => {
      fail(asking.refusal ?? connectFailure(named, master.log()));
    });
    const stopListening = whenAborted(signal, () => {
      fail(attemptGivenUp(named.hostName));
    });
  });
}
