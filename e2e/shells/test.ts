/** The test of every spec: Snaptree on the shell of the project, and what a spec makes on the host, taken away again. */
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from '@playwright/test';
import { Snaptree } from '../pages/snaptree.ts';
import {
  connection,
  createVirtualMachine,
  deleteVirtualMachine,
  snaptreeLock,
  startSshServer,
  waitUntil,
  type SshServer,
  type SshServerOptions,
  type TestbedConnection,
  type VirtualMachine,
  type VirtualMachineSpec,
} from '../testbeds/index.ts';
import { startBrowserShell } from './browser-shell.ts';
import { electronObstacle, startElectronShell } from './electron-shell.ts';
import type { Shell } from './shell.ts';

export interface ShellOption {
  readonly shellKind: 'browser' | 'electron';
}

/** Snaptree as it runs: its window, and the process behind it. */
export interface Running {
  readonly app: Snaptree;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface Fixtures {
  /** Snaptree's data folder, empty or absent at first; gone after the test. */
  readonly dataFolder: string;
  /** Starts Snaptree over the data folder, also again after it ended. */
  readonly start: () => Promise<Running>;
  /** A Snaptree that has been started. */
  readonly app: Snaptree;
  /** Makes a VM for this test only; its name begins with `e2e-`. */
  readonly makeVm: (spec: VirtualMachineSpec) => Promise<VirtualMachine>;
  /** Starts a further host for this test only. */
  readonly makeHost: (options: SshServerOptions) => Promise<SshServer>;
}

export interface WorkerFixtures {
  readonly testbed: TestbedConnection;
}

/** What the window may complain of: a server that a test ended on purpose. */
const expectedComplaints = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket/;

export const test = base.extend<Fixtures & ShellOption, WorkerFixtures>({
  shellKind: ['browser', { option: true }],

  testbed: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from this pattern
    async ({}, use) => {
      await use(await connection());
    },
    { scope: 'worker' },
  ],

  // eslint-disable-next-line no-empty-pattern -- as above
  dataFolder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'snaptree-e2e-'));
    await use(join(folder, 'data'));
    await rm(folder, { recursive: true });
  },

  start: async ({ shellKind, browser, dataFolder }, use) => {
    const obstacle = shellKind === 'electron' ? electronObstacle() : null;
    // The first argument of skip is what makes it skip: there is always a reason with it.
    test.skip(obstacle !== null, obstacle ?? '');
    const homeFolder = join(dataFolder, '..', 'home');
    await mkdir(homeFolder, { recursive: true });
    const shells: Shell[] = [];
    const complaints: string[] = [];
    await use(async () => {
      const options = { dataFolder, homeFolder };
      const shell = await (shellKind === 'browser' ? startBrowserShell(options, browser) : startElectronShell(options));
      shells.push(shell);
      shell.page.on('pageerror', (error) => complaints.push(String(error)));
      shell.page.on('console', (message) => {
        if (message.type() === 'error' && !expectedComplaints.test(message.text())) complaints.push(message.text());
      });
      return {
        app: new Snaptree(shell.page),
        stop: () => shell.stop(),
        kill: () => shell.kill(),
      };
    });
    for (const shell of shells) await shell.stop();
    if (complaints.length > 0) throw new Error(`The window complained:\n${complaints.join('\n')}`);
  },

  app: async ({ start }, use) => {
    const { app } = await start();
    await use(app);
  },

  // eslint-disable-next-line no-empty-pattern -- as above
  makeVm: async ({}, use, testInfo) => {
    const made: VirtualMachine[] = [];
    await use(async (spec) => {
      const ours = { ...spec, name: `e2e-${spec.name}` };
      // A run that was broken off may have left it.
      await deleteVirtualMachine(ours);
      const vm = await createVirtualMachine(ours);
      rmSync(snaptreeLock(vm.uuid), { force: true });
      made.push(vm);
      return vm;
    });
    for (const vm of made) {
      const lock = snaptreeLock(vm.uuid);
      if (testInfo.status === 'passed') {
        await waitUntil(`the lock ${lock} to be gone`, () => !existsSync(lock));
      }
      rmSync(lock, { force: true });
      await deleteVirtualMachine(vm);
    }
  },

  // eslint-disable-next-line no-empty-pattern -- as above
  makeHost: async ({}, use) => {
    const servers: SshServer[] = [];
    await use(async (options) => {
      const server = await startSshServer({ ...options, name: `e2e-${options.name}` });
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.stop();
  },
});

export { expect } from '@playwright/test';
