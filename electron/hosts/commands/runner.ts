/** How the rest of the main process has commands run on a host. There is no other way. */

/** An error that the caller of a command knows how to deal with, recognised once, here. */
export interface ExpectedFailure {
  /** The caller's name for it, given back in `CommandResult.failure`. */
  readonly name: string;
  /** The exit codes it comes with; any non-zero code where left out. */
  readonly exitCodes?: readonly number[];
  /** What stderr says (under LC_ALL=C); anything where left out. */
  readonly stderr?: RegExp;
}

interface RunOptions {
  /** Ends the command on the host (`timeout`, then SIGKILL) after so long. Default 60. For reads only. */
  readonly timeoutSeconds?: number;
  /** Cap on stdout and stderr, each. Default 64 MiB. More is the error `outputTooLarge`. */
  readonly maximumOutputBytes?: number;
  readonly expected?: readonly ExpectedFailure[];
  /** What a user waits for goes before what is polled. Default `user`. */
  readonly priority?: 'user' | 'poll';
  /** Gives up waiting. What runs on the host ends with its timeout. */
  readonly signal?: AbortSignal;
}

export interface Command extends RunOptions {
  /** Program and arguments; quoted by the runner, never by the caller. NUL is refused. */
  readonly argv: readonly string[];
}

export interface Script extends RunOptions {
  /** POSIX shell, made with `quoteArgument` for every value in it; fed to `sh -s`. */
  readonly script: string;
  /** What the script is for, in words, for errors and logs. */
  readonly title: string;
}

/** A script that goes on by itself: for what must be known at once when it happens. */
export interface FollowedScript {
  /** As `Script.script`. Must end by itself when its stdin, which nothing is written to, comes to its end. */
  readonly script: string;
  readonly title: string;
  /** Each line of stdout, without its newline. */
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface CommandResult {
  /** Null where the command was ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The name of the expected failure that matched; null where the command succeeded. */
  readonly failure: string | null;
}

/**
 * Runs commands on one host under `LC_ALL=C TZ=UTC`, in a POSIX shell whatever the user's login shell is.
 *
 * Exit code 0 and expected failures are results. Everything else is thrown as a `SnaptreeError`: `commandFailed` (with
 * `data.exitCode`, `data.stderr`, `data.command`), `commandNotFound` (127), `commandTimedOut`, `outputTooLarge`,
 * `connectionLost` (the outcome of the command is then not known), `channelRefused`, `cancelled`, `hostNotConnected`, and
 * `unexpectedOutput` where the login shell ran nothing of it. Where the host's settings say so, all of it runs as root
 * through `sudo -n`: `sudoRefused` where sudo ran nothing.
 */
export interface CommandRunner {
  /** The host's name in the host book, for messages. */
  readonly hostName: string;
  run(command: Command): Promise<CommandResult>;
  runScript(script: Script): Promise<CommandResult>;
  /**
   * Runs a script until it ends or `signal` aborts; there is no time limit. It takes one channel of the connection for as
   * long: where the host allows too few for that, now or later, it throws `channelRefused`. Gives its exit code and
   * stderr; throws as `runScript`, and `cancelled` after an abort.
   */
  follow(script: FollowedScript): Promise<CommandResult>;
}
