import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchFolders, writeLaunchPage } from './launch-page.ts';

const address = 'http://127.0.0.1:8080/?token=secret';
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-launch-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('can be read by this user alone, and goes without a trace', async () => {
  const before = process.umask(0);
  const page = await writeLaunchPage(address, [folder]).finally(() => process.umask(before));
  const path = fileURLToPath(page.url);
  expect(page.url).not.toContain('secret');
  expect(await readFile(path, 'utf8')).toContain(`content="0; url=${address}"`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
  await page.remove();
  expect(await readdir(folder)).toEqual([]);
});

test('is written to the next folder where the first is not to be had', async () => {
  const page = await writeLaunchPage(address, [join(folder, 'none'), folder]);
  expect(dirname(dirname(fileURLToPath(page.url)))).toBe(folder);
  await page.remove();
  await expect(writeLaunchPage(address, [join(folder, 'none')])).rejects.toThrow('ENOENT');
});

test('is never in a hidden folder, where a confined browser could not read it', () => {
  expect(launchFolders('linux', '/home/kim', '/tmp')).toEqual(['/home/kim', '/tmp']);
  expect(launchFolders('darwin', '/Users/kim', '/var/folders/x')).toEqual(['/var/folders/x']);
});
