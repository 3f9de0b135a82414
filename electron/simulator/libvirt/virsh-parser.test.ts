import { describe, expect, it } from 'vitest';
import { quoteForVirsh } from '../../hypervisors/libvirt/read/script/virsh-quoting.ts';
import { parseCommand, splitLine } from './virsh-parser.ts';

describe('a line for virsh', () => {
  it('is commands of words, with what is quoted kept', () => {
    expect(splitLine(`echo 'a; b'; list --all;domname 'it'\\''s' "x \\"y\\""`)).toEqual([
      ['echo', 'a; b'],
      ['list', '--all'],
      ['domname', "it's", 'x "y"'],
    ]);
  });

  it('gives back every word that Snaptree quotes', () => {
    for (const word of ['', ' ', "'", '"', '\\', ';', '#x', 'two\nlines', '快照 🌳', '--help', "'\\''"]) {
      expect(splitLine(`echo ${quoteForVirsh(word)};`)).toEqual([['echo', word]]);
    }
  });

  it('ends at a quotation mark that is missing', () => {
    expect(() => splitLine("echo 'open")).toThrow('missing "');
  });
});

describe('a command', () => {
  const shapes = new Map([
    ['snapshot-delete', { positional: ['domain', 'snapshotname'], flags: ['metadata'], required: ['domain'] }],
  ]);

  it('takes options with their values, and words without a name in their order', () => {
    const { flags, values } = parseCommand(['snapshot-delete', 'vm', '--metadata', '--snapshotname=--x=y'], shapes);
    expect([...flags]).toEqual(['metadata']);
    expect(Object.fromEntries(values)).toEqual({ domain: ['vm'], snapshotname: ['--x=y'] });
    expect(parseCommand(['snapshot-delete', 'vm', '--', '--name'], shapes).values.get('snapshotname')).toEqual([
      '--name',
    ]);
  });

  it('is refused where virsh does not know it', () => {
    expect(() => parseCommand(['nosuch'], shapes)).toThrow("unknown command: 'nosuch'");
    expect(() => parseCommand(['snapshot-delete', '--x'], shapes)).toThrow("doesn't support option --x");
    expect(() => parseCommand(['snapshot-delete', 'vm', '--snapshotname'], shapes)).toThrow('expected syntax');
    expect(() => parseCommand(['snapshot-delete'], shapes)).toThrow('requires <domain> option');
  });
});
