import { builtinModules } from 'node:module';
import type { InlineConfig } from 'vite';
import { inRepository } from './paths.ts';
import { productDependencies } from './product-dependencies.ts';

/**
 * The command line, as one ES module: Node strips no types in node_modules, so what is installed must be JavaScript.
 * Packages of the product stay imports, and Node's own modules.
 */
export const cliConfig = {
  configFile: false,
  root: inRepository('.'),
  publicDir: false,
  logLevel: 'warn',
  // What is no dependency of the product is taken into the bundle.
  ssr: { target: 'node', noExternal: true },
  build: {
    ssr: inRepository('electron/headless/cli/snaptree.ts'),
    outDir: inRepository('dist/cli'),
    emptyOutDir: true,
    target: 'node22.12',
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      external: [
        /^node:/,
        ...builtinModules,
        ...productDependencies().flatMap((name) => [name, new RegExp(`^${name}/`)]),
      ],
      output: { format: 'es', entryFileNames: 'snaptree.js', codeSplitting: false, banner: '#!/usr/bin/env node' },
    },
  },
} satisfies InlineConfig;
