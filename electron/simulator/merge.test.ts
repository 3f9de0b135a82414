/** Merging images on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { mergeSuite } from '../application/merge.fixtures.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();

mergeSuite({
  ...testbed,
  up: () => Promise.resolve(testbed.settings),
  down: () => Promise.resolve(),
  createImage: (path, _virtualBytes, backing) => testbed.createImage(path, backing),
  exists: (path) => testbed.machine.files.fileAt(path) !== null,
  killStep() {
    testbed.machine.processes.killDetached();
    return Promise.resolve();
  },
});
