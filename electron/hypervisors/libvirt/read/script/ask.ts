/** One round trip to a host's libvirt. */
import { newNonce, parseFrames, type Frame } from '../../../../hosts/commands/frames.ts';
import type { CommandRunner } from '../../../../hosts/commands/runner.ts';
import type { ReadOptions } from '../../../driver.ts';
import { virshFailure, virshNotFound } from './host-failure.ts';

const timeoutSeconds = 120;
/** 20 000 snapshots have about 30 MiB of records, as they are shortened on the host. */
const maximumOutputBytes = 256 * 1024 * 1024;

/** Runs the script that `makeScript` makes and gives the frames of its answer. */
export type Ask = (what: string, makeScript: (nonce: string) => string) => Promise<readonly Frame[]>;

/**
 * Asks over `runner`. The function that it gives throws `commandNotFound`, `daemonUnavailable`, `permissionDenied` or
 * `commandFailed` where libvirt at `uri` cannot be asked; `unexpectedOutput` where an answer is cut short; and what the runner
 * throws.
 */
export function createAsk(runner: CommandRunner, uri: string, { priority, signal }: Omit<ReadOptions, 'memory'>): Ask {
  return async (what, makeScript) => {
    const nonce = newNonce();
    const title = `${what} on ${runner.hostName}`;
    const { stdout } = await runner.runScript({
      script: makeScript(nonce),
      title,
      timeoutSeconds,
      maximumOutputBytes,
      priority,
      ...(signal && { signal }),
    });
    const frames = parseFrames(stdout, nonce, title);
    const [first] = frames;
    if (first?.kind === 'novirsh') throw virshNotFound(runner.hostName);
    const failure = frames.find(({ kind }) => kind === 'failed');
    if (failure) throw virshFailure(runner.hostName, uri, failure.body);
    // Connected, and yet the first question of all was not answered.
    const list = frames.find(({ kind }) => kind === 'vms');
    if (list?.body.startsWith('error: ')) throw virshFailure(runner.hostName, uri, list.body);
    return frames;
  };
}
