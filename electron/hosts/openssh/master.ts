/** The one `ssh` process that holds a connection open for all commands (ControlMaster). */
import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { createListeners } from '../../base/listeners.ts';

/**
 * Ends ssh when our end of stdin closes: also when Snaptree is killed, so that no connection is left behind. The process
 * group of its own keeps Ctrl+C in the terminal of `snaptree` from cutting the connection under a command; and it is
 * ended as a whole, so that no ProxyCommand, jump host or program that asks outlives it.
 */
const guard = `exec 3<&0
ssh "$@" </dev/null 3<&- & ssh=$!
{ read -r line; kill -TERM 0; } <&3 2>/dev/null &
wait "$ssh"; code=$?
trap '' TERM
kill -TERM 0
exit "$code"`;

/** What is kept of what ssh says. */
const keptCharacters = 64 * 1024;

/** The channel of a command, as the master's log tells of it. */
interface Ending {
  readonly channel: number;
  /** As `performance.now()`. */
  readonly at: number;
}

export interface Master {
  readonly isRunning: boolean;
  /** The last things it said, at LogLevel DEBUG1. */
  log(): string;
  /** Called with each whole line that it says. */
  onLine(listener: (line: string) => void): () => void;
  /** Called once when it ended. */
  onEnd(listener: () => void): () => void;
  /** Whether a signal ended the command in `channel` after `since`; each ending is told once. */
  takeSignalled(channel: number, since: number): boolean;
  /** Ends it. */
  end(): void;
}

/** @param environment of ssh, whole */
export function startMaster(options: readonly string[], environment: NodeJS.ProcessEnv): Master {
  const child = spawn('/bin/sh', ['-c', guard, 'snaptree-ssh', ...options], {
    env: environment,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let running = true;
  let kept = '';
  let partial = '';
  let signalled: Ending[] = [];
  const lines = createListeners<[string]>();
  const ended = createListeners<[]>();
  const decoder = new StringDecoder('utf8');

  const take = (line: string) => {
    const [, channel] = /^debug1: client_input_channel_req: channel (\d+) rtype exit-signal /.exec(line) ?? [];
    // The log goes on as long as the connection: what commands come and go is not kept.
    if (channel !== undefined)
      signalled = [...signalled.slice(-50), { channel: Number(channel), at: performance.now() }];
    else if (!/^debug\d: (?:channel \d|multiplexing|client_input_channel_req|Sending command)/.test(line)) {
      kept = `${kept}${line}\n`.slice(-keptCharacters);
    }
    lines.call(line);
  };
  child.stderr.on('data', (chunk: Buffer) => {
    const all = `${partial}${decoder.write(chunk)}`.split(/\r?\n/);
    partial = (all.pop() ?? '').slice(-keptCharacters);
    for (const line of all) take(line);
  });
  const end = () => {
    if (!running) return;
    running = false;
    if (partial !== '') take(partial);
    child.stdin.destroy();
    ended.call();
  };
  child.on('error', (error) => {
    take(`ssh could not be started: ${error.message}`);
    end();
  });
  // What it said last may still be in the pipe; but a ProxyCommand may hold the pipe open for long.
  child.on('exit', () => setTimeout(end, 300));
  child.on('close', end);
  child.stdin.on('error', () => undefined);

  return {
    get isRunning() {
      return running;
    },
    log: () => kept,
    onLine: (listener) => lines.add(listener),
    onEnd: (listener) => ended.add(listener),
    takeSignalled(channel, since) {
      const index = signalled.findIndex((each) => each.channel === channel && each.at >= since);
      if (index < 0) return false;
      signalled = signalled.toSpliced(index, 1);
      return true;
    },
    end() {
      child.stdin.end();
    },
  };
}
