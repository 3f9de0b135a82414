import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The absolute path of `path`, which is relative to the repository. */
export function inRepository(path: string): string {
  return `${root}${path === '.' ? '' : path}`;
}
