/** Suites of vitest on the real libvirts of the testbed. Not part of index.ts: Playwright's specs use that as well. */
import { describe } from 'vitest';
import type { LibvirtVersion } from './places.ts';
import { libvirtVersions } from './versions.ts';

interface Choice {
  /** Every version where it is left out. */
  readonly only?: LibvirtVersion;
  /** In front of the version. */
  readonly about?: string;
}

/** A suite for each version of libvirt. One that is not up is skipped, and its title says why. */
export function onEachLibvirt(
  suite: (version: LibvirtVersion) => void,
  { only, about = 'libvirt' }: Choice = {},
): void {
  for (const { version, up, reason } of libvirtVersions()) {
    if (only !== undefined && version !== only) continue;
    describe.skipIf(!up)(`${about} ${version}${reason === '' ? '' : ` (${reason})`}`, () => {
      suite(version);
    });
  }
}
