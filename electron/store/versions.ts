/**
 * What is on disk outlives the version that wrote it. Each kind of file has a version and a list of migrations, and the
 * corpus (corpus/README.md) holds files that each version really wrote.
 */

/**
 * From what one version wrote to what the next would have written, over data of which only that version's shape is known.
 * Pure. Throws an `Error` with the reason where they are not of that shape.
 */
export type Migration = (content: unknown) => unknown;

/** The version that files have after all migrations: the first never needed one. */
export function versionAfter(migrations: readonly Migration[]): number {
  return migrations.length + 1;
}

/** Content of `version`, which is a known one, as the present version would have written it. Throws what a migration throws. */
export function migrate(content: unknown, version: number, migrations: readonly Migration[]): unknown {
  return migrations.slice(version - 1).reduce((before, migration) => migration(before), content);
}

/** An object to migrate. Throws for anything else. */
export function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error(`${what} is not an object`);
}

/** A list to migrate. Throws for anything else. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error(`${what} is not a list`);
}
