import { existsSync, globSync, readFileSync } from 'node:fs';
import { ESLint } from 'eslint';
import { describe, expect, test } from 'vitest';
import { inRepository } from './paths.ts';

const page = readFileSync(inRepository('docs/security.md'), 'utf8');

/** The cells of every row of a table that names a test in its last one. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|') && line.includes('`: '))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );

describe('docs/security.md', () => {
  test('has each of Electron’s twenty recommendations, with its state', () => {
    const numbered = rows.filter(([first]) => /^\d+$/.test(first ?? ''));
    expect(numbered.map(([first]) => Number(first))).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    for (const cells of numbered) for (const cell of cells) expect(cell).not.toBe('');
  });

  test('names tests that there are', () => {
    const files = globSync('{electron,e2e,build}/**/*.{test,spec}.ts', { cwd: inRepository('.') });
    expect(rows.length).toBeGreaterThan(25);
    for (const cells of rows) {
      const [, name = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(cells.at(-1) ?? '') ?? [];
      const file = files.find((each) => each.endsWith(`/${name}`)) ?? '';
      expect(existsSync(inRepository(file)) && file !== '', name).toBe(true);
      expect(readFileSync(inRepository(file), 'utf8'), `${name}: ${title}`).toContain(`'${title}'`);
    }
  });
});

test('lint refuses to hand an address to the operating system', async () => {
  const code = "import { shell } from 'electron';\nawait shell.openExternal('https://example.org');\n";
  const lint = new ESLint({ cwd: inRepository('.') });
  const [result] = await lint.lintText(code, { filePath: inRepository('electron/desktop/menu.ts') });
  expect(result?.messages.map(({ message }) => message).join('\n')).toContain('Addresses are never handed');
}, 60_000);
