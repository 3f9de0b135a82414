/** Tries settings that need not be saved, stage by stage, and says what to do where one fails. */
import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import type { ConnectionTest } from '../../shared/contract.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import { hypervisorWords } from '../../shared/rules/hypervisors.ts';
import { createChannelPool } from './commands/channel-pool.ts';
import { untilAborted, whenAborted } from '../base/abort.ts';
import type { Connect } from './connect.ts';
import { findAddresses, findSshServer } from './reach.ts';
import type { Finding } from './reach.ts';
import { diagnose, withoutAdvice } from './remedies.ts';
import type { CommandRunner } from './commands/runner.ts';
import { createScriptRunner } from './commands/script-runner.ts';
import type { ConnectProgress } from './ssh-target.ts';
import { userOf } from './commands/sudo.ts';
import type { ExecResult, Transport } from './commands/transport.ts';

type Stage = ConnectionTest['stages'][number];
type StageName = Stage['stage'];

const stageNames = ['name', 'port', 'hostKey', 'authentication', 'shell', 'virsh', 'socket', 'versions'] as const;

/** Finds the hypervisor and gives a sentence or more about it. Throws a `SnaptreeError` where there is none. */
export type Probe = (runner: CommandRunner, settings: HostSettings) => Promise<string>;

interface Parts {
  readonly connect: Connect;
  readonly probe: Probe;
  readonly signal: AbortSignal;
}

/** Ends the test: the stage failed, and what comes behind it is not reached. */
class StageFailed extends Error {
  readonly stage: Stage;
  constructor(stage: Stage) {
    super(stage.message);
    this.stage = stage;
  }
}

/** What was found so far. */
class Findings {
  readonly #found = new Map<StageName, Stage>();

  pass(stage: StageName, message: string): void {
    this.#found.set(stage, { stage, state: 'passed', message, remedy: null });
  }

  skip(message: string, ...stages: readonly StageName[]): void {
    for (const stage of stages) this.#found.set(stage, { stage, state: 'skipped', message, remedy: null });
  }

  take(stage: StageName, finding: Finding): void {
    if (!finding.ok) {
      throw new StageFailed({ stage, state: 'failed', message: finding.message, remedy: finding.remedy });
    }
    this.pass(stage, finding.message);
  }

  /** @param failed null where none did */
  stages(failed: Stage | null): ConnectionTest {
    const end = failed === null ? stageNames.length : stageNames.indexOf(failed.stage);
    const stages = stageNames.map((stage, index): Stage => {
      if (failed !== null && index === end) return failed;
      const found = this.#found.get(stage);
      if (found !== undefined && (index < end || found.state === 'skipped')) return found;
      const message =
        index < end ? 'Not tried, because of what failed below.' : 'Not tried, because the test ended before it.';
      return { stage, state: 'notReached', message, remedy: null };
    });
    return { stages };
  }
}

/**
 * Tries the stages in their order up to the first that fails. What fails is an answer; only `cancelled` is thrown, when
 * `signal` aborts or the user declines to give a secret. Asks the questions that connecting asks; nothing but an
 * accepted host key is stored.
 */
export async function testConnection(settings: HostSettings, parts: Parts): Promise<ConnectionTest> {
  const findings = new Findings();
  const { signal } = parts;
  try {
    await reach(settings, signal, findings);
    const transport = await logIn(settings, parts, findings);
    const stopListening = whenAborted(signal, () => {
      transport.close();
    });
    try {
      if (signal.aborted) throw givenUp(settings.name);
      await look(settings, transport, parts, findings);
    } finally {
      stopListening();
      transport.close();
    }
    return findings.stages(null);
  } catch (error) {
    if (signal.aborted || SnaptreeError.is(error, 'cancelled')) {
      throw givenUp(settings.name, error);
    }
    if (error instanceof StageFailed) return findings.stages(error.stage);
    throw error;
  }
}

function givenUp(hostName: string, cause?: unknown): SnaptreeError {
  return new SnaptreeError('cancelled', `The test of ${hostName} was given up.`, { cause });
}

