/** The one function that runs a command on a host. */
import { randomUUID } from 'node:crypto';
import { SnaptreeError } from '../../../shared/errors.ts';
import { joinSignals } from '../../base/abort.ts';
import type { ChannelPool } from './channel-pool.ts';
import { quoteCommand } from './quoting.ts';
import type { Command, CommandResult, CommandRunner, ExpectedFailure, FollowedScript, Script } from './runner.ts';
import { behindMark, commandScript, followedScript, remoteCommandLine, shellScript } from './script.ts';
import { sudoRefusal, sudoRefused } from './sudo.ts';
import type { ExecResult, Transport } from './transport.ts';
import { channelRefused, commandCancelled, outputTooLarge } from './transport-errors.ts';

const defaultTimeoutSeconds = 60;
const defaultMaximumOutputBytes = 64 * 1024 * 1024;
/** After `timeout` had its time and the 5 seconds until SIGKILL, the host is given so long to say so. */
const graceSeconds = 15;
const exitCodeNotFound = 127;
const exitCodesOfTimeout: readonly (number | null)[] = [124, 137];

export interface RunnerSource {
  readonly hostName: string;
  /** Whether everything runs through `sudo -n`. */
  readonly sudo?: boolean;
  /** Who logs in, for messages; null where that is not known. */
  readonly user?: string | null;
  /** What to run commands over now. Throws `hostNotConnected` where there is none. */
  current(): { transport: Transport; pool: ChannelPool };
}

/** The first expected failure that fits what a command left; null where none does. */
export function matchFailure(
  result: Pick<ExecResult, 'exitCode' | 'stderr'>,
  expected: readonly ExpectedFailure[],
): ExpectedFailure | null {
  const matches = ({ exitCodes, stderr }: ExpectedFailure): boolean =>
    (exitCodes === undefined || (result.exitCode !== null && exitCodes.includes(result.exitCode))) &&
    // `search`, not `test`: a pattern with the flag g remembers where it was.
    (stderr === undefined || result.stderr.search(stderr) >= 0);
  return expected.find(matches) ?? null;
}

function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}

function lastLine(text: string): string {
  return shorten(text.trim().split('\n').at(-1) ?? '', 500);
}

interface Run {
  readonly hostName: string;
  /** What was run, for data and messages. */
  readonly command: string;
  /** In words: the program, or the script's title. */
  readonly title: string;
  readonly timeoutSeconds: number;
  readonly sudo: boolean;
  readonly user: string | null;
}

function timedOut(run: Run, surely: boolean): SnaptreeError {
  const state = surely
    ? 'It was ended there'
    : 'The host did not say whether it ended, so it may still be running there';
  return new SnaptreeError(
    'commandTimedOut',
    `${run.title} on ${run.hostName} did not end within ${run.timeoutSeconds} seconds. ${state}. The host may be overloaded, or storage may hang; try again when it answers.`,
    {
      data: { command: run.command, timeoutSeconds: String(run.timeoutSeconds) },
      untold: ['command'],
      retryable: true,
    },
  );
}

/** What a command left, as a result or as the error that it is. `seconds`: how long it took. */
function judge(run: Run, result: ExecResult, mark: string, expected: readonly ExpectedFailure[], seconds: number) {
  const { exitCode, signal } = result;
  const hitLimit = exitCodesOfTimeout.includes(exitCode) && seconds >= run.timeoutSeconds;
  const stdout = behindMark(result.stdout, mark);
  const stderr = behindMark(result.stderr, mark) ?? result.stderr;
  const data = {
    command: run.command,
    exitCode: exitCode === null ? '' : String(exitCode),
    signal: signal ?? '',
    stderr: shorten(stderr, 10_000),
  };
  if (hitLimit) throw timedOut(run, true);
  if (stdout === null) {
    const refusal = run.sudo ? sudoRefusal(result.stderr) : null;
    if (refusal !== null) throw sudoRefused(run.hostName, run.user, refusal, result.stderr);
    const said =
      lastLine(result.stderr) ||
      lastLine(result.stdout) ||
      (signal === null ? 'it said nothing' : `it was ended by ${signal}`);
    throw new SnaptreeError(
      'unexpectedOutput',
      `The login shell on ${run.hostName} did not run what it was given (${said}). Nothing was done there. Check that the user may log in and run commands: ssh to the host and try “sh -c true”.`,
      { data: { ...data, stdout: shorten(result.stdout, 10_000) }, untold: ['command', 'stderr', 'stdout'] },
    );
  }
  const answer = (failure: string | null): CommandResult => ({ exitCode, signal, stdout, stderr, failure });
  if (exitCode === 0) return answer(null);
  const failure = matchFailure({ exitCode, stderr }, expected);
  if (failure !== null) return answer(failure.name);
  const said = lastLine(stderr);
  const untold = said === stderr.trim() ? ['command'] : ['command', 'stderr'];
  if (exitCode === exitCodeNotFound) {
    throw new SnaptreeError(
      'commandNotFound',
      `${run.title} cannot run on ${run.hostName}: the command is not there (${said}). Install it on the host, or see that it is in the user's PATH.`,
      { data, untold },
    );
  }
  const how = exitCode === null ? `was ended by ${signal ?? 'a signal'}` : `failed with exit code ${exitCode}`;
  throw new SnaptreeError(
    'commandFailed',
    `${run.title} on ${run.hostName} ${how}${said === '' ? ' and gave no reason' : `: ${said}`}`,
    { data, untold },
  );
}

