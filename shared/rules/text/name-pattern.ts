/** Whether a name is of a pattern in which `*` stands for any characters and `?` for one; everything else stands for itself. */
export function matchesPattern(name: string, pattern: string): boolean {
  const source = Array.from(pattern, (character) =>
    character === '*' ? '.*' : character === '?' ? '.' : character.replace(/[\\^$.|+()[\]{}/]/, String.raw`\$&`),
  ).join('');
  return new RegExp(`^${source}$`, 'su').test(name);
}
