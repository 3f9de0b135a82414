/** Names for a sentence that stays one however many there are: `a, b, c, d, e and 3 more`. */
export function firstOf(names: readonly string[], most = 5): string {
  const more = names.length - most;
  return `${names.slice(0, most).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
