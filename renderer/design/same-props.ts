/**
 * Whether a component would be told the same again, for `memo`: with each reading of a host all data is made anew, and
 * most of it says what it said before. Data are compared by what they say, functions by being the same one.
 */
export function areSameProps<Props extends object>(before: Props, after: Props): boolean {
  const keys = Object.keys(after) as (keyof Props)[];
  return keys.length === Object.keys(before).length && keys.every((key) => isSame(before[key], after[key]));
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b);
}
