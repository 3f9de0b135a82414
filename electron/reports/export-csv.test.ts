import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defused } from './export-csv.ts';

it('marks what a spreadsheet takes for a formula behind a separator, wherever one may be taken for it', () => {
  const unit = fc.constantFrom(';', '\t', '\n', ' ', '"', "'", '=', '＝', '-', 'a');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
      // The rule in one expression, which takes quadratic time.
      const within = text.replace(/([;\t\r\n])(?=["\s]*[=+\-@＝＋－＠]|')/gu, "$1'");
      const expected = /^\s*[=+\-@＝＋－＠]|^[\t\r\n']/u.test(within) ? `'${within}` : within;
      expect(defused(text)).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});
