/** For tests: the application with one host of the testbed. */
import { spawn } from 'node:child_process';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import {
  ApplicationUnderTest,
  dataFolder,
  type OptionsUnderTest,
} from '../../electron/application/application-under-test.fixtures.ts';
import type { BatchUntilKilled, ChangeUntilKilled, StepMoment } from './application-until-killed.fixtures.ts';
import type * as testbed from './index.ts';

export { describe } from '../../electron/application/application-under-test.fixtures.ts';

export class TestbedApplication extends ApplicationUnderTest {
  /**
   * Connected to a host.
   *
   * @param shell for another than `commandLine` the host is watched all the time, which takes its processor
   */
  static async open(
    server: Pick<testbed.SshServer, 'host' | 'port'>,
    { users, keyFile }: testbed.TestbedConnection,
    shell: OptionsUnderTest['shell'] = 'commandLine',
  ): Promise<TestbedApplication> {
    const application = new TestbedApplication(await dataFolder(), { shell });
    const authentication = { method: 'keyFile', path: keyFile } as const;
    const { host: address, port } = server;
    const connection = sshConnection({ address, port, user: users.administrator, authentication });
    await application.connect({ ...hostSettings(), name: 'kvm', connection });
    return application;
  }

  /**
   * Runs a change in a process of its own, which is killed by SIGKILL: at a moment of it, or when `meanwhile` has ended. Then starts here
   * what the user would start again, and connects.
   *
   * @param meanwhile null: it kills itself at the moment
   */
  beginAndBeKilled(
    request: ChangeRequest,
    at: StepMoment | null,
    meanwhile: (() => Promise<void>) | null,
  ): Promise<string> {
    return this.#beKilled({ dataFolder: this.folder, hostId: this.hostId, request, at }, meanwhile);
  }

  /** As `beginAndBeKilled`, for a batch: killed as soon as one change is done and another has begun. Gives the id of the batch. */
  beginBatchAndBeKilled(requests: readonly ChangeRequest[]): Promise<string> {
    return this.#beKilled({ dataFolder: this.folder, hostId: this.hostId, requests }, null);
  }

  async #beKilled(
    task: ChangeUntilKilled | BatchUntilKilled,
    meanwhile: (() => Promise<void>) | null,
  ): Promise<string> {
    await this.leave();
    const program = new URL('application-until-killed.fixtures.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const killed = new Promise<void>((resolve) => child.on('close', resolve));
    let printed = '';
    child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
    try {
      await meanwhile?.();
    } finally {
      if (meanwhile !== null) child.kill('SIGKILL');
    }
    await killed;
    await this.start();
    const id = printed.split('\n')[0] ?? '';
    if (id === '') throw new Error('The process that was to be killed ended before it began.');
    await this.ask('hosts.connect', { hostId: this.hostId });
    return id;
  }
}
