import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withoutEnd, withoutStart } from './trim.ts';

it('takes off what an expression would', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('/', '-', 'a', ' ') }), (text) => {
      expect(withoutEnd(text, '/-')).toBe(text.replace(/[/-]+$/, ''));
      expect(withoutStart(text, '/-')).toBe(text.replace(/^[/-]+/, ''));
    }),
  );
});
