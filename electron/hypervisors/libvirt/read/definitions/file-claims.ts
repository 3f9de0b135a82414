/** Who names which files: the testimonies of a VM's definitions and records, each once. Pure. */
import { sourceKey, type NamedFile } from './named-files.ts';

/** What names a file: the definition by which the VM runs (or that it has), that of its next start, saved memory, a record. */
export type Testimony = 'definition' | 'nextStart' | 'savedMemory' | 'snapshot';

export interface FileClaim extends NamedFile {
  readonly by: Testimony;
  /** Of a record: the first snapshot that names it so; null otherwise. */
  readonly snapshotName: string | null;
}

/**
 * Gathers claims. Thousands of snapshots name the same few files in the same words: each of these is kept once, and the XML
 * in which it stood is not.
 */
export class FileClaims {
  readonly #claims = new Map<string, FileClaim>();

  add(by: Testimony, files: readonly NamedFile[], snapshotName: string | null = null): void {
    for (const { use, source, place, format } of files) {
      const key = JSON.stringify([by, use, place, format, sourceKey(source)]);
      // Written out, since what is spread into an object takes half as much memory again.
      if (!this.#claims.has(key)) this.#claims.set(key, { use, source, place, format, by, snapshotName });
    }
  }

  all(): readonly FileClaim[] {
    return [...this.#claims.values()];
  }
}
