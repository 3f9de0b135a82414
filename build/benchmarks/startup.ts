/** How long the command line takes to say its version, beside a Node that does nothing. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildCommandLine, loadedBy, sourceEntry } from '../startup.ts';

const runs = 15;

/** Milliseconds: the quickest of some runs, which is the one that the machine disturbed least, and the one in the middle. */
function time(parameters: readonly string[]): { readonly least: number; readonly middle: number } {
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    spawnSync(process.execPath, [...parameters], { stdio: 'ignore' });
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return { least: times[0] ?? 0, middle: times[Math.floor(runs / 2)] ?? 0 };
}

export async function run(): Promise<void> {
  const built = await buildCommandLine('snaptree-startup-bench');
  console.log(`\nStarting the command line (${runs} runs each; ms: quickest, middle)`);
  const bare = time(['-e', '0']);
  const print = (title: string, { least, middle }: typeof bare, more: string): void => {
    const ratio = (least / bare.least).toFixed(1);
    console.log(
      `  ${title.padEnd(34)}${least.toFixed(0).padStart(6)}${middle.toFixed(0).padStart(6)}   ${ratio} × node   ${more}`,
    );
  };
  print('node -e 0', bare, '');
  for (const [title, entry] of [
    ['built', built],
    ['from the sources', sourceEntry],
  ] as const) {
    for (const parameter of ['--version', '--help']) {
      const { modules, bytes, packages } = loadedBy(entry, [parameter]);
      const more = `${modules} files of ours, ${Math.round(bytes / 1000)} kB; ${packages.join(', ')}`;
      print(`snaptree ${parameter}, ${title}`, time([entry, parameter]), more);
    }
  }
  rmSync(dirname(built), { recursive: true });
}
