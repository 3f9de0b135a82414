/** The quoting, judged by the real parser of virsh. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quoteForVirsh, virshOption } from './virsh-quoting.ts';

/** What virsh makes of a line of commands. */
function virsh(commands: string): string {
  return execFileSync('virsh', ['-q', '-c', 'test:///default', commands], { encoding: 'utf8' });
}

const hostile = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(`'`, '"', '\\', ';', '\n', '\t', ' ', '#', '-', '=', '$', '`', 'a', '🌳'),
    minLength: 1,
  }),
);

it('gives every value to a command as it is', () => {
  fc.assert(
    fc.property(
      hostile.filter((value) => !value.includes('\0')),
      (value) => {
        expect(virsh(`echo ${quoteForVirsh(value)}; echo ${quoteForVirsh('end')}`)).toBe(`${value}end`);
      },
    ),
    { numRuns: 60 },
  );
});

it('keeps a value behind its option a value', () => {
  const uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';
  for (const name of ['--help', '-x', 'a=b', `it's "q"; echo injected`, 'two\nlines', '#', ' spaces ']) {
    const output = virsh(
      `snapshot-create-as ${virshOption('domain', uuid)} ${virshOption('name', name)}; snapshot-current ${virshOption('domain', uuid)} --name; ` +
        `snapshot-list ${virshOption('domain', uuid)} --name`,
    );
    expect(output).toBe(`${name}${name}\n`);
  }
});

it('refuses what no argument can hold', () => {
  expect(() => quoteForVirsh('a\0b')).toThrow(expect.objectContaining({ code: 'invalidRequest' }));
});
