/** Describing and renaming snapshots on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { recordsSuite } from '../hypervisors/libvirt/plan/records/plan-records.fixtures.ts';
import { simulatedOneDiskHost } from './libvirt-under-test.fixtures.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const testbed = createSimulatedTestbed();

recordsSuite({
  ...simulatedOneDiskHost(testbed, 'snaptree-records'),
  virshWithXml: (argv, xml) => testbed.virshWithXml(argv, xml),
});
