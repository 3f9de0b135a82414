/** Commands over one SSH connection that stands. How it is made: ssh-connect.ts. */
import type { Client, ClientChannel } from 'ssh2';
import type { SnaptreeError } from '../../../shared/errors.ts';
import { createListeners } from '../../base/listeners.ts';
import { giveInput, takeOutput } from '../commands/output.ts';
import type { ExecRequest, ExecResult, Transport } from '../commands/transport.ts';
import { channelRefused, commandCancelled, connectionLost, outputTooLarge } from '../commands/transport-errors.ts';

/** How long a command that goes on until it is told to stop may take to do so. */
const lastCallMs = 3000;

/** The reason code of a refused channel, as ssh2 puts it on its error. */
function openFailureReason(error: Error): number | null {
  return 'reason' in error && typeof error.reason === 'number' ? error.reason : null;
}

/** @param client after its `ready` event; its `error` and `close` events are the transport's from now on. */
export function createSshTransport(hostName: string, client: Client): Transport {
  let open = true;
  let closing = false;
  let reason: string | null = null;
  const pending = new Set<(error: SnaptreeError) => void>();
  const closed = createListeners<[SnaptreeError | null]>();

  const ended = () => {
    if (!open) return;
    open = false;
    const error = connectionLost(hostName, reason ?? (closing ? 'it was closed' : 'the host closed it'));
    for (const fail of [...pending]) fail(error);
    closed.call(closing ? null : error);
  };
  client.on('error', (error) => {
    reason ??= error.level === 'client-timeout' ? 'the host no longer answers' : error.message;
    // ssh2 only ends its half after an error; the other side may be silent for ever.
    client.destroy();
    ended();
  });
  client.on('close', ended);
  client.on('end', ended);

  function listen(
    channel: ClientChannel,
    request: ExecRequest,
    resolve: (result: ExecResult) => void,
    abandon: Abandon,
  ) {
    const overflow = () => {
      abandon(outputTooLarge(hostName, request.maximumOutputBytes));
    };
    const { stdout, stderr } = takeOutput(channel, request, overflow);
    let exit: { exitCode: number | null; signal: string | null } | null = null;
    channel.on('exit', (exitCode: number | null, signal?: string) => {
      exit = { exitCode, signal: signal ?? null };
    });
    // `close` waits for stdout only; what is still in stderr must not be lost.
    let open = 2;
    const done = () => {
      open -= 1;
      if (open > 0) return;
      if (exit === null)
        abandon(connectionLost(hostName, 'its channel was closed without telling how the command ended'));
      else resolve({ ...exit, stdout: stdout(), stderr: stderr() });
    };
    channel.on('close', done);
    channel.stderr.on('close', done);
    giveInput(channel, request);
  }

  function exec(request: ExecRequest): Promise<ExecResult> {
    return new Promise((resolve, reject) => {
      if (request.signal?.aborted === true) {
        reject(commandCancelled(hostName));
        return;
      }
      if (!open) {
        reject(connectionLost(hostName, reason ?? 'it was closed'));
        return;
      }
      let channel: ClientChannel | null = null;
      let settled = false;
      const settle = () => {
        settled = true;
        clearTimeout(lastCall);
        pending.delete(abandon);
        request.signal?.removeEventListener('abort', onAbort);
      };
      const abandon = (error: SnaptreeError) => {
        if (settled) return;
        settle();
        channel?.close();
        reject(error);
      };
      let lastCall: NodeJS.Timeout | undefined;
      const onAbort = () => {
        const giveUp = () => {
          abandon(commandCancelled(hostName));
        };
        if (request.onStdout === undefined || channel === null) {
          giveUp();
          return;
        }
        // Told to end by its input, and awaited: sshd counts the channel as long as something runs in it.
        channel.once('close', giveUp);
        channel.end();
        lastCall = setTimeout(giveUp, lastCallMs);
      };
      pending.add(abandon);
      request.signal?.addEventListener('abort', onAbort, { once: true });
      const started = (error: Error | undefined, newChannel: ClientChannel) => {
        if (error !== undefined) {
          abandon(channelRefused(hostName, openFailureReason(error), error.message));
          return;
        }
        channel = newChannel;
        // Given up while the channel was being opened: without input, `sh` has nothing to do.
        if (settled) {
          newChannel.on('error', () => undefined);
          newChannel.close();
          return;
        }
        const finish = (result: ExecResult) => {
          if (settled) return;
          settle();
          resolve(result);
        };
        listen(newChannel, request, finish, abandon);
      };
      try {
        client.exec(request.commandLine, started);
      } catch (error) {
        // ssh2 throws where its socket is gone already.
        abandon(connectionLost(hostName, error instanceof Error ? error.message : String(error)));
      }
    });
  }

  return {
    get isOpen() {
      return open;
    },
    exec,
    close() {
      if (!open) return;
      closing = true;
      client.end();
      ended();
    },
    onClose: (listener) => closed.add(listener),
  };
}

type Abandon = (error: SnaptreeError) => void;
