import { afterEach, expect, it, vi } from 'vitest';
import type { HostWithSession } from '../../shared/model/host.ts';
import { createLog } from '../base/log.ts';
import { listen } from '../ipc/listen.ts';
import { createApplication } from './application.ts';
import type { Application } from './application-factory.ts';
import { withDemoFleet } from './demo-application.ts';

let application: Application | null = null;

afterEach(async () => {
  await application?.dispose();
  application = null;
});

/** The states of the sessions with the demo hosts, as a window would hear of them. */
async function sessionStates(connects: 'connects' | 'waits'): Promise<() => readonly string[]> {
  const log = createLog({ level: 'silent' });
  application = await withDemoFleet(createApplication, connects)({ dataFolder: '/unused', shell: 'browser', log });
  let hosts: readonly HostWithSession[] = [];
  listen(application.handlers, 'hosts', {}, (value) => {
    hosts = value;
  });
  return () => hosts.map(({ session }) => session.state);
}

it('connects to every host of the demo fleet by itself where a window is to be shown', async () => {
  const states = await sessionStates('connects');
  await vi.waitFor(() => {
    expect(states()).toEqual(['connected', 'connected', 'connected']);
  }, 20_000);
  // Three simulated hosts are furnished and read: seconds of processor, and as many more as others use.
}, 30_000);

it('leaves connecting to a command, which may need one host only', async () => {
  const states = await sessionStates('waits');
  expect(states()).toEqual(['disconnected', 'disconnected', 'disconnected']);
});
