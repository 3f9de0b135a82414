/** The fonts of the PDF: DejaVu Sans Condensed, which has most alphabets of Europe and the Near East, under a free licence. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { create } from 'fontkit';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { escapedCharacter } from './writable-text.ts';

export type FontName = 'regular' | 'bold';

export interface PdfFonts {
  readonly files: Readonly<Record<FontName, Buffer>>;
  /** `text` on one line, with what cannot be seen in words, and what the font lacks as `‹U+65E5›`: nothing is lost. */
  drawable(text: string, font: FontName): string;
  /**
   * The width of drawable text of size 1, character by character. Without kerning and ligatures it is a little wide,
   * but a hundred times quicker than laying the text out for every place where a line could end.
   */
  width(text: string, font: FontName): number;
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
  const metrics = { regular: metricsOf(regular), bold: metricsOf(bold) };
  return {
    files: { regular, bold },
    drawable: (text, font) =>
      Array.from(visibleString(text), (character) =>
        metrics[font].has(character) ? character : escapedCharacter(character),
      ).join(''),
    width: (text, font) => {
      let width = 0;
      for (const character of text) width += metrics[font].width(character);
      return width;
    },
  };
}

interface Metrics {
  readonly has: (character: string) => boolean;
  readonly width: (character: string) => number;
}

function metricsOf(file: Buffer): Metrics {
  const font = create(file);
  if (!('characterSet' in font)) throw new Error('The font file holds several fonts.');
  const characters = new Set(font.characterSet);
  const widths = new Map<string, number>();
  return {
    has: (character) => characters.has(character.codePointAt(0) ?? 0),
    width(character) {
      const known = widths.get(character);
      if (known !== undefined) return known;
      const width = font.glyphForCodePoint(character.codePointAt(0) ?? 0).advanceWidth / font.unitsPerEm;
      widths.set(character, width);
      return width;
    },
  };
}
