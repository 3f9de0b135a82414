/**
 * Text from a host, made so that nothing in it can hide: a name may hold newlines, control characters or characters that
 * turn the direction of writing around, and an administrator decides by that name what to delete.
 */
export interface TextSegment {
  readonly text: string;
  /** What the text stands for, where it is a mark for a character that cannot be seen; null for plain text. */
  readonly mark: string | null;
  /** The text is the character itself, of which nothing is seen: it is drawn as a mark, and copied as it is. */
  readonly isSpace?: true;
}

const names: Readonly<Record<number, string>> = {
  0x00a0: 'no-break space',
  0x00ad: 'soft hyphen',
  0x034f: 'combining grapheme joiner',
  0x061c: 'Arabic letter mark',
  0x115f: 'Hangul filler',
  0x2003: 'em space',
  0x2009: 'thin space',
  0x200b: 'zero width space',
  0x200c: 'zero width non-joiner',
  0x200d: 'zero width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x2028: 'line separator',
  0x2029: 'paragraph separator',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'pop directional formatting',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x202f: 'narrow no-break space',
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'pop directional isolate',
  0x2800: 'blank Braille pattern',
  0x3000: 'ideographic space',
  0x3164: 'Hangul filler',
  0xfe0e: 'text style selector',
  0xfe0f: 'emoji style selector',
  0xfeff: 'byte order mark',
  0xfffd: 'character that could not be read',
};

/** Controls that have a short name; most fonts have no pictures for them. */
const controls: Readonly<Record<number, readonly [mark: string, name: string]>> = {
  0: ['NUL', 'null'],
  7: ['BEL', 'bell'],
  9: ['TAB', 'tab'],
  10: ['LF', 'newline'],
  13: ['CR', 'carriage return'],
  27: ['ESC', 'escape'],
};

/**
 * Whatever is not to be seen: controls (C0, DEL, C1), direction and zero-width characters, fillers, style selectors and
 * other characters that fonts are to ignore, spaces that are not the common one, tags, lone surrogates.
 */
export const unseen =
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u2800\ufffd]|(?! )\p{Zs}|\p{Default_Ignorable_Code_Point}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}/gu;

/**
 * What acts on what stands around it: controls, line separators, and whatever turns the direction of writing. Halves of
 * surrogate pairs too, which no text on its way out can hold.
 */
export const actingCharacter = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** As `unseen`, and the common spaces that a page does not show: at the ends, and more than one together. */
const unseenOfName = new RegExp(` (?= |$)|(?<=^| ) |${unseen.source}`, 'gu');

/**
 * The text as segments: what can be seen as it is, and a mark for each character that cannot. `spaces` marks the spaces
 * too by which one name may differ from another unseen; in running text and in output they are nothing but layout.
 */
export function visibleText(text: string, spaces: 'mark' | 'leave' = 'mark'): readonly TextSegment[] {
  const segments: TextSegment[] = [];
  let end = 0;
  for (const match of text.matchAll(spaces === 'mark' ? unseenOfName : unseen)) {
    if (match.index > end) segments.push({ text: text.slice(end, match.index), mark: null });
    if (match[0].startsWith(' ')) segments.push(...Array.from(match[0], () => space));
    else segments.push(markFor(match[0].codePointAt(0) ?? 0));
    end = match.index + match[0].length;
  }
  if (end < text.length) segments.push({ text: text.slice(end), mark: null });
  return segments;
}

/** Running text of ours in which names stand, as one line of plain text: spaces stay what they are. */
export function visibleLine(text: string): string {
  return visibleText(text, 'leave')
    .map((segment) => (segment.mark === null ? segment.text : `[${segment.mark}]`))
    .join('');
}

/** The same as one string, for accessible names, titles and places that take no elements. */
export function visibleString(text: string): string {
  return visibleText(text)
    .map((segment) => (segment.mark === null ? segment.text : `[${segment.mark}]`))
    .join('');
}

const space: TextSegment = { text: ' ', mark: 'space', isSpace: true };

function markFor(codePoint: number): TextSegment {
  const code = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  const control = controls[codePoint];
  if (control) return { text: control[0], mark: control[1] };
  return { text: code, mark: names[codePoint] ?? `invisible character ${code}` };
}
