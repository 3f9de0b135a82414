/** Before all specs: the shells are built, and the testbed is up. It stays up: `npm run testbed -- down libvirt`. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { electronObstacle } from './shells/electron-shell.ts';
import { up } from './testbeds/index.ts';

export default async function globalSetup(): Promise<void> {
  const obstacle = electronObstacle();
  if (obstacle !== null) process.stderr.write(`\nSKIPPED: every spec on the Electron shell. ${obstacle}\n\n`);
  const build = fileURLToPath(new URL('../build/build.ts', import.meta.url));
  execFileSync(process.execPath, [build, ...(obstacle === null ? [] : ['--renderer'])], { stdio: 'inherit' });
  await up();
}
