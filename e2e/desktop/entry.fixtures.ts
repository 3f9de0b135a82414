/** Runs the built entry under a double, as Electron would: as a module of its own that imports `electron`. */
import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { ElectronDouble } from './electron.fixtures.ts';

const doubles: ElectronDouble[] = [];
const key = 'snaptree.electronDoubles';
Reflect.set(globalThis, key, doubles);

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== 'electron') return nextResolve(specifier, context);
    // The importing module's number is its double's.
    const instance = new URL(context.parentURL ?? '').searchParams.get('instance') ?? 'none';
    return { url: `electron-double:${instance}`, format: 'module', shortCircuit: true };
  },
  load(url, context, nextLoad) {
    if (!url.startsWith('electron-double:')) return nextLoad(url, context);
    const instance = Number(url.slice('electron-double:'.length));
    const double = doubles[instance];
    if (double === undefined) throw new Error(`There is no double for ${url}.`);
    const names = Object.keys(double.module);
    const source = [
      `const { module } = globalThis[${JSON.stringify(key)}][${instance}];`,
      ...names.map((name) => `export const ${name} = module.${name};`),
    ].join('\n');
    return { format: 'module', source, shortCircuit: true };
  },
});

/** Evaluates the module at `entry` afresh. It gets an error for an Electron API that the double does not have. */
export async function runEntry(entry: string, double: ElectronDouble): Promise<void> {
  doubles.push(double);
  const url = pathToFileURL(entry);
  url.searchParams.set('instance', String(doubles.length - 1));
  await nativeImport(url.href);
}

function nativeImport(url: string): Promise<unknown> {
  const require = createRequire(import.meta.url);
  const run: unknown = require('./native-import.cjs');
  if (typeof run !== 'function') throw new Error('native-import.cjs exports no function.');
  return Promise.resolve(Reflect.apply(run, undefined, [url]));
}
