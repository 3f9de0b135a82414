import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findElectron } from './electron-runtime.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-runtime-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const onLinux = test.runIf(process.platform === 'linux');

test('there is none where it was not installed', () => {
  expect(findElectron({}, folder)).toBeNull();
  writeFileSync(join(folder, 'path.txt'), 'electron');
  expect(findElectron({}, folder)).toBeNull();
  expect(findElectron({ ELECTRON_OVERRIDE_DIST_PATH: join(folder, 'none') }, folder)).toBeNull();
});

onLinux('it is found where it is installed, and where it is named', () => {
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'dist', 'electron'), '');
  const found = join(folder, 'dist', 'electron');
  expect(findElectron({}, folder)).toBe(found);
  expect(findElectron({ ELECTRON_OVERRIDE_DIST_PATH: '' }, folder)).toBe(found);
  expect(findElectron({ ELECTRON_OVERRIDE_DIST_PATH: join(folder, 'dist') }, '/none')).toBe(found);
});
