/** A definition that names other backing images than the images record, on every version of libvirt: what the guest reads, and what is refused for it. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { writePattern } from '../../../../e2e/testbeds/disks.ts';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { inventoryOf, planOn } from '../../../../e2e/testbeds/real-plans.fixtures.ts';
import { run } from '../../../../e2e/testbeds/run.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';

const offset = 20 * 1024 ** 2;

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-rules-defined', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  let recorded: string;
  let other: string;
  let top: string;
  let overlay: string;

  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const define = (backing: string) =>
    testbed.redefineVirtualMachine(
      vm,
      (xml) => xml.replace(`<source file='${recorded}'/>`, `<source file='${top}'/>${backing}`),
      { version },
    );
  const named = (path: string) =>
    `<backingStore type='file'><format type='qcow2'/><source file='${path}'/><backingStore/></backingStore>`;
  const snapshot = () => virsh('snapshot-create-as', vm.uuid, 's1', '--disk-only', '--diskspec', `vda,file=${overlay}`);

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    recorded = vm.images['vda'] ?? '';
    [other, top, overlay] = ['other', 'top', 's1'].map((name) => join(vm.folder, `${name}.qcow2`)) as [
      string,
      string,
      string,
    ];
    await run('cp', [recorded, other]);
    await writePattern(recorded, 0x0e, offset);
    await writePattern(other, 0x0f, offset);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', recorded, '-F', 'qcow2', top]);
  });
  afterEach(() => testbed.deleteVirtualMachine(spec));

  async function refusals(): Promise<readonly (readonly string[])[]> {
    const uuid = { vmUuid: vm.uuid };
    const requests: readonly ChangeRequest[] = [
      { ...uuid, action: 'deleteSnapshot', snapshotId: 's1', withDescendants: false },
      { ...uuid, action: 'deleteSnapshot', snapshotId: 's1', withDescendants: false, direction: 'up' },
      { ...uuid, action: 'revertToSnapshot', snapshotId: 's1', saveAs: null },
      { ...uuid, action: 'pullImages', ranges: [{ target: 'vda', baseId: null }], bytesPerSecond: null },
      {
        ...{ ...uuid, action: 'commitImages', oneByOne: false, bytesPerSecond: null },
        ranges: [{ target: 'vda', topId: overlay, baseId: top }],
      },
    ];
    const plans = [];
    for (const request of requests) plans.push(await planOn(version, request));
    return plans.map((plan) => plan.refusals.map(({ code }) => code));
  }

  it.each([false, true])(
    'that names another base keeps all merges and reverts from the disk (running: %s)',
    async (runs) => {
      await define(named(other));
      await virsh('start', vm.uuid);
      await snapshot();
      if (!runs) await virsh('destroy', vm.uuid);
      expect(await refusals()).toEqual(Array(5).fill(['otherChainDefined']));
    },
  );

  it('that ends the chain above a base does so too, and the problem is told', async () => {
    await define('<backingStore/>');
    await virsh('start', vm.uuid);
    await snapshot();
    await virsh('destroy', vm.uuid);
    expect(await refusals()).toEqual(Array(5).fill(['otherChainDefined']));
    const found = (await inventoryOf(version)).vms.find(({ uuid }) => uuid === vm.uuid);
    const problems = found?.readable === true ? found.problems.map(({ message }) => message) : [];
    expect(problems).toEqual([expect.stringContaining('The definition of vda leaves out backing images')]);
  });

  it('that names what the images record stands in the way of nothing', async () => {
    await define(named(recorded));
    await virsh('start', vm.uuid);
    await snapshot();
    expect(await refusals()).toEqual(Array(5).fill([]));
    await virsh('destroy', vm.uuid);
    expect(await refusals()).toEqual(Array(5).fill([]));
  });
}
