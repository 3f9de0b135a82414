/** Text for HTML. Nothing reaches the page but through `escaped`. */
import { visibleString, visibleText } from '../../shared/rules/text/visible-text.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** `text` as HTML text or as a quoted attribute, with words for what could not be seen. */
export function escaped(text: string): string {
  return encoded(visibleString(text));
}

function encoded(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** `text` from a host, whose direction must not reach what stands beside it. */
export function isolated(text: string): string {
  const segments = visibleText(text).map((segment) =>
    segment.mark === null ? encoded(segment.text) : `<span class="unseen">[${encoded(segment.mark)}]</span>`,
  );
  return `<bdi>${segments.join('')}</bdi>`;
}
