/**
 * Text from a host, made so that nothing in it can hide: a name may hold newlines, control characters or characters that
 * turn the direction of writing around, and an administrator decides by that name what to delete.
 */
export interface TextSegment {
  readonly text: string;
  /** What the text stands for, where it is a mark for a character that cannot be seen; null for plain text. */
  readonly mark: string | null;
}

const names: Readonly<Record<number, string>> = {
  0x00a0: 'no-break space',
  0x00ad: 'soft hyphen',
  0x061c: 'Arabic letter mark',
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
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'pop directional isolate',
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

/** Controls (C0, DEL, C1), direction and zero-width characters, tags, lone surrogates: whatever is not to be seen. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const unseen = /[\u0000-\u001f\u007f-\u009f\u00a0]|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}|\ufffd/gu;

/** The text as segments: what can be seen as it is, and a mark for each character that cannot. */
export function visibleText(text: string): readonly TextSegment[] {
  const segments: TextSegment[] = [];
  let end = 0;
  for (const match of text.matchAll(unseen)) {
    if (match.index > end) segments.push({ text: text.slice(end, match.index), mark: null });
    segments.push(markFor(match[0].codePointAt(0) ?? 0));
    end = match.index + match[0].length;
  }
  if (end < text.length) segments.push({ text: text.slice(end), mark: null });
  return segments;
}

/** The same as one string, for accessible names, titles and places that take no elements. */
export function visibleString(text: string): string {
  return visibleText(text)
    .map((segment) => (segment.mark === null ? segment.text : `[${segment.mark}]`))
    .join('');
}

function markFor(codePoint: number): TextSegment {
  const code = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  const control = controls[codePoint];
  if (control) return { text: control[0], mark: control[1] };
  return { text: code, mark: names[codePoint] ?? `invisible character ${code}` };
}
