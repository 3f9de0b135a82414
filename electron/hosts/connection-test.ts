/** Tries settings that need not be saved, stage by stage, and says what to do where one fails. */
import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import type { ConnectionTest } from '../../shared/contract.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import type { HypervisorDriver, HypervisorProbe } from '../hypervisors/driver.ts';
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

/** What every host has; in front of what its hypervisor needs. */
const stagesToTheShell = [
  { stage: 'name', title: 'Name' },
  { stage: 'port', title: 'Port' },
  { stage: 'hostKey', title: 'Host key' },
  { stage: 'authentication', title: 'Sign-in' },
  { stage: 'shell', title: 'Commands' },
] as const;
const versions = { stage: 'versions', title: 'Versions' } as const;

/** Of the driver of the host. */
export type ProbedHypervisor = Pick<HypervisorDriver, 'probe' | 'probeStages' | 'remedyFor'>;

interface Parts {
  readonly connect: Connect;
  readonly hypervisor: ProbedHypervisor;
  readonly signal: AbortSignal;
}

/** Ends the test: the stage failed, and what comes behind it is not reached. */
class StageFailed extends Error {
  readonly stage: string;
  readonly remedy: string;
  constructor(stage: string, message: string, remedy: string) {
    super(message);
    this.stage = stage;
    this.remedy = remedy;
  }
}

/** What was found so far. */
class Findings {
  readonly #stages: readonly Pick<Stage, 'stage' | 'title'>[];
  readonly #found = new Map<string, Pick<Stage, 'state' | 'message'>>();

  constructor({ probeStages }: ProbedHypervisor) {
    this.#stages = [...stagesToTheShell, ...probeStages, versions];
  }

  pass(stage: string, message: string): void {
    this.#found.set(stage, { state: 'passed', message });
  }

  skip(message: string, ...stages: readonly string[]): void {
    for (const stage of stages) this.#found.set(stage, { state: 'skipped', message });
  }

  take(stage: string, finding: Finding): void {
    if (!finding.ok) throw new StageFailed(stage, finding.message, finding.remedy);
    this.pass(stage, finding.message);
  }

  /** @param failed null where none did */
  stages(failed: StageFailed | null): ConnectionTest {
    const end = failed === null ? this.#stages.length : this.#stages.findIndex(({ stage }) => stage === failed.stage);
    const stages = this.#stages.map(({ stage, title }, index): Stage => {
      if (failed !== null && index === end) {
        return { stage, title, state: 'failed', message: failed.message, remedy: failed.remedy };
      }
      const found = this.#found.get(stage);
      if (found !== undefined && (index < end || found.state === 'skipped')) {
        return { stage, title, ...found, remedy: null };
      }
      const message =
        index < end ? 'Not known, because of what failed below.' : 'Not tried, because the test ended before it.';
      return { stage, title, state: 'notReached', message, remedy: null };
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
  const findings = new Findings(parts.hypervisor);
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
    if (error instanceof StageFailed) return findings.stages(error);
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
    case 'unknown':
      // Connecting says so.
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

const stageOfError: Readonly<Partial<Record<ErrorCode, string>>> = {
  hostUnreachable: 'port',
  connectionLost: 'port',
  hostKeyChanged: 'hostKey',
  hostKeyRejected: 'hostKey',
};

const endsTest: ReadonlySet<ErrorCode> = new Set(['cancelled', 'connectionUnknown']);

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
    // Nothing was tried where the way to the host is not known.
    if (!(error instanceof SnaptreeError) || endsTest.has(error.code)) throw error;
    throw failure(stageOfError[error.code] ?? 'authentication', error, settings, null);
  }
}

/** @param hypervisor asked first what to do, where its own error it is */
function failure(
  stage: string,
  error: SnaptreeError,
  { connection, sudo }: HostSettings,
  hypervisor: ProbedHypervisor | null,
): StageFailed {
  const user = userOf(connection, userInfo().username);
  const remedy = hypervisor?.remedyFor(error, { user, sudo }) ?? diagnose(error, { user, ...connection });
  return new StageFailed(stage, withoutAdvice(error), remedy);
}

/** Runs a part of the test. Throws `StageFailed` for an error of the catalogue, and what is to end the test as it is. */
async function attempt<T>(work: () => Promise<T>, failed: (error: SnaptreeError) => StageFailed): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SnaptreeError) || error.code === 'cancelled') throw error;
    throw failed(error);
  }
}

/** What answers on a host, and what it cannot do, in sentences. */
function probeInWords({ software, capabilities }: HypervisorProbe): string {
  const names = software.map(({ name, version }) => `${name} ${version ?? '(version not known)'}`);
  const limits = capabilities.filter(({ available }) => !available).map(({ explanation }) => explanation);
  return [`${names.join(' with ')}.`, ...limits].join(' ');
}

/** Finds the hypervisor. An error that no stage of it names says nothing of any of them. */
async function findHypervisor(
  settings: HostSettings,
  hypervisor: ProbedHypervisor,
  runner: CommandRunner,
  user: string,
  findings: Findings,
): Promise<void> {
  const { probeStages } = hypervisor;
  const found = await attempt(
    () => hypervisor.probe(runner),
    (error) => {
      const index = probeStages.findIndex(({ failsWith }) => failsWith.includes(error.code));
      for (const { stage, passed } of probeStages.slice(0, Math.max(index, 0))) findings.pass(stage, passed(user));
      return failure(probeStages[index]?.stage ?? versions.stage, error, settings, hypervisor);
    },
  );
  for (const { stage, passed } of probeStages) findings.pass(stage, passed(user));
  findings.pass(versions.stage, probeInWords(found));
}

/** What is found on the host itself. */
async function look(
  settings: HostSettings,
  transport: Transport,
  { hypervisor, signal }: Parts,
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
  const title = 'Looking at the host';
  const shell = await attempt(
    () => runner.runScript({ title, script: 'uname -srm; id -un', timeoutSeconds: 20, signal }),
    (error) => failure('shell', error, settings, null),
  );
  const [system = '', user = ''] = shell.stdout.split('\n');
  const chatter = spied.last !== null && !spied.last.stdout.startsWith('snaptree:');
  findings.pass(
    'shell',
    `Commands run as ${user}${settings.sudo ? ' (through sudo)' : ''} on ${system}.${chatter ? ' The login shell prints something of its own first; Snaptree passes over it.' : ''}`,
  );
  await findHypervisor(settings, hypervisor, runner, user, findings);
}
