/** Commands over one SSH connection that stands. How it is made: ssh-connect.ts. */
import type { Client, ClientChannel } from 'ssh2';
import type { SnaptreeError } from '../../../shared/errors.ts';
import { createListeners } from '../../base/listeners.ts';
import { giveInput, takeOutput } from '../commands/output.ts';
import { createPendingCommands, type PendingCommand } from '../commands/pending-commands.ts';
import type { ExecRequest, Transport } from '../commands/transport.ts';
import { channelRefused, connectionLost, outputTooLarge } from '../commands/transport-errors.ts';

/** The reason code of a refused channel, as ssh2 puts it on its error. */
function openFailureReason(error: Error): number | null {
  return 'reason' in error && typeof error.reason === 'number' ? error.reason : null;
}

/** @param client after its `ready` event; its `error` and `close` events are the transport's from now on. */
export function createSshTransport(hostName: string, client: Client): Transport {
  let open = true;
  let closing = false;
  let reason: string | null = null;
  const pending = createPendingCommands(hostName);
  const closed = createListeners<[SnaptreeError | null]>();

  const ended = () => {
    if (!open) return;
    open = false;
    const error = connectionLost(hostName, reason ?? (closing ? 'it was closed' : 'the host closed it'));
    pending.failAll(error);
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

  function listen(channel: ClientChannel, request: ExecRequest, command: PendingCommand) {
    const { stdout, stderr } = takeOutput(channel, request, () => {
      command.fail(outputTooLarge(hostName, request.maximumOutputBytes));
    });
    let exit: { exitCode: number | null; signal: string | null } | null = null;
    channel.on('exit', (exitCode: number | null, signal?: string) => {
      exit = { exitCode, signal: signal ?? null };
    });
    // `close` waits for stdout only; what is still in stderr must not be lost.
    let open = 2;
    const done = () => {
      open -= 1;
      if (open > 0) return;
      if (exit === null) {
        command.fail(connectionLost(hostName, 'its channel was closed without telling how the command ended'));
      } else command.answer({ ...exit, stdout: stdout(), stderr: stderr() });
    };
    channel.on('close', done);
    channel.stderr.on('close', done);
    giveInput(channel, request);
  }

  return {
    get isOpen() {
      return open;
    },
    exec: (request) =>
      pending.run(request, open ? null : (reason ?? 'it was closed'), (command) => {
        let channel: ClientChannel | null = null;
        const started = (error: Error | undefined, newChannel: ClientChannel) => {
          if (error !== undefined) {
            command.fail(channelRefused(hostName, openFailureReason(error), error.message));
          } else if (command.isAnswered) {
            // Given up while the channel was being opened: without input, `sh` has nothing to do.
            newChannel.on('error', () => undefined);
            newChannel.close();
          } else {
            channel = newChannel;
            listen(newChannel, request, command);
          }
        };
        try {
          client.exec(request.commandLine, started);
        } catch (error) {
          // ssh2 throws where its socket is gone already.
          command.fail(connectionLost(hostName, error instanceof Error ? error.message : String(error)));
        }
        return {
          release: () => channel?.close(),
          endInput(ended) {
            if (channel === null) ended();
            else {
              channel.once('close', ended);
              channel.end();
            }
          },
        };
      }),
    close() {
      if (!open) return;
      closing = true;
      client.end();
      ended();
    },
    onClose: (listener) => closed.add(listener),
  };
}
