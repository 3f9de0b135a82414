/**
 * Text that came from a host as one line that cannot act on the terminal, log or comment that it is put into: control
 * characters, line separators and invisible formatting characters become spaces, and what is too long is cut.
 */
export function oneLine(text: string, maximumLength = 300): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > maximumLength ? `${line.slice(0, maximumLength - 1)}…` : line;
}
