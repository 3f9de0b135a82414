/** Text from hosts in files for programs: nothing is lost, but for what no text file may hold. */
import { actingCharacter } from '../../shared/rules/text/visible-text.ts';

/** What acts on what stands around it, but TAB, LF and CR, which the quotes of a cell hold. */
const unwritable = new RegExp(`(?![\t\n\r])${actingCharacter.source}`, 'gu');

/** `text` as a text file can hold it: what would harm a terminal, turns writing around or is not Unicode is written as `‹U+001B›`. */
export function writableText(text: string): string {
  return text.replace(unwritable, escapedCharacter);
}

/** A character by its number: `‹U+202E›`. */
export function escapedCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
}
