/** `npm run build`: the page, the desktop shell and the command line into dist/. `--renderer` builds the page alone. */
import { chmodSync, existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { writeLicenses } from './licenses.ts';
import { inRepository } from './paths.ts';
import { cliConfig } from './vite.cli.config.ts';
import { rendererConfig } from './vite.renderer.config.ts';
import { mainConfig, preloadConfig } from './vite.desktop.config.ts';

const { values } = parseArgs({ options: { renderer: { type: 'boolean' } } });

// React has no development build in what we ship or test.
process.env['NODE_ENV'] = 'production';

if (!existsSync(inRepository('renderer/index.html'))) throw new Error('There is no renderer/index.html to build.');
await build({ ...rendererConfig, logLevel: 'warn' });
if (values.renderer !== true) {
  await build(mainConfig);
  await build(preloadConfig);
  await build(cliConfig);
  // As npm does for the files of `bin`.
  chmodSync(inRepository('dist/cli/snaptree.js'), 0o755);
}
writeLicenses(values.renderer === true ? ['renderer'] : ['renderer', 'desktop', 'cli']);
process.stderr.write('Built dist/.\n');
