/** A way to run one command line somewhere: over SSH, or on this computer. */
import type { SnaptreeError } from '../../../shared/errors.ts';

export interface ExecRequest {
  /** Handed to the login shell over there. Never holds a value: values travel in `stdin`. */
  readonly commandLine: string;
  /** Written as UTF-8, then closed. */
  readonly stdin: string;
  /**
   * For commands that go on until they are told to stop: called with each piece of stdout as it comes, decoded over
   * the pieces; it is then not collected, and not capped. stdin is then left open, and closed when `signal` aborts or the
   * connection ends: that is how the command learns of it.
   */
  readonly onStdout?: (text: string) => void;
  /** Cap on stdout and on stderr, each. */
  readonly maximumOutputBytes: number;
  /** Gives up waiting; what runs over there is not ended by it. */
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  /** Null where a signal ended the command. */
  readonly exitCode: number | null;
  /** With its SIG prefix. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Transport {
  readonly isOpen: boolean;
  /** Throws `channelRefused` (the command was not started), `connectionLost`, `outputTooLarge`, `cancelled`. */
  exec(request: ExecRequest): Promise<ExecResult>;
  /** Ends the connection; commands that run are answered with `connectionLost`. */
  close(): void;
  /** Called once when the connection ended; with null where `close` was called. */
  onClose(listener: (reason: SnaptreeError | null) => void): () => void;
}