/** Name and port of the server that is reached directly. */
async function reach(settings: HostSettings, signal: AbortSignal, findings: Findings): Promise<void> {
  const { connection } = settings;
  switch (connection.transport) {
    case 'local':
      findings.skip('This computer needs no connection.', 'name', 'port', 'hostKey', 'authentication');
      return;
    case 'demo':
      findings.skip('The simulated host is inside Snaptree.', 'name', 'port', 'hostKey', 'authentication');
      return;
    case 'openssh':
      findings.skip("The system's OpenSSH finds the host by its own configuration.", 'name', 'port');
      return;
    case 'ssh': {
      const [jump] = connection.jumps;
      const first = jump ?? connection;
      const through = jump === undefined ? '' : ` What lies behind this jump host is found by it.`;
      // The name service of the system cannot be told to give up.
      const name = await untilAborted(findAddresses(first.address), signal, () => givenUp(settings.name));
      findings.take('name', name.ok ? { ...name, message: name.message + through } : name);
      const port = await findSshServer(first.address, first.port, signal);
      findings.take('port', port.ok ? { ...port, message: port.message + through } : port);
    }
  }
}

const stageOfError: Readonly<Partial<Record<ErrorCode, StageName>>> = {
  hostUnreachable: 'port',
  connectionLost: 'port',
  hostKeyChanged: 'hostKey',
  hostKeyRejected: 'hostKey',
};

async function logIn(settings: HostSettings, { connect, signal }: Parts, findings: Findings): Promise<Transport> {
  const reached: ConnectProgress[] = [];
  const secrets = { password: null, passphrase: null };
  const onProgress = (progress: ConnectProgress) => {
    reached.push(progress);
    const ofStage = reached.filter(({ stage }) => stage === progress.stage);
    findings.pass(progress.stage, ofStage.map(({ message }) => message).join(' '));
  };
  try {
    const host = { id: randomUUID(), ...settings };
    const transport = await connect({ host, secrets, mayAsk: true, signal, onProgress });
    const { connection } = settings;
    if (connection.transport === 'ssh' || connection.transport === 'openssh') {
      for (const stage of ['hostKey', 'authentication'] as const) {
        if (!reached.some((each) => each.stage === stage)) findings.pass(stage, `Connected to ${settings.name}.`);
      }
    }
    return transport;
  } catch (error) {
    if (!(error instanceof SnaptreeError) || error.code === 'cancelled') throw error;
    throw failure(stageOfError[error.code] ?? 'authentication', error, settings);
  }
}

function failure(stage: StageName, error: SnaptreeError, settings: HostSettings): StageFailed {
  const user = userOf(settings.connection, userInfo().username);
  return new StageFailed({
    stage,
    state: 'failed',
    message: withoutAdvice(error),
    remedy: diagnose(error, { user, sudo: settings.sudo, transport: settings.connection.transport }),
  });
}

/** What is found on the host itself. */
async function look(
  settings: HostSettings,
  transport: Transport,
  { probe, signal }: Parts,
  findings: Findings,
): Promise<void> {
  const spied: { last: ExecResult | null } = { last: null };
  const spying: Transport = {
    get isOpen() {
      return transport.isOpen;
    },
    exec: async (request) => {
      const result = await transport.exec(request);
      spied.last = result;
      return result;
    },
    close: () => {
      transport.close();
    },
    onClose: (listener) => transport.onClose(listener),
  };
  const pool = createChannelPool();
  const runner = createScriptRunner({
    hostName: settings.name,
    sudo: settings.sudo,
    user: userOf(settings.connection, userInfo().username),
    current: () => ({ transport: spying, pool }),
  });
  const attempt = async <T>(stageOf: (error: SnaptreeError) => StageName, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SnaptreeError) || error.code === 'cancelled') throw error;
      throw failure(stageOf(error), error, settings);
    }
  };

  const shell = await attempt(
    () => 'shell',
    () => runner.runScript({ title: 'Looking at the host', script: 'uname -srm; id -un', timeoutSeconds: 20, signal }),
  );
  const [system = '', user = ''] = shell.stdout.split('\n');
  const chatter = spied.last !== null && !spied.last.stdout.startsWith('snaptree:');
  findings.pass(
    'shell',
    `Commands run as ${user}${settings.sudo ? ' (through sudo)' : ''} on ${system}.${chatter ? ' The login shell prints something of its own first; Snaptree passes over it.' : ''}`,
  );
  const found = await attempt(
    ({ code }) =>
      code === 'commandNotFound'
        ? 'virsh'
        : ['permissionDenied', 'daemonUnavailable', 'commandFailed', 'commandTimedOut'].includes(code)
          ? 'socket'
          : 'versions',
    () => probe(runner, settings),
  ).catch((error: unknown) => {
    if (error instanceof StageFailed && error.stage.stage !== 'virsh') findings.pass('virsh', 'virsh is installed.');
    throw error;
  });
  findings.pass('virsh', 'virsh is installed.');
  findings.pass('socket', `libvirt answers ${user} at ${hypervisorWords(settings.hypervisor).value}.`);
  findings.pass('versions', found);
}
