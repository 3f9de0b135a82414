import { describe, expect, it } from 'vitest';
import { shellLine, shellText, shellWord } from './shell-words.ts';

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

describe('shellText', () => {
  it('lays a script out over its lines, and nothing else', () => {
    expect(shellText(['sh', '-c', 'a\n  b', 'sh', 'x y'])).toBe("sh -c 'a\n  b' sh 'x y'");
    expect(shellText(['sh', '-c', 'a', 'sh', 'x\ny'])).toBe(`sh -c a sh "$(printf %b 'x\\0012y')"`);
    expect(shellText(['virsh', '-c', 'x\ny'])).toBe(`virsh -c "$(printf %b 'x\\0012y')"`);
    // What hides something is no layout.
    expect(shellText(['sh', '-c', 'a\n\u001bb'])).toBe(`sh -c "$(printf %b 'a\\0012\\0033b')"`);
    expect(shellText(['sh', '-c', 'a\nb', 'sh', 'x\n'])).toMatch(/^# .*$/);
  });
});
