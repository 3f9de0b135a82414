import { builtinModules } from 'node:module';
import type { InlineConfig } from 'vite';
import { bundledFile } from './licenses.ts';
import { inRepository } from './paths.ts';
import { productDependencies } from './product-dependencies.ts';

/**
 * The command line, as ES modules: Node strips no types in node_modules, so what is installed must be JavaScript. What is
 * imported when it is needed is a file of its own, so that a command loads no more than it uses. Packages of the product
 * stay imports, and Node's own modules.
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
    license: { fileName: bundledFile },
    target: 'node22.12',
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      external: [
        /^node:/,
        ...builtinModules,
        ...productDependencies().flatMap((name) => [name, new RegExp(`^${name}/`)]),
      ],
      output: {
        format: 'es',
        entryFileNames: 'snaptree.js',
        // All in one folder: where the page lies is said relative to the file that serves it.
        chunkFileNames: '[name]-[hash].js',
        banner: ({ isEntry }) => (isEntry ? '#!/usr/bin/env node' : ''),
      },
    },
  },
} satisfies InlineConfig;
