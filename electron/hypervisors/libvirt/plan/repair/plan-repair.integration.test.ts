/** Repairs of records and chains, on every version. */
import { vi } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { oneDiskHost } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { createLocalRunner } from '../../../../hosts/commands/local-runner.fixtures.ts';
import { readRecordFiles } from '../../read/record-files.ts';
import { repairSuite } from './plan-repair.fixtures.ts';

vi.setConfig({ testTimeout: 120_000 });

onEachLibvirt(
  (version) => {
    const host = oneDiskHost(version, 'snaptree-repair');
    repairSuite({
      ...host,
      readRecordFiles: (vmUuid, folder) =>
        readRecordFiles(createLocalRunner(testbed.placeOf(version).root), vmUuid, folder),
      run: (argv) => host.planned.run(argv),
    });
  },
  { sampled: { oneIn: 3 } },
);
