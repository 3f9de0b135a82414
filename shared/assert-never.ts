/** Marks a place that cannot be reached while every case of a union is handled; the compiler proves it. */
export function assertNever(value: never): never {
  throw new Error(`Unhandled case: ${JSON.stringify(value)}`);
}
