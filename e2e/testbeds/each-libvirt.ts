/** Suites of vitest on the real libvirts of the testbed. Not part of index.ts: Playwright's specs use that as well. */
import { describe, it } from 'vitest';
import type { LibvirtVersion } from './places.ts';
import { isWhole, notToday, seed, todaysSample } from './sample.ts';
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

function isInSample(version: LibvirtVersion): boolean {
  if (isWhole()) return true;
  const versions = libvirtVersions().filter(({ up }) => up);
  return versions[seed() % Math.max(1, versions.length)]?.version === version;
}

/** A suite for each version of libvirt. One that is not up is skipped, and its title says why. */
export function onEachLibvirt(
  suite: (version: LibvirtVersion) => void,
  { only, about = 'libvirt', sampled }: Choice = {},
): void {
  for (const { version, up, reason } of libvirtVersions()) {
    if (only !== undefined && version !== only) continue;
    const isLeftOut = sampled === true && !isInSample(version);
    const why = up && isLeftOut ? notToday() : reason;
    describe.skipIf(!up || isLeftOut)(`${about} ${version}${why === '' ? '' : ` (${why})`}`, () => {
      suite(version);
    });
  }
}

/** Declares the tests of a long suite, one after the other: as many of them as `count` run, others each day; the rest is skipped and says why. */
export function sampledTests(total: number, count: number): (title: string, run: () => Promise<void>) => void {
  const today = todaysSample([...Array(total).keys()], count);
  let index = 0;
  return (title, run) => {
    if (index >= total) throw new Error(`There are more than ${total} tests, and not all would ever run.`);
    if (today.includes(index)) it(title, run);
    else it.skip(`${title} (${notToday()})`, run);
    index += 1;
  };
}
