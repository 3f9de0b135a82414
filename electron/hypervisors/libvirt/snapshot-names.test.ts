import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listLines, resolveNames } from './snapshot-names.ts';

/** As `virsh snapshot-list --name` prints it. */
const listing = (names: readonly string[]): string => names.map((name) => `${name}\n`).join('');
const among = (names: readonly string[]) => (name: string) => names.includes(name);

/** As long as the host is asked for. */
const maximumLinesOfName = 8;

/** What is found when only the names that are asked for are answered: lines, and joins of some of them. */
function resolve(names: readonly string[]) {
  const known = names.filter((name) => name.split('\n').length <= maximumLinesOfName);
  return resolveNames(listLines(listing(names)), among(known));
}

describe('snapshot names', () => {
  it.each([
    [[]],
    [['a', 'b']],
    [['two\nlines']],
    [['a', 'a\nb', 'b']],
    [['a\nb', 'b\na']],
    [['trailing\n', 'x']],
    [['\n', 'x', '\nx']],
    [['a', 'a\n\nb', 'c\nd', 'z']],
    [['--help', ' spaces ', 'error: failed to get domain']],
    [[Array.from({ length: maximumLinesOfName }, (_, line) => `line ${line}`).join('\n')]],
  ])('%j are told apart', (names) => {
    const found = resolve(names);
    expect([...found.names].sort()).toEqual([...names].sort());
    expect(found.isClear).toBe(true);
  });

  it('whatever they are, none is lost, none is made up, and what is called clear is right', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'c', '', 'long one'), { minLength: 1, maxLength: 4 })
      .map((lines) => lines.join('\n'))
      .filter((text) => text !== '');
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 8 }), (names) => {
        const found = resolve([...names].sort());
        expect([...found.names].sort()).toEqual([...names].sort());
      }),
      { numRuns: 500 },
    );
  });

  it('says so where a line belongs to no snapshot', () => {
    expect(resolveNames(['a', 'ghost'], among(['a']))).toEqual({ names: ['a'], isClear: false });
    const long = Array.from({ length: maximumLinesOfName + 1 }, (_, line) => `line ${line}`).join('\n');
    expect(resolve([long, 'a'])).toEqual({ names: ['a'], isClear: false });
  });

  it('says so where the list can be read in two ways', () => {
    // x, y and y\nx, x\ny all exist, but the list cannot hold all of them in four lines.
    const found = resolveNames(['x', 'y', 'x', 'y'], among(['x', 'y', 'x\ny', 'y\nx']));
    expect(found.isClear).toBe(false);
    expect([...found.names].sort()).toEqual(['x', 'x\ny', 'y', 'y\nx']);
  });

  it('gives up in time', () => {
    const lines = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 'a' : 'b'));
    const found = resolveNames(lines, () => true);
    expect(found.isClear).toBe(false);
  });
});
