/**
 * What begins and ends inside a real VM that runs, noticed by the next poll: by who sees libvirt's files, and by who does
 * not. That is what another spelling of the address does here, whose files are not known.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReadableVm } from '../../../../shared/model/inventory.ts';
import { jobsOf } from '../../../../shared/rules/inventory/jobs.ts';
import { onEachLibvirt } from '../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import { createLibvirtDriver } from '../index.ts';
import { vmOf } from '../read/reading.fixtures.ts';

onEachLibvirt(suite, { about: 'polls of VMs that run, libvirt', sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-polls-running', disks: [{ target: 'vda' }], running: true, version };
  const inner = createLocalRunner(testbed.placeOf(version).root);
  let scripts: string[] = [];
  const runner: CommandRunner = {
    ...inner,
    runScript(script) {
      scripts.push(script.script);
      return inner.runScript(script);
    },
  };
  const observers = ['qemu:///system', 'qemu+unix:///system'].map((uri) => {
    const driver = createLibvirtDriver(uri);
    return { uri, driver, memory: driver.createMemory() };
  });
  let vm: testbed.VirtualMachine;

  /** What each of the two says when it polls. */
  function poll(): Promise<readonly { vm: ReadableVm; hasChanged: boolean }[]> {
    return Promise.all(
      observers.map(async ({ driver, memory }) => {
        const { inventory, hasChanged } = await driver.poll(runner, memory, {});
        return { vm: vmOf(inventory, vm.uuid), hasChanged };
      }),
    );
  }
  /** Polls until nothing is left to be noticed of what happened before. */
  async function settle(): Promise<void> {
    await poll();
    scripts = [];
    expect((await poll()).map(({ hasChanged }) => hasChanged)).toEqual([false, false]);
    expect(scripts.filter((script) => script.includes('awk_records'))).toEqual([]);
  }
  const jobs = async () => (await poll()).map((told) => jobsOf(told.vm).map(({ message }) => message));

  beforeAll(async () => {
    await testbed.up();
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
    await testbed.writeGuestDisk(vm, 'vda', 0xa1, 4 * 1024 ** 2);
    for (const { driver, memory } of observers) await driver.read(runner, { priority: 'user', memory });
  });
  afterAll(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  // Last of all what leaves the VM off.
  for (const name of testbed.jobNames) {
    const obstacle = testbed.obstacleToJob(name, version);
    it.skipIf(obstacle !== null)(
      `${name}: its beginning and its end${obstacle === null ? '' : ` (${obstacle})`}`,
      async () => {
        const end = await testbed.beginJob(vm, name, settle);
        try {
          for (const [first] of await jobs()) expect(first).toMatch(testbed.jobs[name]);
        } finally {
          await end();
        }
        expect(await jobs()).toEqual([[], []]);
        await settle();
      },
    );
  }

  it('another medium, and a disk that is plugged in', async () => {
    const media = ['first.iso', 'second.iso'].map((file) => `${vm.folder}/${file}`);
    for (const medium of media) await testbed.createImage(medium, 'raw', 1024 ** 2);
    const [first = '', second = ''] = media;
    const drive = ['hdc', '--type', 'cdrom', '--mode', 'readonly', '--config'];
    await testbed.virsh(['attach-disk', vm.uuid, first, ...drive], { version });
    await testbed.virsh(['start', vm.uuid], { version });
    await settle();
    await testbed.virsh(['change-media', vm.uuid, 'hdc', second, '--update', '--live'], { version });
    for (const told of await poll()) expect(told.vm.disks.map(({ source }) => source)).toContain(second);
    const image = `${vm.folder}/plugged.qcow2`;
    await testbed.createImage(image, 'qcow2', 1024 ** 2);
    await settle();
    await testbed.virsh(['attach-disk', vm.uuid, image, 'vdb', '--live', '--subdriver=qcow2'], { version });
    for (const told of await poll()) expect(told.vm.disks.map(({ source }) => source)).toContain(image);
    await settle();
  });
}
