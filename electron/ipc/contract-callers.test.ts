import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { requests, subscriptions } from '../../shared/contract.ts';

const renderer = fileURLToPath(new URL('../../renderer', import.meta.url));
let sources = '';

beforeAll(async () => {
  const names = await readdir(renderer, { recursive: true });
  const paths = names.filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name));
  const texts = await Promise.all(paths.map((path) => readFile(join(renderer, path), 'utf8')));
  sources = texts.join('\n');
});

// An entry that nobody calls is a way into the main process that nobody needs.
describe('each entry of the contract has a caller in the renderer', () => {
  test.each(Object.keys(requests))('%s', (name) => {
    expect(sources.includes(`'${name}'`)).toBe(true);
  });
  test.each(Object.keys(subscriptions))('%s', (topic) => {
    expect(new RegExp(`subscribe\\w*\\(\\s*'${topic}'`).test(sources)).toBe(true);
  });
});
