import { builtinModules } from 'node:module';
import type { InlineConfig } from 'vite';
import { bundledFile } from './licenses.ts';
import { inRepository } from './paths.ts';
import { productDependencies } from './product-dependencies.ts';

const outDir = inRepository('dist/desktop');

/** What stays an import: Node, Electron, and the packages that electron-builder puts beside the bundle. */
const external = [
  'electron',
  /^electron\//,
  /^node:/,
  ...builtinModules,
  ...productDependencies().flatMap((name) => [name, new RegExp(`^${name}/`)]),
];

const common = {
  configFile: false,
  root: inRepository('.'),
  publicDir: false,
  logLevel: 'warn',
} as const satisfies InlineConfig;

/** The main process of the desktop shell, as one ES module: it runs for hours, and nothing imports its entry twice. */
export const mainConfig = {
  ...common,
  // What is no dependency of the product is taken into the bundle.
  ssr: { target: 'node', noExternal: true },
  build: {
    ssr: inRepository('electron/desktop/entry.ts'),
    outDir,
    emptyOutDir: true,
    license: { fileName: bundledFile },
    target: 'node24',
    minify: false,
    sourcemap: true,
    rolldownOptions: { external, output: { format: 'es', entryFileNames: 'entry.js', codeSplitting: false } },
  },
} satisfies InlineConfig;

/**
 * The preload: one CommonJS file, since a sandboxed preload can neither be an ES module nor require anything but
 * `electron`.
 */
export const preloadConfig = {
  ...common,
  build: {
    outDir,
    emptyOutDir: false,
    target: 'chrome140',
    minify: false,
    reportCompressedSize: false,
    lib: { entry: inRepository('electron/desktop/preload.ts'), formats: ['cjs'], fileName: () => 'preload.cjs' },
    rolldownOptions: { external: ['electron'] },
  },
} satisfies InlineConfig;
