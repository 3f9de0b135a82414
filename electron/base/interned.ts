/**
 * Makes large plain data small. What is cut out of the output of a host keeps all of that output in memory for as long as
 * the shortest piece of it lives (V8 slices strings instead of copying them), and says the same thousands of times over.
 */

export interface Interner {
  /**
   * A value that equals `value`, made of strings of their own, in which all plain objects and arrays that are equal are one
   * and the same object. Maps and sets in it are new ones. For data that is replaced and never changed in place.
   */
  intern<Value>(value: Value): Value;
  /** Takes note of what a value that was interned before is made of, so that equal parts become those. */
  adopt(value: unknown): void;
}

/** V8 copies strings that are shorter. */
const shortestSlice = 13;

/** An interner that knows nothing yet. It keeps everything that it was given: let go of it when the data is complete. */
export function createInterner(): Interner {
  /** What equal things are replaced by, each with its number; of strings by themselves, of others by what they consist of. */
  const strings = new Map<string, readonly [own: string, number: number]>();
  const parts = new Map<string, object>();
  const numbers = new Map<object, number>();
  let last = 0;

  function ownString(text: string, isOwn: boolean): readonly [own: string, number: number] {
    const known = strings.get(text);
    if (known) return known;
    last += 1;
    // The JSON parser makes strings of their own, whatever is in them.
    const own = isOwn || text.length < shortestSlice ? text : (JSON.parse(JSON.stringify(text)) as string);
    const entry = [own, last] as const;
    strings.set(own, entry);
    return entry;
  }

  /** What stands for a value that was interned, in the description of what it is part of. */
  function sign(value: unknown, isOwn: boolean): string {
    if (typeof value === 'string') return String(ownString(value, isOwn)[1]);
    if (typeof value === 'object' && value !== null) return `#${numbers.get(value) ?? newNumber(value)}`;
    return `=${typeof value}${String(value)}`;
  }

  function newNumber(value: object): number {
    last += 1;
    numbers.set(value, last);
    return last;
  }

  function descriptionOf(value: object, isOwn: boolean): string {
    let text = Array.isArray(value) ? '[' : '{';
    for (const [name, part] of Object.entries(value)) {
      if (!Array.isArray(value)) text += `${sign(name, true)}:`;
      text += `${sign(part, isOwn)},`;
    }
    return text;
  }

  function one(value: object, isOwn: boolean): object {
    const description = descriptionOf(value, isOwn);
    const known = parts.get(description);
    if (known) return known;
    parts.set(description, value);
    newNumber(value);
    return value;
  }

  function interned(value: unknown): unknown {
    if (typeof value === 'string') return ownString(value, false)[0];
    if (typeof value !== 'object' || value === null || numbers.has(value)) return value;
    if (Array.isArray(value)) return one((value as readonly unknown[]).map(interned), false);
    if (value instanceof Map) return new Map([...value].map(([key, each]) => [interned(key), interned(each)]));
    if (value instanceof Set) return new Set([...value].map(interned));
    if (!isPlain(value)) return value;
    // A copy of an object has its parts in place, which one that is put together has not.
    const copy: Record<string, unknown> = { ...value };
    for (const [name, part] of Object.entries(copy)) copy[name] = interned(part);
    return one(copy, false);
  }

  function adopt(value: unknown): void {
    if (typeof value === 'string') ownString(value, true);
    if (typeof value !== 'object' || value === null || numbers.has(value)) return;
    if (!Array.isArray(value) && !isPlain(value)) return;
    for (const part of Object.values(value)) adopt(part);
    one(value, true);
  }

  return {
    // What equals a value in all its parts is of its type.
    intern: <Value>(value: Value) => interned(value) as Value,
    adopt,
  };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
