import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandGlob, isAlias, parseConfigLine, readAliases } from './config-aliases.ts';

describe('a line of ssh_config', () => {
  it.each([
    ['Host a b', { keyword: 'host', values: ['a', 'b'] }],
    ['\tHOST=a', { keyword: 'host', values: ['a'] }],
    ['Host = "a b" c\r', { keyword: 'host', values: ['a b', 'c'] }],
    [`Include 'x y' a\\ b # a comment`, { keyword: 'include', values: ['x y', 'a b'] }],
    ['Host a#b', { keyword: 'host', values: ['a#b'] }],
    ['# Host a', null],
    ['', null],
    ['Host', { keyword: 'host', values: [] }],
  ])('%s', (line, expected) => {
    expect(parseConfigLine(line)).toEqual(expected);
  });

  it('tells hosts from patterns', () => {
    expect(['a', 'a.b', '10.0.0.1', '*', 'a*', 'a?', '!a', ''].filter(isAlias)).toEqual(['a', 'a.b', '10.0.0.1']);
  });
});

describe('the aliases of a configuration', () => {
  let home: string;
  const write = (name: string, ...lines: string[]) => {
    writeFileSync(join(home, name), lines.join('\n'));
  };
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'snaptree-aliases-'));
    mkdirSync(join(home, '.ssh', 'more.d'), { recursive: true });
  });
  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  it('come from the file and from what it includes, each once and in order', async () => {
    write('.ssh/config', 'Include more.d/*.conf "~/else where"', 'Host one two *.example !three', 'Match host five');
    write('.ssh/more.d/b.conf', 'Host beta one');
    write('.ssh/more.d/a.conf', 'Host alpha', ' Include /does/not/exist');
    write('.ssh/more.d/.hidden.conf', 'Host hidden');
    write('.ssh/more.d/c.txt', 'Host no');
    write('else where', 'Host elsewhere');
    expect(await readAliases(join(home, '.ssh/config'), home)).toEqual({
      aliases: ['alpha', 'beta', 'one', 'elsewhere', 'two'],
      problems: [],
      isDynamic: false,
    });
  });

  it('come with a word about what is decided at each connection', async () => {
    for (const match of ['exec true', 'host a !exec "x y"', 'localnetwork 10.0.0.0/8']) {
      write('.ssh/config', 'Include more', 'Host here');
      write('.ssh/more', `Match ${match}`);
      expect((await readAliases(join(home, '.ssh/config'), home)).isDynamic, match).toBe(true);
    }
  });

  it('end where files include each other, with a word about it', async () => {
    write('.ssh/config', 'Include config', 'Host here');
    const { aliases, problems } = await readAliases(join(home, '.ssh/config'), home);
    expect(aliases).toEqual(['here']);
    expect(problems.join()).toContain('too deep');
  });

  it('are told of a file that cannot be read', async () => {
    write('.ssh/config', 'Include more.d', 'Host here');
    const { aliases, problems } = await readAliases(join(home, '.ssh/config'), home);
    expect(aliases).toEqual(['here']);
    expect(problems).toHaveLength(1);
  });

  it('need a file', async () => {
    await expect(readAliases(join(home, 'none'), home)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('expands patterns as glob(7) does', async () => {
    for (const name of ['a1', 'a2', 'b1', 'a.x', 'a+']) write(name, '');
    const names = async (pattern: string) =>
      (await expandGlob(join(home, pattern))).map((path) => path.slice(home.length + 1));
    expect(await names('a?')).toEqual(['a+', 'a1', 'a2']);
    expect(await names('[!a]*')).toEqual(['b1']);
    expect(await names('[ab]1')).toEqual(['a1', 'b1']);
    expect(await names('a+')).toEqual(['a+']);
    expect(await names('*.x')).toEqual(['a.x']);
    expect(await names('[')).toEqual([]);
  });
});
