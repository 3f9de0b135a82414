/** What Snaptree reads of the testbed's VMs on a real libvirt 9.0 and on the simulated one is the same. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as testbed from '../../e2e/testbeds/index.ts';
import { ownVersion } from '../../e2e/testbeds/places.ts';
import { inventorySchema, type Inventory } from '../../shared/model/inventory.ts';
import { createLocalRunner } from '../hosts/commands/local-runner.fixtures.ts';
import { readLibvirt } from '../hypervisors/libvirt/read/read.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import { simulatedReadingHost } from './libvirt-under-test.fixtures.ts';
import { plain, whatIsRead, type ScenarioVm } from './scenarios.fixtures.ts';

const names = testbed.fixtures.map(({ spec }) => spec.name);
const simulated = simulatedReadingHost();

/** Without why it is in its state, which is how it came there, and with one name for the image that VMs share. */
function shown(inventory: Inventory, vm: ScenarioVm, thinBase: string): unknown {
  const text = plain(JSON.stringify(whatIsRead(inventory, vm)), vm).replaceAll(thinBase, 'THIN BASE');
  return { ...(JSON.parse(text) as object), reason: '' };
}

describe.skipIf(ownVersion() !== '9.0')('the testbed’s VMs', () => {
  let real: Inventory;
  let demo: Inventory;
  const read = async (runner: CommandRunner) =>
    inventorySchema.parse(await readLibvirt(runner, 'qemu:///system', { priority: 'user' }));

  beforeAll(async () => {
    await testbed.up();
    // Others may have changed them; what they are meant to be is compared.
    for (const name of ['snaptree-tree', 'snaptree-external', 'snaptree-mixed'])
      await testbed.resetVirtualMachine(name);
    await simulated.up();
    real = await read(createLocalRunner());
    demo = await read(simulated.runner());
    return () => simulated.down();
  });

  it('are the same ones', () => {
    expect(simulated.fixtures.names).toEqual(names);
  });

  it.for(names)('are read alike: %s', (name) => {
    const expected = shown(real, testbed.fixtureVirtualMachine(name), testbed.thinBase);
    expect(shown(demo, simulated.fixture(name), simulated.fixtures.thinBase())).toEqual(expected);
  });
});
