import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { placeFolder } from './place.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-place-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(folder, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}

const filesIn = (root: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [file.slice(root.length + 1), readFileSync(file, 'utf8')]),
  );

it('puts what was built in the place of what was there, and leaves alone what it is told to', () => {
  const dist = put('dist', { 'renderer/old/a.js': 'old', 'renderer/index.html': 'old', 'cli/snaptree.js': 'kept' });
  const built = put('built', { 'renderer/index.html': 'new', 'renderer/assets/b.js': 'new' });
  placeFolder(built, dist, ['cli']);
  expect(filesIn(dist)).toEqual({
    'renderer/index.html': 'new',
    'renderer/assets/b.js': 'new',
    'cli/snaptree.js': 'kept',
  });
  expect(readdirSync(folder)).toEqual(['dist']);
});

it('lets somebody read the whole page at every moment while others place the same again and again', async () => {
  const page = { 'index.html': 'page'.repeat(5000), 'assets/a.js': 'script'.repeat(50_000), 'assets/b.css': 'style' };
  const dist = put('dist', page);
  const source = `
    import { cpSync } from 'node:fs';
    import { workerData } from 'node:worker_threads';
    import { placeFolder } from ${JSON.stringify(new URL('place.ts', import.meta.url).href)};
    for (let round = 0; round < 40; round += 1) {
      const built = workerData.built + round;
      cpSync(workerData.template, built, { recursive: true });
      placeFolder(built, workerData.dist);
    }`;
  const template = put('template', page);
  const placing = ['first', 'second'].map((name) => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { built: join(folder, name), template, dist },
    });
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject).on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`A worker ended with ${code}.`));
      });
    });
  });
  const over = new AbortController();
  const all = Promise.all(placing).finally(() => {
    over.abort();
  });
  let seen = 0;
  while (!over.signal.aborted) {
    expect(filesIn(dist)).toEqual(page);
    seen += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await all;
  expect(seen).toBeGreaterThan(0);
  expect(filesIn(dist)).toEqual(page);
});
