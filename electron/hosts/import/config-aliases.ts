/**
 * Which hosts a user's ssh_config names. Only names are taken from the text; their values come from `ssh -G`, which knows
 * what Match, patterns and tokens make of them.
 */
import { readFile, readdir } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';

/** readconf.c, READCONF_MAX_DEPTH. */
const maximumDepth = 16;
const maximumFiles = 1000;
const maximumFileBytes = 16 * 1024 * 1024;

export interface ConfigLine {
  /** In lower case. */
  readonly keyword: string;
  readonly values: readonly string[];
}

/** The words of a line: by blanks, with double and single quotes, and a backslash before quotes (misc.c, argv_split). */
function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    const next = text.charAt(index + 1);
    if (character === '\\' && (next === '\\' || next === '"' || next === "'" || (quote === null && next === ' '))) {
      word = `${word ?? ''}${next}`;
      index += 1;
    } else if (quote !== null) {
      if (character === quote) quote = null;
      else word = `${word ?? ''}${character}`;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === '#' && word === null) {
      return words;
    } else {
      word = `${word ?? ''}${character}`;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

/** One line of an ssh_config; null where it says nothing. Keyword and values may stand apart by blanks or one `=`. */
export function parseConfigLine(line: string): ConfigLine | null {
  const content = line.trim();
  const [keyword] = /^[A-Za-z][A-Za-z0-9]*/.exec(content) ?? [];
  if (keyword === undefined) return null;
  const behind = content.slice(keyword.length);
  const values = behind.trimStart();
  if (behind !== '' && behind === values && !behind.startsWith('=')) return null;
  return { keyword: keyword.toLowerCase(), values: splitWords(values.startsWith('=') ? values.slice(1) : values) };
}

/** Whether a Host pattern names one host: no wildcard, no negation. */
export function isAlias(pattern: string): boolean {
  return pattern !== '' && !/[*?!]/.test(pattern);
}

function componentPattern(component: string): RegExp {
  const source = component.replace(/\[!/g, '[^').replace(/[.+^${}()|\\*?]/g, (character, offset: number) => {
    if (character === '*') return '[^/]*';
    if (character === '?') return '[^/]';
    // The ^ of a class that was negated just now.
    return character === '^' && component.charAt(offset - 1) === '[' ? '^' : `\\${character}`;
  });
  return new RegExp(`^${source}$`, 'u');
}

/** The files that a pattern of Include (glob(7)) stands for, sorted; none where it fits nothing. */
export async function expandGlob(pattern: string): Promise<string[]> {
  let found = ['/'];
  for (const component of pattern.split('/').filter((each) => each !== '')) {
    if (!/[*?[]/.test(component)) {
      found = found.map((folder) => join(folder, component));
      continue;
    }
    let matcher: RegExp;
    try {
      matcher = componentPattern(component);
    } catch {
      return [];
    }
    const next: string[] = [];
    for (const folder of found) {
      const names = await readdir(folder).catch(() => []);
      const fitting = names.filter((name) => matcher.test(name) && name.startsWith('.') === component.startsWith('.'));
      next.push(...fitting.sort().map((name) => join(folder, name)));
    }
    found = next;
  }
  return found;
}

export interface Aliases {
  /** Each once, in the order of the files. */
  readonly aliases: readonly string[];
  /** What could not be read, each in a sentence. */
  readonly problems: readonly string[];
  /** Whether a program, or the network that this computer is in, has a say in what holds (Match exec, localnetwork). */
  readonly isDynamic: boolean;
}

/**
 * Reads the aliases of `path` and of what it includes, wherever the Include stands: whether it holds is for `ssh -G` to say.
 * Throws what reading `path` itself throws; what is included and cannot be read is told in `problems`.
 *
 * @param home the user's home folder, for `~` and for relative paths, which are below `~/.ssh`
 */
export async function readAliases(path: string, home: string): Promise<Aliases> {
  const aliases = new Set<string>();
  const problems: string[] = [];
  let files = 0;
  let isDynamic = false;

  async function read(file: string, depth: number): Promise<void> {
    files += 1;
    if (files > maximumFiles) return;
    const text = await readFile(file, 'utf8');
    if (text.length > maximumFileBytes) throw new Error('it is too large for a configuration');
    for (const line of text.split(/\r?\n/)) {
      const parsed = parseConfigLine(line);
      if (parsed?.keyword === 'host') for (const each of parsed.values.filter(isAlias)) aliases.add(each);
      if (parsed?.keyword === 'match')
        isDynamic ||= parsed.values.some((each) => /^!?(exec|localnetwork)\b/i.test(each));
      if (parsed?.keyword === 'include') for (const each of parsed.values) await include(each, depth + 1);
    }
  }

  async function include(pattern: string, depth: number): Promise<void> {
    if (depth > maximumDepth) {
      problems.push(`Include ${pattern} is nested too deep.`);
      return;
    }
    const expanded = pattern.replace(/^~(?=\/|$)/, home);
    const absolute = isAbsolute(expanded) ? expanded : resolve(home, '.ssh', expanded);
    for (const file of await expandGlob(absolute)) {
      await read(file, depth).catch((error: unknown) => {
        const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        // OpenSSH passes over a file that is not there.
        if (!missing)
          problems.push(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
      });
    }
  }

  await read(path, 0);
  return { aliases: [...aliases], problems, isDynamic };
}
