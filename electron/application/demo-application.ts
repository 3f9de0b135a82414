/** Snaptree over the demo fleet: everything it keeps is in a folder of its own, which goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApplicationFactory } from './application-factory.ts';

/**
 * `create` over a temporary data folder with the hosts of the demo fleet in it. The folder goes when it is disposed of.
 *
 * @param connects whether it begins to connect to them at once, as a window should; a command connects to what it needs
 */
export function withDemoFleet(create: ApplicationFactory, connects: 'connects' | 'waits'): ApplicationFactory {
  return async (options) => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'snaptree-demo-'));
    const remove = (): Promise<void> => rm(dataFolder, { recursive: true, force: true });
    try {
      const application = await create({ ...options, dataFolder, access: 'exclusive' });
      const { requests } = application.handlers;
      const connecting = new AbortController();
      const { hosts } = await requests['hosts.addDemo']({}, { signal: connecting.signal });
      for (const { id } of connects === 'connects' ? hosts : []) {
        // Why one fails is shown with the host.
        Promise.resolve(requests['hosts.connect']({ hostId: id }, { signal: connecting.signal })).catch(
          () => undefined,
        );
      }
      return {
        ...application,
        async dispose() {
          connecting.abort();
          await application.dispose();
          await remove();
        },
      };
    } catch (error) {
      await remove();
      throw error;
    }
  };
}
