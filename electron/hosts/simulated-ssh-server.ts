/**
 * The SSH server of a simulated host, inside this process: no port is opened, its key and its password are made when it is made
 * and known to nobody else. What connects to it is Snaptree's ordinary SSH client.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import type { Connection, ServerChannel } from 'ssh2';
import { SnaptreeError } from '../../shared/errors.ts';
import type { ChannelEffect } from '../simulator/faults.ts';
import type { Machine } from '../simulator/machine.ts';
import { runShell, type ShellInput } from '../simulator/shell/shell.ts';
import { offeredAlgorithms } from './ssh-connect.ts';
import { createSshTransport } from './ssh-transport.ts';
import type { Transport } from './transport.ts';

export interface SimulatedSshServer {
  /** Connects to the host. Throws `cancelled` when `signal` aborts, and `hostUnreachable`. */
  connect(hostName: string, signal: AbortSignal): Promise<Transport>;
  /** Cuts every connection, as a failing network does. */
  dropConnections(): void;
}

const user = 'root';

/** @param machine what commands run on, and the faults that they meet */
export function createSimulatedSshServer(machine: Machine): SimulatedSshServer {
  const password = randomBytes(24).toString('base64');
  const key = ssh2.utils.generateKeyPairSync('ed25519');
  const publicKey = ssh2.utils.parseKey(key.public);
  if (publicKey instanceof Error) throw publicKey;
  const expectedKey = publicKey.getPublicSSH();
  const sockets = new Set<Duplex>();
  const server = new ssh2.Server({ hostKeys: [key.private], ident: 'Snaptree-demo' }, (connection) => {
    accept(connection, password, machine);
  });

  return {
    async connect(hostName, signal) {
      const [near, far] = duplexPair();
      sockets.add(far);
      far.on('close', () => sockets.delete(far));
      const client = new ssh2.Client();
      const onAbort = () => {
        client.destroy();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await new Promise<void>((resolve, reject) => {
          client.on('ready', resolve);
          client.on('error', reject);
          client.on('close', () => {
            reject(new Error('the connection was closed'));
          });
          client.connect({
            sock: near,
            username: user,
            password,
            algorithms: offeredAlgorithms([]),
            hostVerifier: (shown: Buffer) => expectedKey.equals(shown),
            readyTimeout: 20_000,
          });
          // It takes any stream; its type was made for network sockets.
          server.injectSocket(far as Socket);
        });
        client.removeAllListeners();
        return createSshTransport(hostName, client);
      } catch (cause) {
        client.removeAllListeners();
        client.on('error', () => undefined);
        client.destroy();
        if (signal.aborted) {
          throw new SnaptreeError('cancelled', `The connection attempt to ${hostName} was given up.`, { cause });
        }
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new SnaptreeError('hostUnreachable', `The simulated host ${hostName} cannot be reached: ${reason}.`, {
          cause,
        });
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    dropConnections() {
      for (const socket of [...sockets]) socket.destroy();
    },
  };
}

function accept(connection: Connection, password: string, machine: Machine): void {
  // What a client does wrong is its own matter.
  connection.on('error', () => undefined);
  connection.on('authentication', (context) => {
    if (context.method === 'password' && context.username === user && context.password === password) context.accept();
    else context.reject(['password']);
  });
  connection.on('ready', () => {
    connection.on('session', (acceptSession, rejectSession) => {
      const effect = machine.faults.nextChannelEffect();
      if (effect?.effect === 'refuse') {
        rejectSession();
        return;
      }
      acceptSession().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        channel.on('error', () => undefined);
        answer(machine, connection, channel, command, effect).catch(() => {
          channel.close();
        });
      });
    });
  });
}

async function answer(
  machine: Machine,
  connection: Connection,
  channel: ServerChannel,
  commandLine: string,
  effect: ChannelEffect | null,
): Promise<void> {
  const input = inputOf(channel);
  if (effect?.effect === 'hang') return;
  if (effect?.effect === 'delay') await new Promise((resolve) => setTimeout(resolve, effect.milliseconds));
  if (effect?.effect === 'exit') {
    channel.stderr.write(effect.stderr);
    end(channel, effect.exitCode);
    return;
  }
  let sentBytes = 0;
  const send = (bytes: Buffer) => {
    if (effect?.effect === 'cut' && sentBytes + bytes.length >= effect.afterBytes) {
      channel.write(bytes.subarray(0, effect.afterBytes - sentBytes));
      // What was written is on its way before the connection goes.
      setImmediate(() => connection.end());
      return;
    }
    sentBytes += bytes.length;
    channel.write(effect?.effect === 'garbage' ? garbled(bytes) : bytes);
  };
  const exitCode = await runShell(machine, commandLine, input, {
    stdout: send,
    stderr: (bytes) => channel.stderr.write(bytes),
  });
  if (effect?.effect !== 'cut') end(channel, exitCode);
}

function end(channel: ServerChannel, exitCode: number): void {
  channel.exit(exitCode);
  channel.end();
}

/** Bytes in whose middle third nothing means anything. */
function garbled(bytes: Buffer): Buffer {
  const third = Math.floor(bytes.length / 3);
  return Buffer.concat([bytes.subarray(0, third), randomBytes(third), bytes.subarray(2 * third)]);
}

function inputOf(channel: ServerChannel): ShellInput {
  const pieces: Buffer[] = [];
  const ended = new Promise<void>((resolve) => {
    channel.on('data', (piece: Buffer) => pieces.push(piece));
    channel.on('end', resolve);
    channel.on('close', resolve);
  });
  return {
    ended,
    all: async () => {
      await ended;
      return Buffer.concat(pieces).toString('utf8');
    },
  };
}
