/** A few cells of the matrix of faults, others each day. `npm run test:faults` runs all of them. */
import { describe, expect, it, vi } from 'vitest';
import { allVersions } from '../testbeds/places.ts';
import { isTooLate, isWhole, seed, tooLate } from '../testbeds/sample.ts';
import { libvirtVersions } from '../testbeds/versions.ts';
import * as testbed from '../testbeds/index.ts';
import { faultKinds, tableText } from './matrix.fixtures.ts';
import { procedures } from './procedures.fixtures.ts';
import { runMatrix } from './run-matrix.fixtures.ts';

/** On each version. */
const cells = isWhole() ? 40 : 4;

vi.setConfig({ testTimeout: 15 * 60_000 });

describe('procedures that something goes wrong with', () => {
  const there = libvirtVersions().filter(({ version, up }) => up && allVersions.includes(version));

  for (const [index, { version }] of there.entries()) {
    // Others on each of them.
    const own = seed() * 10 + index;
    it(`${cells} of them on libvirt ${version}, seed ${own}`, async (test) => {
      test.skip(isTooLate(), tooLate);
      await testbed.up();
      const { results, notJudged, failures } = await runMatrix({
        version,
        procedures,
        faults: faultKinds,
        moment: null,
        choice: null,
        seed: own,
        sample: cells,
        part: { index: 0, of: 1 },
        minutes: null,
        tell: (text) => void process.stdout.write(`${text}\n`),
      });
      process.stdout.write(
        `Of the matrix of faults, on libvirt ${version}, seed ${own}:\n${tableText(results, notJudged)}\n`,
      );
      expect(failures).toEqual([]);
    });
  }
});
