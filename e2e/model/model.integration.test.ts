/** Random procedures on real images, beside a model of which snapshot holds which pattern: another sequence each day. */
import { describe, expect, it, vi } from 'vitest';
import { libvirtVersions } from '../testbeds/versions.ts';
import { allVersions } from '../testbeds/places.ts';
import { seed } from '../testbeds/sample.ts';
import * as testbed from '../testbeds/index.ts';
import { drive, tallyText } from './drive.fixtures.ts';

/** On all versions together. `npm run test:model` makes more. */
const steps = 540;
/** Of a hundred, so many that something goes wrong with. */
const faults = 4;

vi.setConfig({ testTimeout: 15 * 60_000 });

describe('random procedures, beside a model of what they do', () => {
  const there = libvirtVersions().filter(({ version, up }) => up && allVersions.includes(version));

  for (const [index, { version }] of there.entries()) {
    const share = Math.ceil(steps / there.length);
    // Other sequences on each of them.
    const own = seed() * 10 + index;
    // They take the processors in turns: while one waits for its host, another works.
    it.concurrent(`${share} steps on libvirt ${version}, seed ${own}`, async () => {
      await testbed.up();
      const { tally, failure } = await drive({ version, steps: share, seed: own, faults });
      process.stdout.write(`Beside a model, on libvirt ${version}, seed ${own}: ${tallyText(tally)}\n`);
      expect(failure).toBeNull();
      expect(tally.steps).toBeGreaterThanOrEqual(share);
    });
  }
});
