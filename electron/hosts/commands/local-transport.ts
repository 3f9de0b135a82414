/** "This computer": commands run here, without SSH, with the same meaning as over SSH. */
import { spawn } from 'node:child_process';
import { SnaptreeError } from '../../../shared/errors.ts';
import { createListeners } from '../../base/listeners.ts';
import { giveInput, leavePipes, takeOutput } from './output.ts';
import { createPendingCommands } from './pending-commands.ts';
import type { Transport } from './transport.ts';
import { connectionLost, outputTooLarge } from './transport-errors.ts';

/** @param hostName for messages */
export function createLocalTransport(hostName: string): Transport {
  let open = true;
  const pending = createPendingCommands(hostName);
  const closed = createListeners<[SnaptreeError | null]>();

  return {
    get isOpen() {
      return open;
    },
    exec: (request) =>
      pending.run(request, open ? null : 'it was closed', (command) => {
        const child = spawn('/bin/sh', ['-c', request.commandLine], { stdio: ['pipe', 'pipe', 'pipe'] });
        const { stdout, stderr } = takeOutput(child, request, () => {
          command.fail(outputTooLarge(hostName, request.maximumOutputBytes));
        });
        child.on('error', (cause) => {
          command.fail(
            new SnaptreeError('commandFailed', `No command could be started on ${hostName}: ${cause.message}.`, {
              cause,
            }),
          );
        });
        child.on('close', (exitCode, signal) => {
          command.answer({ exitCode, signal, stdout: stdout(), stderr: stderr() });
        });
        giveInput(child.stdin, request);
        return {
          // As when an SSH channel is closed: the command is not killed, it only loses its listener.
          release() {
            leavePipes(child);
            child.unref();
          },
        };
      }),
    close() {
      if (!open) return;
      open = false;
      pending.failAll(connectionLost(hostName, 'it was closed'));
      closed.call(null);
    },
    onClose: (listener) => closed.add(listener),
  };
}
