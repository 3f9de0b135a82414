import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitCodeMeanings, exitCodeOf, exitCodes } from './exit-codes.ts';
import { visibleJson } from '../../../shared/rules/text/visible-json.ts';
import { createOutput, paintFor, shown, shownLines, shownSentence } from './output.ts';
import { keyEffect } from './terminal.ts';

/** Control characters, and those that turn the direction of writing around. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const harmful = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/u;
const hostile = fc.string({
  unit: fc.constantFrom(
    'a',
    ' ',
    '\u001b',
    '\u0007',
    '\n',
    '\r',
    '\t',
    '\u009b',
    '\u202e',
    '\u2066',
    '\u200b',
    'é',
    '🌳',
  ),
});

describe('text from a host', () => {
  it('cannot move the cursor, begin a line or turn writing around', () => {
    expect(shown('a\u001b[2Jb')).toBe('a[escape][2Jb');
    expect(shown('two\nlines \u202e')).toBe('two[newline]lines [right-to-left override]');
    expect(shown(' a  b')).toBe('[space]a[space][space]b');
    expect(shownSentence('a  b\u0007')).toBe('a  b[bell]');
    fc.assert(
      fc.property(hostile, (text) => {
        expect(shown(text)).not.toMatch(harmful);
        expect(shownSentence(text)).not.toMatch(harmful);
        expect(shownLines(text).replaceAll(/[\n\t]/g, '')).not.toMatch(harmful);
      }),
    );
  });

  it('is not changed where it is harmless', () => {
    expect(shown('ünïcödé 快照 🌳 $(x)')).toBe('ünïcödé 快照 🌳 $(x)');
  });

  it('is the same in JSON, though nothing in it hides', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const json = visibleJson({ text });
        expect(JSON.parse(json)).toEqual({ text });
        expect(json.replaceAll('\n', '')).not.toMatch(harmful);
      }),
    );
  });
});

describe('what is printed for people', () => {
  const evil = 'a\u001b[2Jb\u009bc\u202ed\u007f';

  it.each([true, false])('lets nothing act though its names were not marked before (terminal: %s)', (isTTY) => {
    const stdout = Object.assign(new PassThrough(), { isTTY });
    const stderr = Object.assign(new PassThrough(), { isTTY, columns: 200 });
    const output = createOutput({
      stdout: stdout as unknown as NodeJS.WriteStream,
      stderr: stderr as unknown as NodeJS.WriteStream,
      environment: {},
    });
    output.text(`${output.paint.out('red', evil)}\n`);
    output.progress(evil);
    output.say(output.paint.err('bold', evil));
    const printed = String(stdout.read()) + String(stderr.read());
    // eslint-disable-next-line no-control-regex -- what takes progress away, and styles
    const ours = /\u001b\[(?:K|\d\d?m)|[\r\n]/g;
    expect(printed.replaceAll(ours, '')).not.toMatch(harmful);
    expect(printed.includes('\u001b[31m')).toBe(isTTY);
    expect(printed.split('a[escape][2Jb').length - 1).toBe(isTTY ? 3 : 2);
  });

  it('is exact where a program reads it, and marked where a terminal shows that', () => {
    for (const isTTY of [true, false]) {
      const stdout = Object.assign(new PassThrough(), { isTTY });
      const output = createOutput({
        stdout: stdout as unknown as NodeJS.WriteStream,
        stderr: new PassThrough() as unknown as NodeJS.WriteStream,
        environment: {},
      });
      output.data(new TextEncoder().encode(evil));
      expect(String(stdout.read()) === evil).toBe(!isTTY);
    }
  });
});

describe('colours', () => {
  const terminal = { isTTY: true };
  it.each([
    ['a terminal', terminal, {}, true],
    ['a pipe', {}, {}, false],
    ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, false],
  ])('on %s', (_title, stream, environment, coloured) => {
    expect(paintFor(stream, environment)('red', 'x')).toBe(coloured ? '\u001b[31mx\u001b[39m' : 'x');
  });
});

describe('exit codes', () => {
  it('are each explained once', () => {
    const explained = exitCodeMeanings.map(([code]) => code);
    expect(new Set(explained)).toEqual(new Set(Object.values(exitCodes)));
    expect(explained).toHaveLength(Object.keys(exitCodes).length);
  });
  it('tell what a script must tell apart', () => {
    expect(exitCodeOf('planRefused')).toBe(3);
    expect(exitCodeOf('planStale')).toBe(4);
    expect(exitCodeOf('outcomeUnknown')).toBe(6);
    expect(exitCodeOf('nameAmbiguous')).toBe(7);
    expect(exitCodeOf('storeInUse')).toBe(9);
    expect(exitCodeOf('verificationFailed')).toBe(1);
  });
});

describe('a line that is typed without echo of the terminal', () => {
  function type(keys: string): { line: string; end: string | null; typed: string } {
    let line = '';
    let typed = '';
    for (const key of keys) {
      const effect = keyEffect(line, key);
      if (effect.kind !== 'more') return { line, end: effect.kind, typed };
      line = effect.line;
      typed += effect.typed;
    }
    return { line, end: null, typed };
  }
  it.each([
    ['secret\r', 'secret', 'line'],
    ['sex\u007fcret\n', 'secret', 'line'],
    ['\u007f\u007fa🌳\u007fb\r', 'ab', 'line'],
    ['wrong\u0015right\r', 'right', 'line'],
    ['\u0004', '', 'end'],
    ['a\u0004b\r', 'ab', 'line'],
    ['a\u0003', 'a', 'interrupt'],
  ])('%j gives %j', (keys, line, end) => {
    expect(type(keys)).toMatchObject({ line, end });
  });
  it('shows no control characters', () => {
    expect(type('a\u001b\u0007b').typed).toBe('ab');
    expect(keyEffect('a', '\u001b[A')).toEqual({ kind: 'more', line: 'a', typed: '' });
  });
});
