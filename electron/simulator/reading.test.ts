/** The reading of a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { readingSuite } from '../hypervisors/libvirt/read/reading.fixtures.ts';
import { simulatedReadingHost } from './libvirt-under-test.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

readingSuite(simulatedReadingHost());
