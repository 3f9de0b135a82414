/**
 * Makes large plain data small. What is cut out of the output of a host keeps all of that output in memory for as long as
 * the shortest piece of it lives (V8 slices strings instead of copying them), and says the same thousands of times over.
 */
import { isFields } from '../../shared/rules/inventory/structural-sharing.ts';

/** V8 copies strings that are shorter. */
const shortestSlice = 13;

/** Whether strings are to be copied out of what they may be cut from, or are known to stand on their own. */
export type Strings = 'cut' | 'own';

/**
 * A function that gives a value that equals the one it is given, made of strings of their own, in which all plain objects and
 * arrays that are equal are one and the same object; what it was given before counts. Maps and sets in it are new ones. For
 * data that is replaced and never changed in place. The function keeps everything that it gave: let go of it soon.
 */
export function createInterner(text: Strings): <Value>(value: Value) => Value {
  /** Each with its number. */
  const strings = new Map<string, readonly [own: string, number: number]>();
  /** By what they consist of. */
  const parts = new Map<string, object>();
  const numbers = new Map<object, number>();
  let last = 0;

  function ownString(given: string, isCut: boolean): readonly [own: string, number: number] {
    const known = strings.get(given);
    if (known) return known;
    last += 1;
    // The JSON parser makes strings of their own, whatever is in them.
    const own = isCut && given.length >= shortestSlice ? (JSON.parse(JSON.stringify(given)) as string) : given;
    const entry = [own, last] as const;
    strings.set(own, entry);
    return entry;
  }

  /** What stands for something, interned already, in the description of what it is part of. */
  function sign(value: unknown): string {
    if (typeof value === 'string') return String(ownString(value, false)[1]);
    if (typeof value === 'object' && value !== null) return `#${numbers.get(value) ?? newNumber(value)}`;
    return `=${typeof value}${String(value)}`;
  }

  function newNumber(value: object): number {
    last += 1;
    numbers.set(value, last);
    return last;
  }

  function one(description: string, value: object): object {
    const known = parts.get(description);
    if (known) return known;
    parts.set(description, value);
    newNumber(value);
    return value;
  }

  function interned(value: unknown): unknown {
    if (typeof value === 'string') return ownString(value, text === 'cut')[0];
    if (typeof value !== 'object' || value === null || numbers.has(value)) return value;
    if (Array.isArray(value)) {
      const items = (value as readonly unknown[]).map(interned);
      return one(`[${items.map(sign).join()}`, items);
    }
    if (value instanceof Map) return new Map([...value].map(([key, each]) => [interned(key), interned(each)]));
    if (value instanceof Set) return new Set([...value].map(interned));
    return isFields(value) ? internedFields(value) : value;
  }

  function internedFields(value: object): object {
    // A copy has its parts in place, which an object that is put together has not.
    const copy: Record<string, unknown> = { ...value };
    let description = '{';
    for (const name of Object.keys(copy)) {
      const part = interned(copy[name]);
      copy[name] = part;
      description += `${sign(name)}:${sign(part)},`;
    }
    return one(description, copy);
  }

  // What equals a value in all its parts is of its type.
  return <Value>(value: Value) => interned(value) as Value;
}
