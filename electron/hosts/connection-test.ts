/** Tries settings that need not be saved: connect, run something, find the hypervisor. */
import { randomUUID } from 'node:crypto';
import type { ConnectionTest } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import { createChannelPool } from './channel-pool.ts';
import type { Connect } from './connect.ts';
import type { CommandRunner } from './runner.ts';
import { createScriptRunner } from './script-runner.ts';
import type { Transport } from './transport.ts';

type Stage = ConnectionTest['stages'][number];

const stageNames = ['name', 'port', 'hostKey', 'authentication', 'shell', 'virsh', 'socket', 'versions'] as const;

/** Finds the hypervisor and gives a sentence about it. Throws a `SnaptreeError` where there is none. */
export type Probe = (runner: CommandRunner, settings: HostSettings) => Promise<string>;

/**
 * Tries the stages in their order up to the first that fails. What fails is an answer; only `cancelled` is thrown, when
 * `signal` aborts or the user declines to give a secret. Asks the questions that connecting asks; nothing but an
 * accepted host key is stored.
 */
export async function testConnection(
  settings: HostSettings,
  parts: { readonly connect: Connect; readonly probe: Probe; readonly signal: AbortSignal },
): Promise<ConnectionTest> {
  const { connect, probe, signal } = parts;
  const passed: Stage[] = [];
  let transport: Transport | null = null;
  const onAbort = () => transport?.close();
  signal.addEventListener('abort', onAbort, { once: true });
  const pass = (message: string) => {
    const stage = stageNames[passed.length];
    if (stage !== undefined) passed.push({ stage, state: 'passed', message, remedy: null });
  };
  try {
    const secrets = { password: null, passphrase: null };
    const opened = await connect({ host: { id: randomUUID(), ...settings }, secrets, mayAsk: true, signal });
    transport = opened;
    if (signal.aborted) throw new SnaptreeError('cancelled', `The test of ${settings.name} was given up.`);
    const { connection } = settings;
    pass(
      connection.transport === 'ssh'
        ? `Logged in at ${connection.address} as ${connection.user}.`
        : 'This computer needs no connection.',
    );
    const pool = createChannelPool();
    const runner = createScriptRunner({ hostName: settings.name, connection: () => ({ transport: opened, pool }) });
    const shell = await runner.runScript({
      title: 'Looking at the host',
      script: 'uname -srm; id -un',
      timeoutSeconds: 20,
      signal,
    });
    const [system = '', user = ''] = shell.stdout.split('\n');
    pass(`Commands run as ${user} on ${system}.`);
    pass(await probe(runner, settings));
    return { stages: passed };
  } catch (error) {
    if (signal.aborted || SnaptreeError.is(error, 'cancelled')) {
      throw new SnaptreeError('cancelled', `The test of ${settings.name} was given up.`, { cause: error });
    }
    if (!(error instanceof SnaptreeError)) throw error;
    const { message } = error;
    const stages = stageNames.map((stage, index): Stage => {
      const done = passed[index];
      if (done !== undefined) return done;
      return index === passed.length
        ? { stage, state: 'failed', message, remedy: null }
        : { stage, state: 'notReached', message: 'Not tried, because the stage before it failed.', remedy: null };
    });
    return { stages };
  } finally {
    signal.removeEventListener('abort', onAbort);
    transport?.close();
  }
}
