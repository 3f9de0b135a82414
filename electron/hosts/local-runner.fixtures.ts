/** For tests: a runner for this computer, and one that counts round trips. */
import { createChannelPool } from './channel-pool.ts';
import { createLocalTransport } from './local-transport.ts';
import type { CommandRunner } from './runner.ts';
import { createScriptRunner } from './script-runner.ts';

/** Runs commands here. `roundTrips` counts scripts since it was made. */
export function createLocalRunner(): CommandRunner & { roundTrips(): number } {
  const transport = createLocalTransport('this computer');
  const pool = createChannelPool();
  const runner = createScriptRunner({ hostName: 'this computer', connection: () => ({ transport, pool }) });
  let count = 0;
  return {
    hostName: runner.hostName,
    run: (command) => runner.run(command),
    runScript(script) {
      count += 1;
      return runner.runScript(script);
    },
    roundTrips: () => count,
  };
}
