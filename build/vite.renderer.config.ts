import react from '@vitejs/plugin-react';
import type { InlineConfig } from 'vite';
import { bundledFile } from './licenses.ts';
import { inRepository } from './paths.ts';

/**
 * The page, for both shells. Nothing may be inline, because of the CSP (`electron/page/content-security-policy.ts`): no small
 * assets as data URLs, no module preload polyfill.
 */
export const rendererConfig = {
  configFile: false,
  root: inRepository('renderer'),
  base: '/',
  publicDir: false,
  plugins: [react()],
  build: {
    outDir: inRepository('dist/renderer'),
    emptyOutDir: true,
    license: { fileName: bundledFile },
    target: 'chrome140',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
} satisfies InlineConfig;
