/** Pages of a PDF with a cursor: text that is broken into lines, blocks that move on to the next page, page numbers. */
import PDFDocument from 'pdfkit';
import { cutInTheMiddle } from './summary.ts';
import type { FontName, PdfFonts } from './pdf-fonts.ts';

export const margin = 34;
const pageWidth = 841.89;
const pageHeight = 595.28;
export const innerWidth = pageWidth - 2 * margin;
const bottom = pageHeight - margin - 14;

export const colours = {
  text: '#1a1f29',
  soft: '#586174',
  line: '#c9d0db',
  shade: '#eef1f6',
  accent: '#2257c4',
  bar: '#4a7bdc',
  critical: '#b3261e',
  warning: '#8a5300',
  information: '#2b5a94',
} as const;

export interface TextStyle {
  readonly size: number;
  readonly font?: FontName;
  readonly colour?: string;
  readonly align?: 'left' | 'right';
}

type StructureElement = ReturnType<PDFKit.PDFDocument['struct']>;

export interface PdfPages {
  readonly doc: PDFKit.PDFDocument;
  /** Points from the top of the page where the next block begins. */
  y: number;
  /** Points left on the page. */
  room(): number;
  newPage(): void;
  /** Begins a new page where less than `height` points are left. */
  ensure(height: number): void;
  /** The lines of `text` in a box of `width` points; at least one. Long words are broken. */
  lines(text: string, width: number, style: TextStyle): readonly string[];
  /** `text` on one line of at most `width` points, cut in its middle where it is longer. */
  shortened(text: string, width: number, style: TextStyle): string;
  /** Draws a line that fits. */
  line(text: string, x: number, y: number, width: number, style: TextStyle): void;
  /** Draws what belongs to an element of the document's structure, such as `TD`. */
  tagged(element: StructureElement, type: string, draw: () => void): void;
  /** Draws what readers of the structure need not hear: lines, repeated headings. */
  artifact(draw: () => void): void;
  /** A heading or paragraph over the whole width, at the cursor. */
  block(type: 'H1' | 'H2' | 'P', text: string, style: TextStyle, after: number): void;
  /** Adds page numbers and gives the file. */
  finish(): Promise<Uint8Array>;
}

export const lineHeight = (size: number): number => size * 1.32;

export interface PdfInfo {
  /** Also at the foot of every page. */
  readonly title: string;
  readonly createdAt: Date;
  /** Whether page numbers say of how many. All pages are then held in memory until the end. */
  readonly countPages: boolean;
}

export function createPages(fonts: PdfFonts, info: PdfInfo): PdfPages {
  const doc = new PDFDocument({
    size: [pageWidth, pageHeight],
    margin,
    bufferPages: info.countPages,
    pdfVersion: '1.7',
    tagged: true,
    lang: 'en',
    displayTitle: true,
    info: { Title: info.title, Creator: 'Snaptree', Producer: 'Snaptree', CreationDate: info.createdAt },
  });
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    doc.on('end', () => {
      resolve();
    });
    doc.on('error', reject);
  });
  doc.registerFont('regular', fonts.files.regular);
  doc.registerFont('bold', fonts.files.bold);

  const set = ({ size, font = 'regular' }: TextStyle) => doc.font(font).fontSize(size);

  let pageNumber = 1;
  function drawFooter(number: string): void {
    // Below the margin, where the library would otherwise begin a new page.
    doc.page.margins.bottom = 0;
    doc.markContent('Artifact', { type: 'Pagination' });
    const style = { size: 7, colour: colours.soft } as const;
    pages.line(fonts.drawable(info.title, 'regular'), margin, pageHeight - margin + 4, innerWidth, style);
    pages.line(number, margin, pageHeight - margin + 4, innerWidth, { ...style, align: 'right' });
    doc.endMarkedContent();
  }

  const pages: PdfPages = {
    doc,
    y: margin,
    room: () => bottom - pages.y,
    newPage() {
      if (!info.countPages) drawFooter(`Page ${pageNumber}`);
      doc.addPage();
      pageNumber += 1;
      pages.y = margin;
    },
    ensure(height) {
      if (pages.room() < height && pages.y > margin) pages.newPage();
    },
    lines(text, width, style) {
      const font = style.font ?? 'regular';
      return brokenLines(fonts.drawable(text, font), width, (part) => fonts.width(part, font) * style.size);
    },
    shortened(text, width, style) {
      const font = style.font ?? 'regular';
      const whole = fonts.drawable(text, font);
      let shown = whole;
      for (let most = Array.from(whole).length; most > 1 && fonts.width(shown, font) * style.size > width;) {
        // Long ones quickly, the last characters one by one.
        most = Math.min(most - 1, Math.ceil(((most * width) / (fonts.width(shown, font) * style.size)) * 1.1));
        shown = cutInTheMiddle(whole, most);
      }
      return shown;
    },
    line(text, x, y, width, style) {
      set(style).fillColor(style.colour ?? colours.text);
      let at = style.align === 'right' ? x + width - doc.widthOfString(text) : x;
      for (const run of directionRuns(text)) {
        doc.text(run, at, y, { lineBreak: false });
        at += doc.widthOfString(run);
      }
    },
    tagged(element, type, draw) {
      element.add(doc.markStructureContent(type));
      draw();
      doc.endMarkedContent();
    },
    artifact(draw) {
      doc.markContent('Artifact', { type: 'Layout' });
      draw();
      doc.endMarkedContent();
    },
    block(type, text, style, after) {
      const element = doc.struct(type);
      doc.addStructure(element);
      for (const part of pages.lines(text, innerWidth, style)) {
        pages.ensure(lineHeight(style.size));
        pages.tagged(element, type, () => {
          pages.line(part, margin, pages.y, innerWidth, style);
        });
        pages.y += lineHeight(style.size);
      }
      element.end();
      pages.y += after;
    },
    async finish() {
      if (!info.countPages) drawFooter(`Page ${pageNumber}`);
      else {
        for (let index = 0; index < pageNumber; index += 1) {
          doc.switchToPage(index);
          drawFooter(`Page ${index + 1} of ${pageNumber}`);
        }
      }
      doc.end();
      await ended;
      return Buffer.concat(chunks);
    },
  };
  return pages;
}

/**
 * What is written from the right, and what is not. The font library turns a word around as a whole where any of it is
 * Hebrew or Arabic; on its own, each run is drawn as it is read.
 */
function directionRuns(text: string): readonly string[] {
  return text.split(/([\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+)/).filter((run) => run !== '');
}

/** Breaks at spaces, or where a word alone is too wide, within it. Joined, the lines are the text again. */
function brokenLines(text: string, width: number, measure: (text: string) => number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/[^ ]+ *| +/g) ?? []) {
    if (measure((line + word).trimEnd()) <= width) {
      line += word;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (measure(line.trimEnd()) > width) {
      const fitting = longestFitting(line, width, measure);
      lines.push(fitting);
      line = line.slice(fitting.length);
    }
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** The longest beginning that fits, of at least one character; a path is rather broken after a slash or dash. */
function longestFitting(text: string, width: number, measure: (text: string) => number): string {
  const characters = Array.from(text);
  let low = 1;
  let high = Math.min(characters.length, 400);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (measure(characters.slice(0, middle).join('')) <= width) low = middle;
    else high = middle - 1;
  }
  const fitting = characters.slice(0, low).join('');
  const natural = /^.*[/\-_.,:]/su.exec(fitting)?.[0] ?? '';
  return natural.length > fitting.length / 2 && natural.length < text.length ? natural : fitting;
}
