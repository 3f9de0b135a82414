/**
 * Two projects over the same specs, the shells: `browser` drives the browser shell in Debian's Chromium, `electron` the desktop shell
 * where an Electron runtime can be found. Specs whose title is tagged `@screenshot` make pictures and run only when asked for
 * (`npm run test:e2e -- --project=browser --grep=@screenshot`).
 */
import { defineConfig } from '@playwright/test';
import type { ShellOption } from './shells/test.ts';

const asked = process.argv.some((argument) => argument.includes('@screenshot'));

const windowAlone = 'renderer*.spec.ts';

export default defineConfig<ShellOption>({
  testDir: '.',
  testMatch: '*.spec.ts',
  outputDir: '../test-results',
  globalSetup: './global-setup.ts',
  reporter: 'list',
  // One testbed and, often, two cores: specs in parallel would only make each other slow.
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  ...(asked ? {} : { grepInvert: /@screenshot/ }),
  use: {
    viewport: { width: 1440, height: 900 },
    actionTimeout: 20_000,
    screenshot: 'only-on-failure',
    trace: 'off',
    launchOptions: {
      executablePath: process.env['SNAPTREE_CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
    },
  },
  projects: [
    // The window alone, over a made-up main process.
    { name: 'renderer', testMatch: windowAlone },
    { name: 'browser', testIgnore: windowAlone, use: { shellKind: 'browser' } },
    { name: 'electron', testIgnore: windowAlone, use: { shellKind: 'electron' } },
  ],
});
