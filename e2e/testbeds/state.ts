import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { paths } from './paths.ts';

/** What `down` and `status` need to know about what `up` did. Holds a password: readable for root only. */
export interface TestbedState {
  readonly version: 1;
  /** False when a libvirtd was running already: that one is used, its settings stay, and it is not stopped. */
  readonly startedLibvirt: boolean;
  /** Password of both test users; made up at `up`. */
  readonly password: string;
  readonly passphrase: string;
  /** Hashes of /etc/libvirt right after our daemons had started. */
  readonly configurationAfterStart: Readonly<Record<string, string>>;
  /** What stood in the daemons' folders before `up`. */
  readonly filesBefore: readonly string[];
}

/** The state of the testbed, or undefined when it is not up (or its folder was lost). */
export function readState(): TestbedState | undefined {
  if (!existsSync(paths.state)) return undefined;
  // Written by this program only; a broken file means a broken testbed, and `down` works without it.
  return JSON.parse(readFileSync(paths.state, 'utf8')) as TestbedState;
}

export function writeState(state: TestbedState): void {
  writeFileSync(paths.state, JSON.stringify(state, undefined, 2), { mode: 0o600 });
}
