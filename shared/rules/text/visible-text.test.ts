import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleString, visibleText } from './visible-text.ts';

describe('visibleText', () => {
  it('leaves ordinary text of any script alone', () => {
    for (const text of ['web-01', 'Größe ✓', '日本語', '🐧', '<b>&amp;</b>', '']) {
      expect(visibleText(text)).toEqual(text === '' ? [] : [{ text, mark: null }]);
    }
  });

  it('marks newlines, controls, and what turns the direction of writing or takes no room', () => {
    expect(visibleString('two\nlines')).toBe('two[newline]lines');
    expect(visibleString('a\u202egnp.exe')).toBe('a[right-to-left override]gnp.exe');
    expect(visibleString('a\u200bb')).toBe('a[zero width space]b');
    expect(visibleString('a\u0085b')).toBe('a[invisible character U+0085]b');
    expect(visibleString('\ud800')).toBe('[invisible character U+D800]');
    expect(visibleString('\u{e0041}')).toBe('[invisible character U+E0041]');
  });

  it('marks the spaces of a name that nobody would see, and leaves those of prose', () => {
    expect(visibleString(' a')).toBe('[space]a');
    expect(visibleString('a ')).toBe('a[space]');
    expect(visibleString('a  b c')).toBe('a[space][space]b c');
    expect(visibleString(' ')).toBe('[space]');
    expect(visibleText('  a  b ', 'leave')).toEqual([{ text: '  a  b ', mark: null }]);
    // What is copied out of the window is the name.
    expect(
      visibleText('  a ')
        .map(({ text }) => text)
        .join(''),
    ).toBe('  a ');
  });

  it('tells names apart that differ in what fonts do not draw', () => {
    for (const unseen of ['\u00a0', '\u2009', '\u3000', '\u3164', '\u2800', '\ufe0f', '\u034f', '\u180e']) {
      const [first, second, third] = visibleText(`a${unseen}b`);
      expect([first, third]).toEqual([
        { text: 'a', mark: null },
        { text: 'b', mark: null },
      ]);
      expect(second?.mark).not.toBeNull();
    }
  });

  it('loses nothing: what it does not mark is the text as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const segments = visibleText(text, 'leave');
        const kept = segments.map((segment) => (segment.mark === null ? segment.text : '')).join('');
        expect(text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{DI}\u2800\ufffd]|(?! )\p{Zs}/gu, '')).toBe(kept);
      }),
    );
  });
});
