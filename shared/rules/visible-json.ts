/** JSON that may meet a terminal, a log or an editor on its way. */

const unseenInJson = /[\u007f-\u009f\u2800]|(?! )\p{Zs}|\p{Default_Ignorable_Code_Point}|\p{Cf}|\p{Zl}|\p{Zp}/gu;

/** JSON in which no character can hide or harm a terminal: what is not seen is written as `\u…`, which is the same JSON. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(unseenInJson, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join(''),
  );
}
