import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createInterner } from './interned.ts';

describe('interning', () => {
  test('gives what is equal to what was given, whatever that is', () => {
    const key = fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary', minLength: 10 }),
        fc.constantFrom(null, undefined, true, '1', 1, 0.5, '=number1', '#1'),
        fc.array(tie('tree')),
        fc.dictionary(key, tie('tree'), { noNullPrototype: true }),
        fc.array(fc.tuple(fc.string(), tie('tree'))).map((entries) => new Map(entries)),
        fc.array(fc.string()).map((entries) => new Set(entries)),
      ),
    }));
    fc.assert(
      fc.property(fc.array(tree), (values) => {
        const before = structuredClone(values);
        const intern = createInterner('cut');
        expect(intern(values)).toEqual(before);
        expect(values).toEqual(before);
      }),
    );
  });

  test('makes equal parts one, and keeps apart what only looks alike', () => {
    const intern = createInterner('own');
    const part = () => ({ a: [1, 'one'], b: { c: null } });
    const [first, second, other, list, fields] = intern([
      part(),
      part(),
      { ...part(), a: [1, 'One'] },
      ['x', '1'],
      { 0: 'x', 1: '1' },
    ] as const);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
    expect(other.b).toBe(first.b);
    expect(list).not.toBe(fields);
    expect(intern({ a: '1' })).toEqual({ a: '1' });
    expect(intern({ a: 1 })).toEqual({ a: 1 });
    expect(intern({ a: 'true', b: true })).toEqual({ a: 'true', b: true });
    expect(intern({ a: 1, b: 2 })).not.toBe(intern({ b: 2, a: 1 }));
  });
});
