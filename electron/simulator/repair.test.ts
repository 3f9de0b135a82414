/** Repairs of records and chains on a simulated host: the same tests that real hosts must pass. */
import { vi } from 'vitest';
import { readRecordFiles } from '../hypervisors/libvirt/read/record-files.ts';
import { repairSuite } from '../hypervisors/libvirt/plan/repair/plan-repair.fixtures.ts';
import { simulatedOneDiskHost } from './libvirt-under-test.fixtures.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const host = simulatedOneDiskHost(createSimulatedTestbed(), 'snaptree-repair');

repairSuite({
  ...host,
  lacksWaiting: true,
  readRecordFiles: (vmUuid, folder) => readRecordFiles(host.runner(), vmUuid, folder),
  run: (argv) => host.planned.run(argv),
});
