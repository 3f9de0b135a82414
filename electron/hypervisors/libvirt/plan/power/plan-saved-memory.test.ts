import { describe, expect, it } from 'vitest';
import { disk, folder, image, inventory, overlay, uri, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import type { Inventory, ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { planLibvirt } from '../plan.ts';

const base = `${folder}/web.qcow2`;
const file = `${folder}/web.memory`;
const vmUuid = '11111111-1111-4111-8111-111111111111';
const web = (parts: Partial<ReadableVm> = {}) => vm({ disks: [disk('vda', base)], ...parts });
const host = (parts: Partial<ReadableVm> = {}, version = '9.0.0'): Inventory =>
  inventory([web(parts)], [image(base)], version);
const plan = (request: ChangeRequest, on: Inventory) => planLibvirt(uri, request, on);
const save = (to: string | null = null): ChangeRequest => ({ action: 'saveMemory', vmUuid, file: to });
const restore: ChangeRequest = { action: 'restoreMemory', vmUuid, file };
const discard: ChangeRequest = { action: 'discardMemory', vmUuid };
const codes = (notes: readonly { code: string }[]) => notes.map(({ code }) => code);

describe('saving the memory of a guest', () => {
  it('for the next start looks for room where libvirt keeps it, which is not known from here', () => {
    const { steps, rooms, after, refusals } = plan(save(), host());
    expect(refusals).toEqual([]);
    expect(rooms).toMatchObject([
      { folders: ['/var/lib/libvirt/qemu/save'], freeBytes: null, likelyBytes: 32 * 1024 ** 2 },
    ]);
    expect(steps.map(({ title }) => title)).toEqual([
      'Check that there is still enough room',
      'Write the memory of web to /var/lib/libvirt/qemu/save/web.save, and end the VM',
    ]);
    expect(steps[1]).toMatchObject({ cancellation: 'abort', deletes: [] });
    expect(steps[1]?.argv.slice(3)).toEqual(['snaptree-save', uri, vmUuid, 'managedsave', `--domain=${vmUuid}`]);
    expect(steps[1]?.verify).toEqual([
      { kind: 'vmState', oneOf: ['shutoff'] },
      { kind: 'managedSave', present: true },
    ]);
    expect(after.vmState).toBe('shutoff');
  });

  it('in a file replaces nothing, and tells of too little room', () => {
    expect(plan(save(file), host()).steps[0]?.title).toContain('nothing has the name of the new file');
    expect(plan(save(file), host()).rooms).toMatchObject([{ folders: [folder], freeBytes: 10 * 1024 ** 3 }]);
    expect(codes(plan(save(base), host()).refusals)).toEqual(['fileTaken']);
    expect(codes(plan(save('web.memory'), host()).refusals)).toEqual(['badPath']);
    expect(codes(plan(save(file), host({ memoryBytes: 64 * 1024 ** 3 })).warnings)).toContain('littleSpace');
  });

  it('is refused where there is none, where the VM would be gone, and where the disks would not be those of the memory', () => {
    const thrown = [disk('vda', base, { transient: true })];
    for (const [parts, code] of [
      [{ state: 'shutoff' }, 'vmState'],
      [{ state: 'crashed' }, 'vmState'],
      [{ persistent: false }, 'transient'],
      [{ disks: thrown }, 'transientDisk'],
      [{ job: { kind: 'backup', detail: 'Backup' } }, 'jobRuns'],
    ] as const) {
      expect(codes(plan(save(), host(parts as Partial<ReadableVm>)).refusals)).toEqual([code]);
    }
  });

  it('says of memory that was saved before what becomes of it', () => {
    expect(codes(plan(save(), host({ hasManagedSave: true })).warnings)).toContain('replacesManagedSave');
    expect(codes(plan(save(file), host({ hasManagedSave: true })).warnings)).toContain('staleManagedSave');
  });
});

describe('going on from memory in a file', () => {
  it('looks first whether it is of this VM, its disks and their time', () => {
    const { steps, refusals, after } = plan(restore, host({ state: 'shutoff' }));
    expect(refusals).toEqual([]);
    expect(steps[0]).toMatchObject({ onlyLooks: true, reads: [base] });
    expect(steps[0]?.argv).toContain(`vda ${base}`);
    expect(steps[1]?.argv).toEqual(['virsh', '-c', uri, 'restore', `--file=${file}`]);
    expect(after.vmState).toBe('running');
  });

  it('is refused where the VM is not off, would be spoilt by other memory, is a template, or does not start', () => {
    expect(codes(plan(restore, host()).refusals)).toEqual(['vmState']);
    expect(codes(plan(restore, host({ state: 'shutoff', hasManagedSave: true })).refusals)).toEqual(['managedSave']);
    const template = inventory([web({ state: 'shutoff' })], [image(base), overlay(`${folder}/a`, base)]);
    expect(codes(plan(restore, template).refusals)).toEqual(['imageHasDependents']);
    const startObstacles = [{ path: '/k', message: 'It needs /k.', remedy: 'Put it back.' }];
    expect(codes(plan(restore, host({ state: 'shutoff', startObstacles })).refusals)).toEqual(['startObstacle']);
  });
});

it('discards memory as its only step, and says what is lost', () => {
  const { steps, warnings } = plan(discard, host({ state: 'shutoff', hasManagedSave: true }));
  expect(steps.map(({ argv }) => argv)).toEqual([['virsh', '-c', uri, 'managedsave-remove', `--domain=${vmUuid}`]]);
  expect(steps[0]?.verify).toEqual([{ kind: 'managedSave', present: false }]);
  expect(codes(warnings)).toEqual(['memoryLost']);
  expect(codes(plan(discard, host({ state: 'shutoff' })).refusals)).toEqual(['noManagedSave']);
});
