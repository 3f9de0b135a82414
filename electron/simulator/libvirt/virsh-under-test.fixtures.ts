import type { Machine } from '../machine.ts';
import { runVirsh } from './virsh.ts';

/** What a command of virsh prints on a simulated machine, and how it ends. */
interface VirshResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * Runs a command of virsh on a simulated machine, without a shell.
 *
 * @param work what its work waits for; it takes no time where this is left out
 */
export async function virshOn(
  machine: Machine,
  argv: readonly string[],
  work: () => Promise<void> = () => Promise.resolve(),
): Promise<VirshResult> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runVirsh({ world: machine.world, work, meet: () => Promise.resolve(false) }, argv, {
    out: (text) => (stdout += text),
    error: (text) => (stderr += text),
  });
  return { stdout, stderr, exitCode };
}
