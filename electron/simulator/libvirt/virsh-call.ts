/** What the commands of the simulated virsh have in common. */
import { LibvirtError, type Vm } from './model.ts';
import type { CommandShape, ParsedCommand } from './virsh-parser.ts';
import type { World } from './world.ts';

/** What comes out of it, in order. */
export interface VirshOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

export interface VirshHost {
  readonly world: World;
  /** How long a change takes, in milliseconds; waits for it. */
  readonly work: (milliseconds: number) => Promise<void>;
  /** Waits where a test holds a command. Gives true where the command is to fail. */
  readonly meet: (command: string, vmUuid: string | null) => Promise<boolean>;
}

export interface Call {
  readonly host: VirshHost;
  readonly command: ParsedCommand;
  readonly quiet: boolean;
  readonly print: (text: string) => void;
  /** What `--quiet` leaves out. */
  readonly remark: (text: string) => void;
}

export interface Command extends CommandShape {
  readonly run: (call: Call) => void | Promise<void>;
}

export const value = (command: ParsedCommand, option: string): string => command.values.get(option)?.[0] ?? '';
export const has = (command: ParsedCommand, flag: string): boolean => command.flags.has(flag);

/** libvirt takes a VM's argument as an id, then as a UUID, then as a name. */
export function vmFor({ host, command }: Call): Vm {
  const wanted = value(command, 'domain');
  const { vms } = host.world.state;
  const vm =
    vms.find(({ live }) => live !== null && String(live.id) === wanted) ??
    vms.find(({ uuid }) => uuid === wanted) ??
    vms.find(({ definition }) => definition.name === wanted);
  if (vm) return vm;
  throw new LibvirtError(`failed to get domain '${wanted}'`);
}

export const domain: CommandShape = { positional: ['domain'], required: ['domain'] };
export const domainWithSnapshot = (flags: readonly string[]): CommandShape => ({
  positional: ['domain', 'snapshotname'],
  required: ['domain'],
  flags: [...flags, 'current', 'security-info'],
});

/** What libvirt refuses stands behind a line that says what virsh was about to do. */
export function introduced(call: Call, what: (name: string) => string, change: () => void): void {
  try {
    change();
  } catch (thrown) {
    if (!(thrown instanceof LibvirtError)) throw thrown;
    throw new LibvirtError(what(value(call.command, 'domain')), ...thrown.lines);
  }
}

export async function changed(call: Call, milliseconds: number, change: (world: World, vm: Vm) => void): Promise<void> {
  // Whether it is there is said at once; what is done with it is what is there after the work.
  vmFor(call);
  await call.host.work(milliseconds);
  change(call.host.world, vmFor(call));
}

/** Rows as virsh prints them: cells padded to the widest, three spaces between. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], quiet: boolean): string {
  const all = quiet ? rows : [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    ` ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3))).join('')}\n`;
  const [first, ...others] = all.map(line);
  if (quiet || first === undefined) return all.map(line).join('');
  return `${first}${'-'.repeat(widths.reduce((sum, width) => sum + width + 3, 1))}\n${others.join('')}`;
}
