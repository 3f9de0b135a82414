/** JSON that may meet a terminal, a log or an editor on its way. */
import { unseen } from './visible-text.ts';

/** A line end is what the JSON is laid out with: within its strings it is an escape already. */
const unseenInJson = new RegExp(`(?!\n)(?:${unseen.source})`, 'gu');

/** JSON in which no character can hide or harm a terminal: what is not seen is written as `\u…`, which is the same JSON. */
export function visibleJson(value: unknown): string {
  return withoutUnseen(JSON.stringify(value, null, 2));
}

/** As `visibleJson`, on one line. */
export function visibleJsonLine(value: unknown): string {
  return withoutUnseen(JSON.stringify(value));
}

/** JSON text that was written elsewhere, with escapes for what is not seen. */
export function withoutUnseen(json: string): string {
  return json.replace(unseenInJson, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join(''),
  );
}
