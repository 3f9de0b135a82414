import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { completionLines, completions } from './completion.ts';
import { createContext } from './context.ts';
import { documents, publishedSchema } from './documents.ts';
import type { DocumentName } from './documents.ts';
import { programFor } from './main.ts';
import { exitCodeMeanings } from './exit-codes.ts';
import { createOutput } from './output.ts';
import type { Program } from './program.ts';

let program: Program;
beforeAll(() => {
  const output = createOutput({ stdout: process.stdout, stderr: process.stderr, environment: {} });
  const createApplication = () => Promise.reject(new Error('not asked for'));
  program = programFor(createContext({ output, createApplication, environment: {} }));
});

type AnyCommand = Program['commands'][number];
const all = (command: AnyCommand): AnyCommand[] => [command, ...command.commands.flatMap(all)];

describe('help', () => {
  it('describes every command, argument and option, in lines that fit', () => {
    for (const command of program.commands.flatMap(all)) {
      expect(command.summary(), command.name()).not.toBe('');
      expect(command.description(), command.name()).toMatch(/\.$/);
      for (const argument of command.registeredArguments) expect(argument.description, command.name()).not.toBe('');
      for (const option of command.options) expect(option.description, option.flags).not.toBe('');
      for (const line of command.helpInformation().split('\n')) expect(line.length).toBeLessThanOrEqual(120);
    }
  });
});

describe('the documentation', () => {
  it('has every command and every exit code with its meaning', () => {
    const text = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');
    for (const [code, meaning] of exitCodeMeanings) expect(text).toContain(`| ${code} | ${meaning} |`);
    for (const command of program.commands) expect(text).toMatch(new RegExp(`^\\| \`${command.name()}[ \`]`, 'm'));
  });
});

describe('completion', () => {
  const hosts = ['kvm1', 'kvm 2'].map((name, index) => ({ id: `${index}-id`, name }));
  const values = (...words: readonly string[]) => completions(program, words, hosts).map(({ value }) => value);
  it.each([
    [['pl'], ['plan']],
    [
      ['plan', ''],
      [
        'create',
        'revert',
        'delete',
        'describe',
        'rename',
        'merge',
        'pull',
        'power',
        'save',
        'restore',
        'discard',
        'clone',
        'repair',
        'batch',
      ],
    ],
    [['plan', 'create', '--ki'], ['--kind']],
    [
      ['plan', 'create', '--kind', ''],
      ['internal', 'external'],
    ],
    [['plan', 'create', '--kind', '=', 'ex'], ['external']],
    [['plan', 'create', 'web', '--kind', 'internal', '--disk', ''], []],
    [
      ['tree', 'k'],
      ['kvm1/', 'kvm 2/'],
    ],
    [
      ['inventory', ''],
      ['kvm1', 'kvm 2'],
    ],
    [['inventory', 'kvm1', ''], []],
    [['report', 'kvm1', 'kvm '], ['kvm 2']],
    [['tree', 'web', '--host', 'kvm1'], ['kvm1']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['--data-folder', '/x', 'hosts', 'te'], ['test']],
    [['operations', 'resume', '--y'], ['--yes']],
    [['nonsense', ''], []],
  ])('of %j is %j', (words, expected) => {
    expect(values(...words)).toEqual(expected);
  });
  it('knows the options of the program behind every command', () => {
    expect(values('tree', '--')).toEqual(expect.arrayContaining(['--json', '--uri', '--demo', '--help']));
  });

  it('gives a host by its id where its name holds what is not seen', () => {
    const odd = [...hosts, { id: '2-id', name: 'kvm\u202e3' }];
    expect(completions(program, ['plan', 'create', '--host', ''], odd)).toContainEqual({
      value: '2-id',
      description: 'host kvm[right-to-left override]3',
    });
    expect(completionLines(completions(program, ['tree', ''], odd))).not.toMatch(/\p{Cf}/u);
    expect(completions(program, ['tree', '2'], odd).map(({ value }) => value)).toEqual(['2-id/']);
  });
});

describe('the published schemas', () => {
  const isName = (name: string): name is DocumentName => name in documents;
  it.each(Object.keys(documents).filter(isName))('%s is what docs/schemas says (npm run schemas)', (name) => {
    const file = new URL(`../../../docs/schemas/${name}.schema.json`, import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(publishedSchema(name)));
  });
});
