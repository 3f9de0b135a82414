/** Starting, ending and pausing VMs, on every version. */
import { expect, it, vi } from 'vitest';
import { obeyingBootSector } from '../../../../../e2e/testbeds/boot-sector.ts';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { writeBootSector } from '../../../../../e2e/testbeds/virtual-machine.ts';
import { carryOut, plannedHost } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { powerSuite, type PowerHost } from './plan-power.fixtures.ts';

vi.setConfig({ testTimeout: 120_000 });

onEachLibvirt(
  (version) => {
    const host = realHost(version);
    powerSuite(host);

    it('does not ask a guest to shut down whose VM would not stay off', async () => {
      const vm = await host.createVirtualMachine(false);
      const restarts = (xml: string) => xml.replace('<on_poweroff>destroy<', '<on_poweroff>restart<');
      await testbed.redefineVirtualMachine(vm, restarts, { version });
      await host.virsh(['start', vm.uuid]);
      const request = { action: 'changePower', vmUuid: vm.uuid, to: 'shutdown', waitSeconds: 2 } as const;
      await expect(carryOut(version, request)).rejects.toThrow('on_poweroff: restart');
    });
  },
  { sampled: { oneIn: 3 } },
);

function realHost(version: testbed.LibvirtVersion): PowerHost {
  const spec = { name: 'snaptree-power', disks: [{ target: 'vda' }], version };
  const offset = 4 * 1024 ** 2;
  const made = new Map<string, testbed.VirtualMachine>();
  const instanceOn = (backing: string) => ({
    name: 'snaptree-power-instance',
    disks: [{ target: 'vda', backing }],
    version,
  });
  const madeBefore = ({ uuid }: { readonly uuid: string }): testbed.VirtualMachine => {
    const vm = made.get(uuid);
    if (!vm) throw new Error(`There is no VM ${uuid}.`);
    return vm;
  };
  const kept = (vm: testbed.VirtualMachine) => {
    made.set(vm.uuid, vm);
    return vm;
  };
  return {
    planned: plannedHost(version),
    up: () => testbed.up(),
    async createVirtualMachine(obeys) {
      const vm = await testbed.createVirtualMachine(spec);
      if (obeys) await writeBootSector(vm.images['vda'] ?? '', 'qcow2', obeyingBootSector());
      return kept(vm);
    },
    async createInstanceOf({ images }) {
      return kept(await testbed.createVirtualMachine(instanceOn(images['vda'] ?? '')));
    },
    async deleteVirtualMachines() {
      for (const each of [instanceOn(''), spec]) await testbed.deleteVirtualMachine(each);
    },
    virsh: (argv) => testbed.virsh(argv, { version }),
    write: (vm, byte) => testbed.writeGuestDisk(madeBefore(vm), 'vda', byte, offset),
    holds: (vm, byte) => testbed.guestDiskHasPattern(madeBefore(vm), 'vda', byte, offset),
    readSerialCounts: (vm) => testbed.readSerialCounts(madeBefore(vm)),
  };
}
