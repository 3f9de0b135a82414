/** What a spec knows of a shell: a window of Snaptree over a data folder of its own, on whatever it runs. */
import type { Page } from '@playwright/test';

export interface ShellOptions {
  /** Absolute. Two runs over the same folder are one user who starts Snaptree again. */
  readonly dataFolder: string;
  /** The user's home folder: its known_hosts and keys are not those of whoever runs the tests. */
  readonly homeFolder: string;
}

export interface Shell {
  /** The window, loaded. */
  readonly page: Page;
  /** Ends Snaptree as its user would, and throws where it does not end cleanly. Does nothing where it has ended. */
  stop(): Promise<void>;
  /** Kills Snaptree as a power cut would (SIGKILL); the window stays where the shell is a server. */
  kill(): Promise<void>;
}

/** The environment of a Snaptree under test: neither the agent nor the configuration of whoever runs the tests. */
export function shellEnvironment({ dataFolder, homeFolder }: ShellOptions): Record<string, string> {
  const foreign = new Set(['SSH_AUTH_SOCK', 'SSH_AGENT_PID', 'SNAPTREE_DATA', 'XDG_DATA_HOME', 'NODE_OPTIONS']);
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || foreign.has(name) ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(kept), SNAPTREE_DATA: dataFolder, HOME: homeFolder };
}
