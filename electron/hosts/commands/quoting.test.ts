import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteArgument, quoteCommand } from './quoting.ts';

describe('quoteArgument', () => {
  it('keeps a value without quotes between two quotes', () => {
    expect(quoteArgument('a b')).toBe("'a b'");
    expect(quoteArgument('')).toBe("''");
    expect(quoteArgument("it's")).toBe(`'it'\\''s'`);
  });

  it('refuses NUL', () => {
    expect(() => quoteArgument('a\0b')).toThrow(expect.objectContaining({ code: 'invalidRequest' }));
  });

  it('is undone by a real shell, whatever the value', () => {
    const value = fc.string({
      unit: fc.oneof(
        fc.constantFrom("'", '"', '\\', '\n', '$', '`', '-', ' '),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      ),
    });
    const values = fc.array(
      value.filter((each) => !each.includes('\0')),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(values, (each) => {
        const script = quoteCommand(['printf', '%s\\0', ...each]);
        const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
        expect(stdout.split('\0').slice(0, -1)).toEqual(each);
      }),
      { numRuns: 40 },
    );
  });
});
