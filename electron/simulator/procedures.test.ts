/** The first procedures on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { proceduresSuite } from '../application/procedures.fixtures.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();

proceduresSuite({
  ...testbed,
  up: () => Promise.resolve(testbed.settings),
  down: () => Promise.resolve(),
});
