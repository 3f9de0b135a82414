import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { buildCommandLine, loadedBy, sourceEntry } from './startup.ts';

let built = '';
beforeAll(async () => {
  built = await buildCommandLine('snaptree-startup-test');
}, 60_000);
afterAll(() => {
  rmSync(dirname(built), { recursive: true });
});

/** What describes the commands, and the parser. Whatever reads hosts, draws windows or writes PDF is loaded when it works. */
const packages = ['@commander-js/extra-typings', 'commander'];

describe.each([
  ['built', () => built, { modules: 26, bytes: 245_000 }],
  ['from the sources', () => sourceEntry, { modules: 90, bytes: 335_000 }],
])('the command line, %s', (_, entry, most) => {
  test.each([
    ['--version', packageJson.version],
    ['--help', 'Usage: snaptree'],
  ])('loads for %s no more than it takes to describe its commands', (parameter, said) => {
    const loaded = loadedBy(entry(), [parameter]);
    expect(loaded.output).toContain(said);
    expect(loaded.packages).toEqual(packages);
    expect(loaded.modules).toBeLessThanOrEqual(most.modules);
    expect(loaded.bytes).toBeLessThanOrEqual(most.bytes);
  });

  test('loads for the list of hosts neither the demo fleet nor what writes PDF', () => {
    const { packages: used } = loadedBy(entry(), ['hosts', '--no-input', '--data-folder', '/nonexistent/snaptree']);
    expect(used).toContain('zod');
    for (const unused of ['just-bash', 'pdfkit', 'fontkit']) expect(used).not.toContain(unused);
  });
});

test('no part of the bundle imports its entry, for whose end it would wait', () => {
  const folder = dirname(built);
  const parts = readdirSync(folder).filter((name) => name.endsWith('.js'));
  expect(parts.length).toBeGreaterThan(5);
  for (const part of parts) {
    expect(readFileSync(join(folder, part), 'utf8'), part).not.toMatch(/(?:from|import\(?) ?["']\.\/snaptree\.js["']/);
  }
});
