/** Suites of vitest on the real libvirts of the testbed. Not part of index.ts: Playwright's specs use that as well. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import type { LibvirtVersion } from './places.ts';
import { isTooLate, isWhole, notToday, seed, tooLate } from './sample.ts';
import { libvirtVersions } from './versions.ts';

interface Choice {
  /** Every version where it is left out. */
  readonly only?: LibvirtVersion;
  /**
   * A long suite: it runs on one version, another each day and not the same for every suite, and on every version where the
   * variable SNAPTREE_ALL is set (`npm run test:integration:all`). The number of the day is the seed; SNAPTREE_SEED names another.
   *
   * `oneIn`: of such a suite about one test in so many. Each has its turn on each version.
   */
  readonly sampled?: true | { readonly oneIn: number };
  /** In front of the version. */
  readonly about?: string;
}

/** A number that a text always gives, and others hardly. */
const numberOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE();

function isInSample(version: LibvirtVersion): boolean {
  if (isWhole()) return true;
  const versions = libvirtVersions().filter(({ up }) => up);
  const file = numberOf(basename(expect.getState().testPath ?? ''));
  return versions[(seed() + file) % Math.max(1, versions.length)]?.version === version;
}

/** Which of the tests are on changes when each version had its day. */
function hasTurn(title: string, oneIn: number): boolean {
  const round = Math.floor(seed() / Math.max(1, libvirtVersions().length));
  return isWhole() || (round + numberOf(title)) % oneIn === 0;
}

/** A suite for each version of libvirt. One that is not up is skipped, and its title says why. */
export function onEachLibvirt(
  suite: (version: LibvirtVersion) => void,
  { only, about = 'libvirt', sampled }: Choice = {},
): void {
  for (const { version, up, reason } of libvirtVersions()) {
    if (only !== undefined && version !== only) continue;
    const isLeftOut = sampled !== undefined && !isInSample(version);
    const why = up && isLeftOut ? notToday() : reason;
    describe.skipIf(!up || isLeftOut)(`${about} ${version}${why === '' ? '' : ` (${why})`}`, () => {
      if (sampled !== undefined) {
        beforeEach((test) => {
          test.skip(sampled !== true && !hasTurn(test.task.name, sampled.oneIn), notToday());
          test.skip(isTooLate(), tooLate);
        });
      }
      suite(version);
    });
  }
}
