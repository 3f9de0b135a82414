/**
 * Scripts that listen to events until their input ends (`watchScript` of the libvirt driver). The interpreter runs one
 * command after the other and gives what they printed at the end, so the part that waits is done here.
 */
import { definitionOf } from '../libvirt/model.ts';
import type { VmEvent } from '../libvirt/world.ts';
import type { Machine } from '../machine.ts';
import { runShell, type ShellOutput } from './shell.ts';

/** From keeping the input at hand to the end. */
const waitingPart = /exec 3<&0\n[\s\S]* event --all --loop --timestamp [\s\S]*exit "\$code"\n/;

/** Whether what came so far is such a script, and whole. */
export function isFollowing(script: string): boolean {
  return waitingPart.test(script) && /exit "\$code"\n'[^\n]*\n$/.test(script);
}

/** Runs what stands before the waiting, and then tells events until `ended`. Gives the exit code. */
export async function followEvents(
  machine: Machine,
  commandLine: string,
  script: string,
  output: ShellOutput,
  ended: Promise<undefined>,
): Promise<number> {
  const exitCode = await runShell(machine, commandLine, script.replace(waitingPart, ''), output);
  if (exitCode !== 0) return exitCode;
  const stop = machine.onEvent((event) => {
    output.stdout(Buffer.from(eventLine(machine.now(), event)));
  });
  await ended;
  stop();
  // virsh is ended by a signal then.
  return 143;
}

/** As `virsh event --timestamp` prints it. */
function eventLine(now: number, { vm, kind = 'lifecycle', what }: VmEvent): string {
  const time = new Date(now * 1000).toISOString().replace('T', ' ').replace('Z', '+0000');
  return `${time}: event '${kind}' for domain '${definitionOf(vm).name}': ${what}\n`;
}
