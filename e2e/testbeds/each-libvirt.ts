/** Suites of vitest on the real libvirts of the testbed. Not part of index.ts: Playwright's specs use that as well. */
import { describe } from 'vitest';
import type { LibvirtVersion } from './places.ts';
import { libvirtVersions } from './versions.ts';

interface Choice {
  /** Every version where it is left out. */
  readonly only?: LibvirtVersion;
  /**
   * A long suite: it runs on one version, another each day, and on every version where the variable SNAPTREE_ALL is set
   * (`npm run test:integration:all`). The number of the day is the seed; SNAPTREE_SEED names another.
   */
  readonly sampled?: true;
  /** In front of the version. */
  readonly about?: string;
}

function seed(): number {
  const given = Number(process.env['SNAPTREE_SEED'] ?? '');
  return Number.isSafeInteger(given) && given > 0 ? given : Math.floor(Date.now() / 86_400_000);
}

function isInSample(version: LibvirtVersion): boolean {
  if (process.env['SNAPTREE_ALL'] !== undefined) return true;
  const versions = libvirtVersions().filter(({ up }) => up);
  return versions[seed() % Math.max(1, versions.length)]?.version === version;
}

/**
 * Of a long list of cases as many as take little time, others each day; all of them where the variable SNAPTREE_ALL is set.
 * The steps through the list have no common divisor with its length, so that every case has its day.
 */
export function todaysSample<Case>(cases: readonly Case[], count: number): readonly Case[] {
  if (process.env['SNAPTREE_ALL'] !== undefined || cases.length <= count) return cases;
  return Array.from({ length: count }, (_, index) =>
    cases.at(((seed() * count + index) * stride(cases.length)) % cases.length),
  ).filter((each) => each !== undefined);
}

/** About five eighths of a length: neighbours in the list, which are alike, come on different days. */
function stride(length: number): number {
  let found = Math.max(1, Math.floor(length * 0.618));
  while (greatestDivisor(found, length) !== 1) found += 1;
  return found;
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/** A suite for each version of libvirt. One that is not up is skipped, and its title says why. */
export function onEachLibvirt(
  suite: (version: LibvirtVersion) => void,
  { only, about = 'libvirt', sampled }: Choice = {},
): void {
  for (const { version, up, reason } of libvirtVersions()) {
    if (only !== undefined && version !== only) continue;
    const isLeftOut = sampled === true && !isInSample(version);
    const why = up && isLeftOut ? `not in today's sample, seed ${seed()}: SNAPTREE_ALL=1 runs it` : reason;
    describe.skipIf(!up || isLeftOut)(`${about} ${version}${why === '' ? '' : ` (${why})`}`, () => {
      suite(version);
    });
  }
}
