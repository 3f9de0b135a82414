/** Saving the present state before a revert, on every version: what is kept, and what would be lost otherwise. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';
import { run } from '../../../../../e2e/testbeds/run.ts';

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-save-first', disks: [{ target: 'vda' }], version };
  const offset = 4 * 1024 ** 2;
  let vm: testbed.VirtualMachine;

  const virsh = (argv: readonly string[]) => testbed.virsh(argv, { version });
  const plan = (snapshotId: string, saveAs: string | null) =>
    planOn(version, { action: 'revertToSnapshot', vmUuid: vm.uuid, snapshotId, saveAs });
  const hasPattern = (byte: number) => testbed.guestDiskHasPattern(vm, 'vda', byte, offset);
  /** What follows `virsh -c URI`. */
  const command = (argv: readonly string[] | undefined): readonly string[] => (argv ?? []).slice(3);

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it('ends the guest as it saves it, goes back, and can return to where it was, running', async () => {
    await virsh(['start', vm.uuid]);
    await testbed.writeGuestDisk(vm, 'vda', 0x11, offset);
    await virsh(['snapshot-create-as', vm.uuid, '--name=one']);
    await testbed.writeGuestDisk(vm, 'vda', 0x22, offset);
    const { refusals, steps } = await plan('one', 'kept');
    expect(refusals).toEqual([]);
    const [save, revert] = steps.filter(({ group }) => group === 'revert');
    await virsh(command(save?.argv));
    // Nothing can be written now that neither state would hold.
    expect(await testbed.stateOf(vm.uuid, version)).toBe('shut off');
    await virsh(command(revert?.argv));
    expect(await testbed.stateOf(vm.uuid, version)).toBe('running');
    expect(await hasPattern(0x11)).toBe(true);
    await virsh(['snapshot-revert', vm.uuid, '--snapshotname=kept']);
    expect(await testbed.stateOf(vm.uuid, version)).toBe('running');
    expect(await hasPattern(0x22)).toBe(true);
  });

  it('leaves the guest running where there is no room to save it', async () => {
    const small = join(testbed.placeOf(version).images, 'snaptree-save-first-full');
    const image = join(small, 'vda.qcow2');
    mkdirSync(small, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=777', 'tmpfs', small]);
    try {
      const before = vm.images['vda'] ?? '';
      await run('cp', [before, image]);
      await run('chmod', ['666', image]);
      await testbed.redefineVirtualMachine(vm, (xml) => xml.replace(before, image), { version });
      await virsh(['snapshot-create-as', vm.uuid, '--name=off']);
      await virsh(['start', vm.uuid]);
      // Less than the memory of the guest takes.
      await run('sh', [
        '-c',
        'dd if=/dev/zero of="$1" bs=4k 2>/dev/null; truncate -s -300000 "$1"',
        'sh',
        join(small, 'filler'),
      ]);
      const { steps, warnings } = await plan('off', 'kept');
      expect(warnings.map(({ code }) => code)).toContain('littleSpace');
      const save = steps.find(({ argv }) => argv.includes('--name=kept'));
      await expect(virsh(command(save?.argv))).rejects.toThrow(/writing VM state/);
      expect(await testbed.stateOf(vm.uuid, version)).toBe('running');
    } finally {
      await testbed.deleteVirtualMachine(spec);
      await run('umount', [small]);
      rmSync(small, { recursive: true });
    }
  });

  it('is refused where what is saved gets the number that the snapshot has as its name', async () => {
    await testbed.writeGuestDisk(vm, 'vda', 0x11, offset);
    await virsh(['snapshot-create-as', vm.uuid, '--name=2']);
    await testbed.writeGuestDisk(vm, 'vda', 0x22, offset);
    expect((await plan('2', null)).refusals).toEqual([]);
    expect((await plan('2', 'kept')).refusals.map(({ code }) => code)).toEqual(['ambiguousSnapshot']);
    const create = {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: 'internal',
      name: 'kept',
      description: '',
    } as const;
    const { warnings } = await planOn(version, { ...create, diskTargets: null });
    expect(warnings.map(({ code }) => code)).toContain('takesNumber');
    // What is refused would have gone back to what was saved, and said that it was done.
    await virsh(['snapshot-create-as', vm.uuid, '--name=kept']);
    await testbed.writeGuestDisk(vm, 'vda', 0x33, offset);
    await virsh(['snapshot-revert', vm.uuid, '--snapshotname=2']);
    expect(await hasPattern(0x22)).toBe(true);
  });
}
