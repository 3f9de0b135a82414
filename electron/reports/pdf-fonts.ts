/** The fonts of the PDF: DejaVu Sans Condensed, which has most alphabets of Europe and the Near East, under a free licence. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { create } from 'fontkit';
import { visibleString } from '../../shared/rules/visible-text.ts';
import { escapedCharacter } from './writable-text.ts';

export type FontName = 'regular' | 'bold';

export interface PdfFonts {
  readonly files: Readonly<Record<FontName, Buffer>>;
  /** `text` on one line, with what cannot be seen in words, and what the font lacks as `‹U+65E5›`: nothing is lost. */
  drawable(text: string, font: FontName): string;
}

let loaded: Promise<PdfFonts> | undefined;

/** Reads the fonts, once. Rejects where the package with them is missing. */
export function loadPdfFonts(): Promise<PdfFonts> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<PdfFonts> {
  const require = createRequire(import.meta.url);
  const [regular, bold] = await Promise.all([
    readFile(require.resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf')),
    readFile(require.resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed-Bold.ttf')),
  ]);
  const has = { regular: characterTest(regular), bold: characterTest(bold) };
  return {
    files: { regular, bold },
    drawable: (text, font) =>
      Array.from(visibleString(text), (character) =>
        has[font](character) ? character : escapedCharacter(character),
      ).join(''),
  };
}

function characterTest(file: Buffer): (character: string) => boolean {
  const font = create(file);
  if (!('characterSet' in font)) throw new Error('The font file holds several fonts.');
  const characters = new Set(font.characterSet);
  return (character) => characters.has(character.codePointAt(0) ?? 0);
}
