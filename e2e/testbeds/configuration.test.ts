import { describe, expect, it } from 'vitest';
import { withBlock, withoutBlock } from './configuration.ts';

describe('the block of settings in a configuration file', () => {
  for (const original of ['', 'a = 1', 'a = 1\n', '\n\n# user = "root"\n\nb = "é"']) {
    it(`is taken out again to the byte: ${JSON.stringify(original)}`, () => {
      const changed = withBlock(original, ['user = "root"']);
      expect(changed).toContain('user = "root"\n');
      expect(withoutBlock(changed)).toBe(original);
    });
  }

  it('is not put in twice', () => {
    const once = withBlock('a = 1\n', ['b = 2']);
    expect(withBlock(once, ['b = 2'])).toBe(once);
  });

  it('leaves edits beside it alone', () => {
    expect(withoutBlock(`${withBlock('a = 1\n', ['b = 2'])}c = 3\n`)).toBe('a = 1\nc = 3\n');
  });
});
