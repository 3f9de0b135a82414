import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shared } from './structural-sharing.ts';

/** Data of every kind that is kept of a host: with maps and sets in it, and with something of a class of its own. */
const data = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(null, undefined, 0, 1, '', 'a', new Date(0)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b'), tie('value'), { noNullPrototype: true }),
    fc.array(fc.tuple(fc.constantFrom('x', 'y'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.uniqueArray(fc.constantFrom('x', 'y', 'z')).map((members) => new Set(members)),
  ),
})).value;

describe('shared', () => {
  test('gives what equals the new value, whatever there was before', () => {
    fc.assert(
      fc.property(data, data, (before, after) => {
        expect(shared(before, after)).toStrictEqual(after);
      }),
      { numRuns: 1000 },
    );
  });

  test('gives the very value of before where that is equal', () => {
    const make = () => ({ jobs: new Map([['vda', { kind: 'copy' }]]), names: new Set(['a']), list: [{ n: 1 }] });
    const before = make();
    expect(shared(before, make())).toBe(before);
  });

  test('tells maps and sets apart by what they hold', () => {
    const before = { jobs: new Map([['vda', '']]), names: new Set(['a']) };
    expect(shared(before, { ...before, jobs: new Map([['vda', 'type=Block Copy']]) }).jobs.get('vda')).toContain(
      'Copy',
    );
    expect(shared(before, { ...before, jobs: new Map([['vdb', '']]) }).jobs.has('vdb')).toBe(true);
    expect(shared(before, { ...before, names: new Set(['b']) }).names.has('b')).toBe(true);
  });
});
