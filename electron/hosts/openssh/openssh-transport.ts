/** Commands over the control socket of a connection that OpenSSH holds. How it is made: connect-openssh.ts. */
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SnaptreeError } from '../../../shared/errors.ts';
import { createListeners } from '../../base/listeners.ts';
import { giveInput, leavePipes, takeOutput } from '../commands/output.ts';
import { createPendingCommands } from '../commands/pending-commands.ts';
import { channelRefused, connectionLost, outputTooLarge } from '../commands/transport-errors.ts';
import type { ExecResult, Transport } from '../commands/transport.ts';
import type { Master } from './master.ts';
import { lastSaid, lostReason } from './openssh-errors.ts';

/** How long the master may take to say how a command ended, after its ssh ended. */
const afterwordMs = 2000;

/**
 * What the log of a command's ssh (DEBUG2) says about its end.
 *
 * ssh gives the exit code of the command, and 255 for everything that went wrong in itself; a command can give 255 as well,
 * and can print what ssh prints. So ssh's own words go to a file (`-E`), and only that is read.
 */
export type Outcome =
  /** The command's own exit code. */
  | { readonly kind: 'ended' }
  /** The channel was closed without an exit code: by a signal, or with the connection. */
  | { readonly kind: 'unknown'; readonly channel: number }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nothing was run: there is no master at the socket any more. */
  | { readonly kind: 'noMaster'; readonly reason: string };

export function readOutcome(log: string): Outcome {
  const text = log.replaceAll('\r', '');
  if (/Received exit status from master \d+$/m.test(text)) return { kind: 'ended' };
  const [, reason] = /session request failed: (.+)$/m.exec(text) ?? [];
  if (reason !== undefined) return { kind: 'refused', reason };
  const [, channel] = /master session id: (\d+)$/m.exec(text) ?? [];
  if (channel !== undefined) return { kind: 'unknown', channel: Number(channel) };
  return { kind: 'noMaster', reason: lastSaid(text.split(/^debug1: (?:Control socket|Executing proxy)/m)[0] ?? '') };
}

interface TransportParts {
  readonly hostName: string;
  readonly master: Master;
  /** The private folder, with the control socket `c`. */
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** For ssh's own words only; nothing is looked up. */
  readonly destination: string;
  /** Called once when the connection ended, however it did. */
  readonly cleanUp: () => void;
}

/**
 * The options of a command's ssh. No configuration: it was applied when the connection was made, and reading it again
 * would run each `Match exec` again. Where the master is gone ssh would make a connection of its own, with no
 * configuration: the ProxyCommand keeps it from that.
 */
function execOptions(folder: string, logFile: string): string[] {
  const options = ['ControlMaster=no', 'ProxyCommand=false', 'BatchMode=yes', 'LogLevel=DEBUG2'];
  return [
    '-F',
    'none',
    '-S',
    join(folder, 'c'),
    '-T',
    '-a',
    '-x',
    '-E',
    logFile,
    ...options.flatMap((each) => ['-o', each]),
  ];
}

export function createOpensshTransport(parts: TransportParts): Transport {
  const { hostName, master, folder } = parts;
  let open = true;
  let closing = false;
  let number = 0;
  let reason: string | null = null;
  const pending = createPendingCommands(hostName);
  const closed = createListeners<[SnaptreeError | null]>();

  const ended = () => {
    if (!open) return;
    open = false;
    reason = closing ? 'it was closed' : lostReason(master.log());
    const error = connectionLost(hostName, reason);
    pending.failAll(error);
    closed.call(closing ? null : error);
    parts.cleanUp();
  };
  master.onEnd(ended);

  /** What became of a command whose ssh ended with 255. */
  async function judge(logFile: string, since: number): Promise<'ended' | 'signalled' | SnaptreeError> {
    const outcome = readOutcome(await readFile(logFile, 'utf8').catch(() => ''));
    if (outcome.kind === 'ended') return 'ended';
    if (outcome.kind === 'refused') {
      // OpenSSH does not give the reason code. 2 is what sshd gives where MaxSessions is reached.
      return channelRefused(hostName, 2, outcome.reason);
    }
    if (outcome.kind === 'noMaster') {
      return connectionLost(hostName, outcome.reason === '' ? 'OpenSSH no longer holds it' : outcome.reason);
    }
    const until = performance.now() + afterwordMs;
    while (performance.now() < until) {
      if (master.takeSignalled(outcome.channel, since)) return 'signalled';
      if (!master.isRunning) break;
      await delay(20);
    }
    return connectionLost(hostName, reason ?? 'its channel was closed without telling how the command ended');
  }

  return {
    get isOpen() {
      return open;
    },
    exec(request) {
      number += 1;
      const logFile = join(folder, `log.${number}`);
      const answered = pending.run(request, open ? null : (reason ?? 'it was closed'), (command) => {
        const since = performance.now();
        const child = spawn('ssh', [...execOptions(folder, logFile), '--', parts.destination, request.commandLine], {
          env: parts.environment,
          detached: true,
          stdio: ['pipe', 'pipe', 'pipe'],
        });
        const { stdout, stderr } = takeOutput(child, request, () => {
          command.fail(outputTooLarge(hostName, request.maximumOutputBytes));
        });
        child.on('error', (error) => {
          command.fail(connectionLost(hostName, `ssh could not be started: ${error.message}`));
        });
        child.on('close', (exitCode) => {
          if (command.isAnswered || request.signal?.aborted === true) return;
          const finish = (result: Pick<ExecResult, 'exitCode' | 'signal'>) => {
            if (!command.isAnswered) command.answer({ ...result, stdout: stdout(), stderr: stderr() });
          };
          if (exitCode === null) {
            command.fail(connectionLost(hostName, 'the ssh of this command was ended on this computer'));
          } else if (exitCode !== 255) finish({ exitCode, signal: null });
          else {
            void judge(logFile, since).then((verdict) => {
              if (verdict === 'ended') finish({ exitCode, signal: null });
              // OpenSSH does not hand on which signal it was.
              else if (verdict === 'signalled') finish({ exitCode: null, signal: null });
              else command.fail(verdict);
            });
          }
        });
        giveInput(child.stdin, request);
        return {
          // The command over there is not killed: its channel is closed.
          release() {
            leavePipes(child);
            child.kill();
          },
          endInput(ended) {
            child.once('close', ended);
            child.stdin.end();
          },
        };
      });
      return answered.finally(() => {
        void rm(logFile, { force: true }).catch(() => undefined);
      });
    },
    close() {
      if (!open) return;
      closing = true;
      master.end();
      ended();
    },
    onClose: (listener) => closed.add(listener),
  };
}
