import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitWords } from './shell-split.ts';

/** What a real shell makes of a line that holds nothing but words. */
function wordsOfShell(line: string): readonly string[] | null {
  try {
    const out = execFileSync('sh', ['-fc', `printf '%s\\0' begin ${line}\n`], { encoding: 'utf8', stdio: 'pipe' });
    return out.split('\0').slice(1, -1);
  } catch {
    return null;
  }
}

test.each([
  ['delete web old', ['delete', 'web', 'old']],
  [`create 'my web' "before the update"`, ['create', 'my web', 'before the update']],
  [String.raw`a\ b "c\"d" 'e\f' g''h "" # the rest`, ['a b', 'c"d', String.raw`e\f`, 'gh', '']],
  ['kvm1/web#1', ['kvm1/web#1']],
  ['  # nothing else', []],
  ['$HOME * ; |', ['$HOME', '*', ';', '|']],
])('%s', (line, words) => {
  expect(splitWords(line)).toEqual(words);
});

test.each([`a 'b`, 'a "b', 'a \\', String.raw`"a\"`])('%s is left open', (line) => {
  expect(splitWords(line)).toBeNull();
});

test('it takes lines of words apart as a shell does', () => {
  const pieces = fc.constantFrom('a', 'é', ' ', '\t', "'", '"', '\\', '#', '/', '-', '=');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (line) => {
      const text = line.join('');
      // A shell reads on behind a backslash at the end; here the line ends.
      fc.pre(!/(^|[^\\])(\\\\)*\\$/.test(text));
      expect(splitWords(text)).toEqual(wordsOfShell(text));
    }),
    { numRuns: 300 },
  );
});
