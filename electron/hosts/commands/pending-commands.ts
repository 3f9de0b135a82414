/** The commands that were asked of a transport and are not answered yet: each is answered once, whatever comes first. */
import type { SnaptreeError } from '../../../shared/errors.ts';
import { whenAborted } from '../../base/abort.ts';
import type { ExecRequest, ExecResult } from './transport.ts';
import { commandCancelled, connectionLost } from './transport-errors.ts';

/** How long a command that goes on until it is told to stop may take to do so. */
const lastCallMs = 3000;

/** What is said of it after it is answered has no effect. */
export interface PendingCommand {
  readonly isAnswered: boolean;
  answer(result: ExecResult): void;
  fail(error: SnaptreeError): void;
}

/** How a transport lets go of a command. */
export interface CommandHold {
  /** Stops listening to it. What runs over there is not ended by that. Called where it fails. */
  release(): void;
  /**
   * Closes the input of a command that goes on until it is told to stop, and calls back when it has ended; absent where it need not
   * be awaited: sshd counts a channel as long as something runs in it.
   */
  endInput?(ended: () => void): void;
}

export interface PendingCommands {
  /**
   * Begins a command and waits for its answer. Rejects with what `fail` is called with, and with `cancelled` when the request's
   * signal aborts.
   *
   * @param lost why nothing can be begun any more; null where it can
   */
  run(request: ExecRequest, lost: string | null, begin: (command: PendingCommand) => CommandHold): Promise<ExecResult>;
  failAll(error: SnaptreeError): void;
}

/** @param hostName for messages */
export function createPendingCommands(hostName: string): PendingCommands {
  const pending = new Set<PendingCommand>();

  return {
    async run(request, lost, begin) {
      if (request.signal?.aborted === true) throw commandCancelled(hostName);
      if (lost !== null) throw connectionLost(hostName, lost);
      return new Promise((resolve, reject) => {
        let isAnswered = false;
        let hold: CommandHold | null = null;
        let lastCall: NodeJS.Timeout | undefined;
        /** False where it was answered before. */
        const settle = (): boolean => {
          if (isAnswered) return false;
          isAnswered = true;
          clearTimeout(lastCall);
          pending.delete(command);
          stopListening();
          return true;
        };
        const command: PendingCommand = {
          get isAnswered() {
            return isAnswered;
          },
          answer(result) {
            if (settle()) resolve(result);
          },
          fail(error) {
            if (!settle()) return;
            hold?.release();
            reject(error);
          },
        };
        const giveUp = () => {
          command.fail(commandCancelled(hostName));
        };
        pending.add(command);
        const stopListening = whenAborted(request.signal, () => {
          if (request.onStdout === undefined || hold?.endInput === undefined) {
            giveUp();
            return;
          }
          lastCall = setTimeout(giveUp, lastCallMs);
          hold.endInput(giveUp);
        });
        try {
          hold = begin(command);
        } catch (error) {
          settle();
          throw error;
        }
      });
    },
    failAll(error) {
      for (const command of [...pending]) command.fail(error);
    },
  };
}
