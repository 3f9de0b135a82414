import { describe, expect, it } from 'vitest';
import { shellLine, shellWord } from './shell-words.ts';

describe('shellWord', () => {
  it('leaves plain words and quotes all others', () => {
    expect(shellWord('/var/lib/a-b_1.qcow2')).toBe('/var/lib/a-b_1.qcow2');
    expect(shellWord('')).toBe("''");
    expect(shellWord("it's; $(id)")).toBe(`'it'\\''s; $(id)'`);
    expect(shellLine(['virsh', '--name', 'a b'])).toBe("virsh --name 'a b'");
  });
});
