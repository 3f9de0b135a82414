/** Text from hosts in files for programs: nothing is lost, but for what no text file may hold. */

/** Controls other than TAB, LF and CR, and halves of surrogate pairs, which no UTF-8 can hold. */
const unwritable = /(?![\t\n\r])[\p{Cc}\p{Cs}]/gu;

/** `text` as a text file can hold it: what would harm a terminal or is not Unicode is written as `‹U+001B›`. */
export function writableText(text: string): string {
  return text.replace(unwritable, escapedCharacter);
}

/** A character by its number: `‹U+202E›`. */
export function escapedCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
}
