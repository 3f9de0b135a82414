/** Describing and renaming snapshots, on every version. */
import { vi } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { oneDiskHost } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { recordsSuite } from './plan-records.fixtures.ts';

vi.setConfig({ testTimeout: 120_000 });

onEachLibvirt(
  (version) => {
    recordsSuite({
      ...oneDiskHost(version, 'snaptree-records'),
      virshWithXml: (argv, xml) => testbed.virshWithXml(argv, xml, [], { version }),
    });
  },
  { sampled: { oneIn: 3 } },
);
