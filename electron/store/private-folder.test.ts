import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makePrivate } from './private-folder.ts';

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-private-'));
  data = join(folder, 'data');
  mkdirSync(join(data, 'journal'), { recursive: true });
  writeFileSync(join(data, 'hosts.json'), '');
  writeFileSync(join(data, 'journal', 'one.jsonl'), '');
  writeFileSync(join(folder, 'elsewhere'), '');
  symlinkSync(join(folder, 'elsewhere'), join(data, 'link'));
  for (const path of [data, join(data, 'journal')]) chmodSync(path, 0o755);
  for (const path of [join(data, 'hosts.json'), join(data, 'journal', 'one.jsonl'), join(folder, 'elsewhere')])
    chmodSync(path, 0o664);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const modeOf = (...names: readonly string[]) => (statSync(join(folder, ...names)).mode & 0o7777).toString(8);

describe.skipIf(process.platform === 'win32')('a data folder', () => {
  test('that is open is closed with all that is in it, and nothing else, and that is said once', async () => {
    expect(await makePrivate(data)).toContain('mode 0755');
    expect([modeOf('data'), modeOf('data', 'journal')]).toEqual(['700', '700']);
    expect([modeOf('data', 'hosts.json'), modeOf('data', 'journal', 'one.jsonl')]).toEqual(['600', '600']);
    expect(modeOf('elsewhere')).toBe('664');
    expect(await makePrivate(data)).toBeNull();
  });

  test('that is closed stays as it is, and files in it are closed as well', async () => {
    chmodSync(data, 0o500);
    expect(await makePrivate(data)).toBeNull();
    expect([modeOf('data'), modeOf('data', 'hosts.json')]).toEqual(['500', '600']);
  });

  test('of another user is refused', async () => {
    await expect(makePrivate(data, 4_000_000)).rejects.toMatchObject({ code: 'storeUnusable' });
    expect(modeOf('data')).toBe('755');
  });
});