const maximumFollowedStderr = 1024 * 1024;
const tooFewChannels = 'it allows too few at once to leave one open for good';
/** What a login shell may say before the command, at most. */
const maximumBeginning = 100_000;

/** Hands on lines behind the mark, as pieces of text come in. */
function createLineReader(mark: string, onLine: (line: string) => void) {
  let beginning = '';
  let rest: string | null = null;
  return {
    take: (text: string): void => {
      let pending = text;
      if (rest === null) {
        beginning = (beginning + text).slice(0, maximumBeginning);
        const behind = behindMark(beginning, mark);
        if (behind === null) return;
        beginning = beginning.slice(0, beginning.length - behind.length);
        rest = '';
        pending = behind;
      }
      const lines = (rest + pending).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    },
    /** What came up to the mark, with it. */
    beginning: (): string => beginning,
  };
}

/** A runner over whatever connection `source` has at the time of each call. */
export function createScriptRunner(source: RunnerSource): CommandRunner {
  async function execute(
    options: Omit<Command, 'argv'>,
    described: { command: string; title: string },
    makeScript: (mark: string) => string,
  ): Promise<CommandResult> {
    const { hostName } = source;
    const timeoutSeconds = options.timeoutSeconds ?? defaultTimeoutSeconds;
    const maximumOutputBytes = options.maximumOutputBytes ?? defaultMaximumOutputBytes;
    const { sudo = false, user = null } = source;
    const run: Run = { hostName, timeoutSeconds, sudo, user, ...described };
    const mark = `snaptree:${randomUUID()}`;
    const stdin = makeScript(mark);
    const commandLine = remoteCommandLine(timeoutSeconds, sudo);
    const { transport, pool } = source.current();
    const cancelled = () => commandCancelled(hostName);
    const { signal } = options;

    const attempt = async (): Promise<CommandResult> => {
      // Not AbortSignal.timeout: nobody takes its timer away when the command has ended.
      const limit = new AbortController();
      const pastLimit = () => {
        limit.abort();
      };
      const timer = setTimeout(pastLimit, (timeoutSeconds + graceSeconds) * 1000);
      const startedAt = performance.now();
      try {
        const result = await transport.exec({
          commandLine,
          stdin,
          signal: signal === undefined ? limit.signal : joinSignals([signal, limit.signal]),
          // The mark is ours and does not count.
          maximumOutputBytes: maximumOutputBytes + mark.length + 1,
        });
        // A tick of tolerance: the host's clock and this one need not agree.
        const seconds = (performance.now() - startedAt) / 1000 + 0.2;
        return judge(run, result, mark, options.expected ?? [], seconds);
      } catch (error) {
        if (limit.signal.aborted && signal?.aborted !== true) throw timedOut(run, false);
        if (SnaptreeError.is(error, 'outputTooLarge')) throw outputTooLarge(hostName, maximumOutputBytes);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    };
    const priority = options.priority ?? 'user';
    return pool.run(attempt, signal === undefined ? { priority, cancelled } : { priority, cancelled, signal });
  }

  async function follow({ script, title, onLine, signal }: FollowedScript): Promise<CommandResult> {
    const { hostName, sudo = false, user = null } = source;
    const run: Run = { hostName, timeoutSeconds: Infinity, sudo, user, command: title, title };
    const mark = `snaptree:${randomUUID()}`;
    const stdin = followedScript(script, mark);
    const { transport, pool } = source.current();
    const cancelled = () => commandCancelled(hostName);
    const task = async (stop: AbortSignal): Promise<CommandResult> => {
      const lines = createLineReader(mark, onLine);
      const result = await transport.exec({
        commandLine: remoteCommandLine(null, sudo),
        stdin,
        signal: stop,
        onStdout: lines.take,
        maximumOutputBytes: maximumFollowedStderr,
      });
      return judge(run, { ...result, stdout: lines.beginning() }, mark, [], 0);
    };
    return pool.follow(task, { signal, cancelled, refused: () => channelRefused(hostName, 2, tooFewChannels) });
  }

  return {
    get hostName() {
      return source.hostName;
    },
    follow,
    // async: what is wrong with a request is a rejection like every other error.
    async run(command) {
      const [program] = command.argv;
      if (program === undefined || program === '' || program.startsWith('-')) {
        throw new SnaptreeError('invalidRequest', 'A command needs the name of a program.');
      }
      const text = shorten(quoteCommand(command.argv), 2000);
      return execute(command, { command: text, title: program }, (mark) => commandScript(command.argv, mark));
    },
    async runScript(script: Script) {
      return execute(script, { command: script.title, title: script.title }, (mark) =>
        shellScript(script.script, mark),
      );
    },
  };
}
