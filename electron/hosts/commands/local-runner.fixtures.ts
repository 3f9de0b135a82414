/** For tests: a runner for this computer, and one that counts round trips. */
import { createChannelPool } from './channel-pool.ts';
import { createLocalTransport } from './local-transport.ts';
import { quoteArgument, quoteCommand } from './quoting.ts';
import type { CommandRunner } from './runner.ts';
import { createScriptRunner } from './script-runner.ts';
import type { Transport } from './transport.ts';

/** Runs commands in another root file system of this computer. */
function inRoot(transport: Transport, root: string): Transport {
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const enter = ['/usr/sbin/chroot', root, '/usr/bin/env', path, 'HOME=/root', '/bin/sh', '-c'];
  return {
    get isOpen() {
      return transport.isOpen;
    },
    exec: (request) =>
      transport.exec({ ...request, commandLine: `exec ${quoteCommand([...enter, request.commandLine])}` }),
    close: () => {
      transport.close();
    },
    onClose: (listener) => transport.onClose(listener),
  };
}

/** Runs commands here, or in the root file system `root`. `roundTrips` counts scripts since it was made. */
export function createLocalRunner(root = ''): CommandRunner & { roundTrips(): number } {
  const here = createLocalTransport('this computer');
  const transport = root === '' ? here : inRoot(here, root);
  const pool = createChannelPool();
  const runner = createScriptRunner({ hostName: 'this computer', current: () => ({ transport, pool }) });
  let count = 0;
  return {
    hostName: runner.hostName,
    run: (command) => runner.run(command),
    runScript(script) {
      count += 1;
      return runner.runScript(script);
    },
    follow: (script) => runner.follow(script),
    roundTrips: () => count,
  };
}

/** A runner whose scripts run as another user of the same machine; what is run otherwise does not. */
export function asUser(runner: CommandRunner, user: string): CommandRunner {
  return {
    hostName: runner.hostName,
    run: (command) => runner.run(command),
    follow: (script) => runner.follow(script),
    runScript: (script) =>
      runner.runScript({
        ...script,
        script: `exec runuser -u ${quoteArgument(user)} -- sh -c ${quoteArgument(script.script)} </dev/null\n`,
      }),
  };
}
