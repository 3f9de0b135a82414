import { visibleLine } from '../../../shared/rules/text/visible-text.ts';

/**
 * Text that came from a host as one line that cannot act on the terminal, log or comment that it is put into, nor pass for
 * another: what is not seen in it is marked, as everywhere. What is too long is cut.
 */
export function oneLine(text: string, maximumLength = 300): string {
  // What is cut off need not be looked at; a mark makes text longer, never shorter.
  const line = visibleLine(text.trim().slice(0, maximumLength + 1));
  return line.length > maximumLength ? `${line.slice(0, maximumLength - 1)}…` : line;
}

/** As `oneLine`, for what a program printed: its line ends and columns are nothing but layout. */
export function outputLine(text: string, maximumLength = 300): string {
  return oneLine(
    text
      .trim()
      .slice(0, 4 * maximumLength)
      .replace(/\s+/g, ' '),
    maximumLength,
  );
}
