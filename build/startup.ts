/** What it takes to start the command line, built and from the sources: for the test and the benchmark of it. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { inRepository } from './paths.ts';
import { cliConfig } from './vite.cli.config.ts';

export const sourceEntry = inRepository('electron/headless/cli/snaptree.ts');

/** Builds the command line into a folder of its own, below node_modules so that it finds its packages; gives its entry. */
export async function buildCommandLine(name: string): Promise<string> {
  const outDir = inRepository(`node_modules/.cache/${name}`);
  await build({ ...cliConfig, build: { ...cliConfig.build, outDir, sourcemap: false } });
  return `${outDir}/snaptree.js`;
}

export interface Loaded {
  readonly output: string;
  /** Files of Snaptree. */
  readonly modules: number;
  readonly bytes: number;
  /** Names of the packages of which something was loaded. */
  readonly packages: readonly string[];
}

/** Runs a command and gives what it loaded. */
export function loadedBy(entry: string, parameters: readonly string[]): Loaded {
  const hook = inRepository('build/loaded-modules.mjs');
  const { stdout, output, status } = spawnSync(process.execPath, ['--import', hook, entry, ...parameters], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  if (status !== 0) throw new Error(`${entry} ended with ${String(status)}: ${output[2] ?? ''}`);
  const paths = (JSON.parse(output[3] ?? '[]') as string[])
    .filter((url) => url.startsWith('file:'))
    .map((url) => fileURLToPath(url));
  const packageOf = (path: string): string[] => {
    const [, name] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\//.exec(path) ?? [];
    return name === undefined ? [] : [name];
  };
  const own = paths.filter((path) => packageOf(path).length === 0);
  return {
    output: stdout,
    modules: own.length,
    bytes: own.reduce((sum, path) => sum + statSync(path).size, 0),
    packages: [...new Set(paths.flatMap(packageOf))].sort(),
  };
}
