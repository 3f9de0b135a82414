/** "This computer": commands run here, without SSH, with the same meaning as over SSH. */
import { spawn } from 'node:child_process';
import { SnaptreeError } from '../../../shared/errors.ts';
import { createListeners } from '../../base/listeners.ts';
import { giveInput, takeOutput } from './output.ts';
import type { ExecRequest, ExecResult, Transport } from './transport.ts';
import { commandCancelled, connectionLost, outputTooLarge } from './transport-errors.ts';

/** @param hostName for messages */
export function createLocalTransport(hostName: string): Transport {
  let open = true;
  const pending = new Set<(error: SnaptreeError) => void>();
  const closed = createListeners<[SnaptreeError | null]>();

  function exec(request: ExecRequest): Promise<ExecResult> {
    return new Promise((resolve, reject) => {
      if (!open) {
        reject(connectionLost(hostName, 'it was closed'));
        return;
      }
      if (request.signal?.aborted === true) {
        reject(commandCancelled(hostName));
        return;
      }
      const child = spawn('/bin/sh', ['-c', request.commandLine], { stdio: ['pipe', 'pipe', 'pipe'] });
      const settle = () => {
        pending.delete(fail);
        request.signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: SnaptreeError) => {
        settle();
        // As when an SSH channel is closed: the command is not killed, it only loses its listener.
        child.stdin.destroy();
        child.stdout.destroy();
        child.stderr.destroy();
        child.unref();
        reject(error);
      };
      const onAbort = () => {
        fail(commandCancelled(hostName));
      };
      pending.add(fail);
      request.signal?.addEventListener('abort', onAbort, { once: true });

      const overflow = () => {
        fail(outputTooLarge(hostName, request.maximumOutputBytes));
      };
      const { stdout, stderr } = takeOutput(child, request, overflow);
      child.on('error', (cause) => {
        fail(
          new SnaptreeError('commandFailed', `No command could be started on ${hostName}: ${cause.message}.`, {
            cause,
          }),
        );
      });
      child.on('close', (exitCode, signal) => {
        settle();
        resolve({ exitCode, signal, stdout: stdout(), stderr: stderr() });
      });
      giveInput(child.stdin, request);
    });
  }

  return {
    get isOpen() {
      return open;
    },
    exec,
    close() {
      if (!open) return;
      open = false;
      for (const fail of [...pending]) fail(connectionLost(hostName, 'it was closed'));
      closed.call(null);
    },
    onClose: (listener) => closed.add(listener),
  };
}
