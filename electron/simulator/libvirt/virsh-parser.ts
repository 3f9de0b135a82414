/** The language of virsh: commands on one line, its quoting, options (libvirt 9.0, tools/vsh.c). */
import { LibvirtError } from './model.ts';

export interface CommandShape {
  /** Options that words without a name fill, in order. The last may repeat. */
  readonly positional: readonly string[];
  /** Options that take a value and must be named. */
  readonly values?: readonly string[];
  readonly flags?: readonly string[];
  readonly required?: readonly string[];
}

export interface ParsedCommand {
  readonly name: string;
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** Takes a line apart into commands of words. Single quotes keep everything, a backslash the next character. */
export function splitLine(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | null = null;
  const endWord = () => {
    if (word !== null) words.push(word);
    word = null;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let index = 0; index < line.length; index += 1) {
    const character = line.charAt(index);
    if (character === "'") {
      const end = line.indexOf("'", index + 1);
      if (end < 0) throw new LibvirtError('missing "');
      word = (word ?? '') + line.slice(index + 1, end);
      index = end;
    } else if (character === '"') {
      word ??= '';
      for (index += 1; line.charAt(index) !== '"'; index += 1) {
        if (index >= line.length) throw new LibvirtError('missing "');
        if (line.charAt(index) === '\\') index += 1;
        word += line.charAt(index);
      }
    } else if (character === '\\') {
      index += 1;
      word = (word ?? '') + line.charAt(index);
    } else if (character === ';' || character === '\n') endCommand();
    else if (character === ' ' || character === '\t') endWord();
    else if (character === '#' && word === null) {
      const end = line.indexOf('\n', index);
      index = end < 0 ? line.length : end - 1;
    } else word = (word ?? '') + character;
  }
  endCommand();
  return commands;
}

/** @throws LibvirtError for what virsh does not know; nothing of the line is run then */
export function parseCommand(words: readonly string[], shapes: ReadonlyMap<string, CommandShape>): ParsedCommand {
  const [name = '', ...rest] = words;
  const shape = shapes.get(name);
  if (!shape) throw new LibvirtError(`unknown command: '${name}'`);
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  const known = new Set([...shape.positional, ...(shape.values ?? [])]);
  let onlyData = false;
  const set = (option: string, value: string) => {
    values.set(option, [...(values.get(option) ?? []), value]);
  };
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index] ?? '';
    if (!onlyData && word === '--') onlyData = true;
    else if (!onlyData && word.startsWith('--') && word.length > 2) {
      const equals = word.indexOf('=');
      const option = equals < 0 ? word.slice(2) : word.slice(2, equals);
      if (shape.flags?.includes(option) === true && equals < 0) flags.add(option);
      else if (known.has(option)) {
        const value = equals < 0 ? rest[(index += 1)] : word.slice(equals + 1);
        if (value === undefined) throw new LibvirtError(`expected syntax: --${option} <string>`);
        set(option, value);
      } else throw new LibvirtError(`command '${name}' doesn't support option --${option}`);
    } else {
      const next = shape.positional.find((option) => !values.has(option)) ?? shape.positional.at(-1);
      if (next === undefined) throw new LibvirtError(`unexpected data '${word}'`);
      set(next, word);
    }
  }
  const missing = shape.required?.find((option) => !values.has(option));
  if (missing !== undefined) throw new LibvirtError(`command '${name}' requires <${missing}> option`);
  return { name, flags, values };
}
