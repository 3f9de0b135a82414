/** Merges that are told how to go on, on a simulated host: the same tests that real hosts must pass. */
import { expect, vi } from 'vitest';
import { ApplicationUnderTest } from '../application/application-under-test.fixtures.ts';
import { mergeControlSuite } from '../application/merge-control.fixtures.ts';
import { addVm, imageHolds, removeVm, snapshot, uuidFor, writeDisk } from './furnish.ts';
import { vmOf } from './libvirt/world.ts';
import { createSimulatedTestbed } from './simulated-testbed.fixtures.ts';

// The interpreter takes its time where other tests run beside it.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const mebibyte = 1024 ** 2;
// That a merge does not catch up is known after twenty seconds.
const testbed = createSimulatedTestbed(10);
const { machine } = testbed;
const name = 'snaptree-merge-control';
const uuid = uuidFor(machine, name);
const folder = `/var/lib/libvirt/images/${name}`;
const base = `${folder}/vda.qcow2`;
const overlay = `${folder}/sn1.qcow2`;
const others = { start: 200 * mebibyte, end: 216 * mebibyte, byte: 0xee };
/** 60 MiB a second, round and round over 8 MiB. */
const writes = { target: 'vda', start: mebibyte, bytes: 8 * mebibyte, bytesPerSecond: 60 * mebibyte };

mergeControlSuite({
  printsAtOnce: false,
  up: () => Promise.resolve(),
  down: () => Promise.resolve(),
  open: () =>
    ApplicationUnderTest.openOn(testbed.settings, {
      shell: 'commandLine',
      connectSimulated: testbed.connectSimulated,
    }),
  createVirtualMachine() {
    const disks = [{ target: 'vda', path: base, virtualBytes: 1024 * mebibyte }];
    addVm(machine, { name, uuid, disks, running: true, writes: [writes] });
    snapshot(machine, uuid, 'sn1', { diskOnly: true, disks: [{ target: 'vda', kind: 'external', file: overlay }] });
    writeDisk(machine, uuid, 'vda', others);
    return Promise.resolve({ uuid, folder, base, overlay });
  },
  deleteVirtualMachine() {
    removeVm(machine, uuid, folder);
    return Promise.resolve();
  },
  virsh: (argv) => testbed.virsh(argv),
  activeImage: (vm) => testbed.activeImage(vm, 'vda'),
  async expectAllWrites(_vm, image) {
    await testbed.virsh(['suspend', uuid]);
    const all = vmOf(machine.world, uuid).live?.wrote.seconds ?? 0;
    await testbed.virsh(['destroy', uuid]);
    expect(imageHolds(machine, image, others)).toBe(true);
    // The round that it is in, up to where it is, and the one before from there on.
    const end = Math.floor(all * writes.bytesPerSecond);
    const round = Math.floor(end / writes.bytes);
    const middle = writes.start + (end % writes.bytes);
    const byte = (number: number) => 0x80 + (number % 0x40);
    expect(round).toBeGreaterThan(0);
    expect(imageHolds(machine, image, { start: writes.start, end: middle, byte: byte(round) })).toBe(true);
    const rest = { start: middle, end: writes.start + writes.bytes, byte: byte(round - 1) };
    expect(imageHolds(machine, image, rest)).toBe(true);
  },
  killStep() {
    machine.processes.killDetached(({ words }) => words.includes('snaptree-merge'));
    return Promise.resolve();
  },
});
