/** For tests: the command line over a simulated host, in this process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createApplication } from '../../application/application.ts';
import type { SimulatedTestbed } from '../../simulator/simulated-testbed.fixtures.ts';
import { hostBookVersion } from '../../store/host-book.ts';
import { createContext } from './context.ts';
import { parse, programFor } from './main.ts';
import { createOutput } from './output.ts';

export interface Printed {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number;
}

export interface SimulatedCli {
  /** Its data folder. */
  readonly folder: string;
  /** @param isTTY whether it writes to a terminal */
  readonly run: (isTTY: boolean, ...parameters: readonly string[]) => Promise<Printed>;
  readonly remove: () => void;
}

/** A command line whose host book has that host alone. */
export function createSimulatedCli(testbed: SimulatedTestbed, hostName: string): SimulatedCli {
  const folder = mkdtempSync(join(tmpdir(), 'snaptree-cli-'));
  const hosts = [{ id: crypto.randomUUID(), ...testbed.settings, name: hostName }];
  writeFileSync(
    join(folder, 'hosts.json'),
    JSON.stringify({ schema: 'snaptree.hostBook', version: hostBookVersion, hosts }),
  );
  return {
    folder,
    run: async (isTTY, ...parameters) => {
      const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
      for (const stream of Object.values(streams)) Object.assign(stream, { isTTY, columns: 2000 });
      const output = createOutput({
        stdout: streams.stdout as unknown as NodeJS.WriteStream,
        stderr: streams.stderr as unknown as NodeJS.WriteStream,
        environment: { NO_COLOR: '1', LANG: 'C.UTF-8' },
      });
      const context = createContext({
        output,
        environment: {},
        createApplication: (options) => createApplication({ ...options, connectSimulated: testbed.connectSimulated }),
      });
      const all = ['--data-folder', folder, '--no-input', ...parameters];
      const exitCode = await parse(context, programFor(context), all, output);
      await output.flush();
      const read = (stream: PassThrough): string => String(stream.read() ?? '');
      return { out: read(streams.stdout), err: read(streams.stderr), exitCode };
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
