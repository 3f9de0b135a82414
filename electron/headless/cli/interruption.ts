/** What Ctrl-C and the signals to end do, as long as a command runs. */
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';

/** Ctrl-C while something was asked. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode = exitCodes.interrupted;
}

export interface Interruption {
  /** Aborted at the first Ctrl-C, unless somebody handles that, and at SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** The exit code of who was interrupted; null where nobody was. */
  readonly exitCode: ExitCode | null;
  /** Lets `handler` decide what Ctrl-C means: true where it is dealt with. Gives a function that ends that. */
  handle(handler: () => boolean): () => void;
  /** As if Ctrl-C had been pressed: a terminal in raw mode gives it as a character. */
  readonly interrupt: () => void;
  stop(): void;
}

export function createInterruption(): Interruption {
  const controller = new AbortController();
  let exitCode: ExitCode | null = null;
  let handler: (() => boolean) | null = null;

  function end(code: ExitCode): void {
    // Whoever presses it once more does not want to wait for anything.
    if (controller.signal.aborted) process.exit(code);
    exitCode = code;
    controller.abort();
  }
  const onInterrupt = (): void => {
    if (handler?.() !== true) end(exitCodes.interrupted);
  };
  const onTerminate = (): void => {
    end(exitCodes.terminated);
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  process.on('SIGHUP', onTerminate);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    handle(next) {
      handler = next;
      return () => {
        if (handler === next) handler = null;
      };
    },
    interrupt: onInterrupt,
    stop() {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      process.off('SIGHUP', onTerminate);
    },
  };
}
