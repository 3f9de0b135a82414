import { readFileSync } from 'node:fs';
import { inRepository } from './paths.ts';

/** The names of the packages that the product needs when it runs: `dependencies` of package.json. */
export function productDependencies(): string[] {
  const manifest: unknown = JSON.parse(readFileSync(inRepository('package.json'), 'utf8'));
  if (typeof manifest !== 'object' || manifest === null || !('dependencies' in manifest)) return [];
  return typeof manifest.dependencies === 'object' && manifest.dependencies !== null
    ? Object.keys(manifest.dependencies)
    : [];
}
