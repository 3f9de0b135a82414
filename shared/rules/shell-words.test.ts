import { describe, expect, it } from 'vitest';
import { shellLine, shellWord } from './shell-words.ts';

describe('shellWord', () => {
  it('leaves plain words and quotes all others', () => {
    expect(shellWord('/var/lib/a-b_1.qcow2')).toBe('/var/lib/a-b_1.qcow2');
    expect(shellWord('')).toBe("''");
    expect(shellWord("it's; $(id)")).toBe(`'it'\\''s; $(id)'`);
    expect(shellLine(['virsh', '--name', 'a b'])).toBe("virsh --name 'a b'");
  });

  it('writes what is not seen as an escape, and all in it that an interactive shell would replace', () => {
    expect(shellWord('a\u001b[2J')).toBe(`"$(printf %b 'a\\0033[2J')"`);
    expect(shellWord("\u202e'\\!$x")).toBe(`"$(printf %b '\\0342\\0200\\0256\\0047\\0134\\0041$x')"`);
    expect(shellWord('é\u0085')).toBe(`"$(printf %b 'é\\0302\\0205')"`);
    expect(shellWord('a\nb\n\n')).toBe(`"$(printf %b 'a\\0012b')"'\n\n'`);
  });

  it('gives no command where a line cannot hold it', () => {
    expect(shellLine(['virsh', 'a\n'])).toMatch(/^# .*\bvirsh\b.*$/);
  });
});
