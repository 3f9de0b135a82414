import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundledFile, installedLicenses, licenseText, mergeLicenses, standardText, writeLicenses } from './licenses.ts';
import type { License } from './licenses.ts';
import { productDependencies } from './product-dependencies.ts';

const license = (name: string, version = '1.0.0', text = 'text'): License => ({
  name,
  version,
  identifier: 'MIT',
  text,
});

describe('the licences', () => {
  const found = installedLicenses();

  test('are those of every package of the product, of the fonts, and of what the demo’s interpreter is made of', () => {
    const names = found.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([...productDependencies(), 'just-bash', 're2js', 'tweetnacl', 'restructure']),
    );
    expect(names).not.toContain('snaptree');
    expect(found.find(({ name }) => name === 'dejavu-fonts-ttf')?.text).toContain('Bitstream Vera');
  });

  test('have a text each, that of SPDX where a package has none', () => {
    for (const { name, text } of found) expect(text.length, name).toBeGreaterThan(200);
    expect(standardText('ISC', { name: 'Ann' })).toMatch(/author is Ann\.\n\nISC License/);
    expect(() => standardText('SEE LICENSE IN x', undefined)).toThrow('There is no text');
  });

  test('are listed once a version, by name', () => {
    const merged = mergeLicenses([
      [license('b'), license('a', '2.0.0')],
      [license('b', '1.0.0', 'other'), license('a')],
    ]);
    expect(merged.map(({ name, version, text }) => `${name} ${version} ${text}`)).toEqual([
      'a 1.0.0 text',
      'a 2.0.0 text',
      'b 1.0.0 other',
    ]);
    expect(licenseText(merged)).toContain('a 2.0.0 (MIT)\n\ntext\n\n---');
  });

  test('are written beside the product, for people, and for its page', () => {
    const built = mkdtempSync(join(tmpdir(), 'snaptree-licenses-'));
    try {
      mkdirSync(join(built, 'renderer'));
      writeFileSync(join(built, 'renderer', bundledFile), JSON.stringify([license('only-bundled')]));
      writeLicenses(built, ['renderer']);
      const written = mergeLicenses([found, [license('only-bundled')]]);
      expect(readFileSync(join(built, 'THIRD-PARTY-LICENSES.txt'), 'utf8')).toBe(licenseText(written));
      expect(JSON.parse(readFileSync(join(built, 'renderer/licenses.json'), 'utf8'))).toEqual(written);
    } finally {
      rmSync(built, { recursive: true });
    }
  });
});
