/** A line as a shell would take it apart, where it holds nothing but words. */

const plain = /[^\s'"\\]/;

/**
 * The words of one line, by the quoting of POSIX (Shell Command Language, 2.2): single quotes, double quotes, backslashes; a word that
 * begins with `#` ends the line. Nothing is expanded: `$`, `*` and `;` stand for themselves. Null: a quote or backslash is left open.
 */
export function splitWords(line: string): readonly string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (character === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return null;
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (character === '"') {
      const quoted = /^"((?:[^"\\]|\\.)*)"/s.exec(line.slice(at));
      if (!quoted) return null;
      word = (word ?? '') + (quoted[1] ?? '').replaceAll(/\\([$`"\\])/g, '$1');
      at += quoted[0].length - 1;
    } else if (character === '\\') {
      at += 1;
      if (at >= line.length) return null;
      word = (word ?? '') + line.charAt(at);
    } else if (character === '#' && word === null) {
      break;
    } else if (plain.test(character)) {
      word = (word ?? '') + character;
    } else if (word !== null) {
      words.push(word);
      word = null;
    }
  }
  return word === null ? words : [...words, word];
}
