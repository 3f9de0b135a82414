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
import { SnaptreeError } from '../../../shared/errors.ts';
import { whenAborted } from '../../base/abort.ts';
import type { ChannelEffect } from '../faults.ts';
import type { Machine } from '../machine.ts';
import { followEvents, isFollowing } from '../shell/follow.ts';
import { runShell, type ShellOutput } from '../shell/shell.ts';
import { offeredAlgorithms } from '../../hosts/ssh2/algorithms.ts';
import { createSshTransport } from '../../hosts/ssh2/ssh-transport.ts';
import type { Transport } from '../../hosts/commands/transport.ts';

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
  // Not ed25519: of those, ssh2 1.17 writes 1 in 400 so that it cannot read it itself.
  const key = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
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
      let stopListening: () => void = () => undefined;
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
            algorithms: offeredAlgorithms(null),
            hostVerifier: (shown: Buffer) => expectedKey.equals(shown),
            readyTimeout: 20_000,
          });
          inject(server, far);
          stopListening = whenAborted(signal, () => {
            client.destroy();
            reject(new Error('it was given up'));
          });
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
        stopListening();
      }
    },
    dropConnections() {
      for (const socket of [...sockets]) socket.destroy();
    },
  };
}

/** It takes any stream; its type was made for network sockets only. */
function inject(server: { readonly injectSocket: (socket: Socket) => void }, stream: Duplex): void {
  const { injectSocket }: { readonly injectSocket: (socket: never) => void } = server;
  Reflect.apply(injectSocket, server, [stream]);
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
  const output: ShellOutput = { stdout: send, stderr: (bytes) => channel.stderr.write(bytes) };
  const script = await input.script;
  const exitCode = isFollowing(script)
    ? await followEvents(machine, commandLine, script, output, input.ended)
    : await runShell(machine, commandLine, script, output);
  if (effect?.effect !== 'cut') end(channel, exitCode);
}

function end(channel: ServerChannel, exitCode: number): void {
  channel.exit(exitCode);
  channel.end();
}

/** From the first third on nothing means anything. */
function garbled(bytes: Buffer): Buffer {
  const third = Math.floor(bytes.length / 3);
  return Buffer.concat([bytes.subarray(0, third), randomBytes(bytes.length - third)]);
}

/** What a client sends: a script, complete at the end of its input, or before where it listens to events. */
function inputOf(channel: ServerChannel): { readonly script: Promise<string>; readonly ended: Promise<undefined> } {
  const pieces: Buffer[] = [];
  const text = () => Buffer.concat(pieces).toString('utf8');
  const ended = new Promise<undefined>((resolve) => {
    const end = () => {
      resolve(undefined);
    };
    channel.on('end', end);
    channel.on('close', end);
  });
  const script = new Promise<string>((resolve) => {
    channel.on('data', (piece: Buffer) => {
      pieces.push(piece);
      if (isFollowing(text())) resolve(text());
    });
    void ended.then(() => {
      resolve(text());
    });
  });
  return { script, ended };
}
