/** Starting, ending and pausing VMs, on every version. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { obeyingBootSector, writingBootSector } from '../../../../../e2e/testbeds/boot-sector.ts';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { run } from '../../../../../e2e/testbeds/run.ts';
import { writeBootSector } from '../../../../../e2e/testbeds/virtual-machine.ts';
import { carryOut, plannedHost, planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
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

    it('says of a guest whose storage is full what it needs, and lets it go on once that is there', async () => {
      const folder = join(testbed.placeOf(version).images, full.name);
      const spec = { ...full, version };
      await testbed.deleteVirtualMachine(spec);
      mkdirSync(folder, { recursive: true });
      await run('mount', ['-t', 'tmpfs', '-o', 'size=20M', 'tmpfs', folder]);
      const vm = await testbed.createVirtualMachine(spec);
      try {
        await writeBootSector(vm.images['vda'] ?? '', 'qcow2', writingBootSector(8));
        const request = { action: 'changePower', vmUuid: vm.uuid, to: 'resume' } as const;
        const state = async () => (await host.virsh(['domstate', '--reason', vm.uuid])).stdout.trim();
        await host.virsh(['start', vm.uuid]);
        await testbed.waitUntil('the storage to be full', async () => (await state()) === 'paused (I/O error)', 60_000);
        const { refusals, warnings } = await planOn(version, request);
        expect([refusals, warnings.map(({ code }) => code)]).toEqual([[], ['pausedByError']]);
        expect(warnings[0]?.message).toMatch(/snaptree-power-full has \d+ KiB free now/);
        await run('mount', ['-o', 'remount,size=300M', folder]);
        await carryOut(version, request);
        expect(await state()).toBe('running (unpaused)');
      } finally {
        await testbed.virsh(['destroy', vm.uuid], { version, expect: [0, 1] });
        await run('umount', [folder]);
        await testbed.deleteVirtualMachine(spec);
      }
    });
  },
  { sampled: { oneIn: 3 } },
);

const full = { name: 'snaptree-power-full', disks: [{ target: 'vda' }] };

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
