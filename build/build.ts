/** `npm run build`: the page, the desktop shell and the command line into dist/. `--renderer` builds the page alone. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type InlineConfig } from 'vite';
import { writeLicenses } from './licenses.ts';
import { inRepository } from './paths.ts';
import { placeFolder } from './place.ts';
import { cliConfig } from './vite.cli.config.ts';
import { rendererConfig } from './vite.renderer.config.ts';
import { mainConfig, preloadConfig } from './vite.desktop.config.ts';

/** In dist/, so that it is of the same file system; electron-builder leaves it out. */
const buildingFolder = '.building';

const { values } = parseArgs({ options: { renderer: { type: 'boolean' } } });

// React has no development build in what we ship or test.
process.env['NODE_ENV'] = 'production';

if (!existsSync(inRepository('renderer/index.html'))) throw new Error('There is no renderer/index.html to build.');

// Two builds at once, as of two `npm start`, must not empty each other's folder, nor that of an application that starts.
const dist = inRepository('dist');
mkdirSync(join(dist, buildingFolder), { recursive: true });
const building = mkdtempSync(join(dist, buildingFolder, 'build-'));
process.on('exit', () => {
  rmSync(building, { recursive: true, force: true });
});
const buildInto = async (folder: string, config: InlineConfig): Promise<void> => {
  await build({ ...config, logLevel: 'warn', build: { ...config.build, outDir: join(building, folder) } });
};

await buildInto('renderer', rendererConfig);
if (values.renderer !== true) {
  await buildInto('desktop', mainConfig);
  await buildInto('desktop', preloadConfig);
  await buildInto('cli', cliConfig);
  // As npm does for the files of `bin`.
  chmodSync(join(building, 'cli/snaptree.js'), 0o755);
}
writeLicenses(building, values.renderer === true ? ['renderer'] : ['renderer', 'desktop', 'cli']);
placeFolder(building, dist, [buildingFolder, ...(values.renderer === true ? ['desktop', 'cli'] : [])]);
process.stderr.write('Built dist/.\n');
