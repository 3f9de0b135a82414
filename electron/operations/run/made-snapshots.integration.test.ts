/** What a plan says of the snapshot that it makes is what the real libvirt then shows of it, and of no other of its name. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../e2e/testbeds/index.ts';
import { inventoryOf, planOn } from '../../../e2e/testbeds/real-plans.fixtures.ts';
import type { ChangeRequest, Plan } from '../../../shared/model/plan.ts';
import { unlikePlanned } from './made-snapshots.ts';

onEachLibvirt(suite);

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-cli-made', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    vm = await testbed.createVirtualMachine(spec);
  });
  afterAll(async () => {
    await testbed.deleteVirtualMachine(spec);
  });

  it.each([
    ['internal', false],
    ['internal', true],
    ['external', false],
    ['external', true],
  ] as const)('%s, running: %s', { timeout: 60_000 }, async (kind, running) => {
    if (running) await testbed.virsh(['start', vm.uuid], { version });
    const request = {
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind,
      name: 'one',
      description: 'of ours',
      diskTargets: kind === 'internal' ? null : ['vda'],
    } as const satisfies ChangeRequest;
    const draft = await planOn(version, request);
    expect(draft.refusals).toEqual([]);
    const steps = draft.steps.map((step, index) => ({ ...step, index }));
    const step = steps.at(-1);
    if (!step) throw new Error('no step');
    const plan = { ...draft, steps, request, vmUuid: vm.uuid } as unknown as Plan;
    const options = step.argv.slice(step.argv.indexOf('snapshot-create-as'));

    await testbed.virsh(options, { version });
    expect(unlikePlanned(plan, step, await inventoryOf(version))).toBeNull();

    if (kind === 'external') return;
    await testbed.virsh(['snapshot-delete', vm.uuid, 'one'], { version });
    await testbed.virsh(['snapshot-create-as', vm.uuid, 'one'], { version });
    expect(unlikePlanned(plan, step, await inventoryOf(version))).toContain('another description');
  });
}
