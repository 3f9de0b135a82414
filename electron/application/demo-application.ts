/** Snaptree over the demo fleet: everything it keeps is in a folder of its own, which goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApplicationFactory } from './application-factory.ts';

/** `create` over a temporary data folder with the hosts of the demo fleet in it. The folder goes when it is disposed of. */
export function withDemoFleet(create: ApplicationFactory): ApplicationFactory {
  return async (options) => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'snaptree-demo-'));
    const remove = (): Promise<void> => rm(dataFolder, { recursive: true, force: true });
    try {
      const application = await create({ ...options, dataFolder, access: 'exclusive' });
      await application.handlers.requests['hosts.addDemo']({}, { signal: new AbortController().signal });
      return {
        ...application,
        async dispose() {
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
