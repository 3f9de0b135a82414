import { describe, expect, it } from 'vitest';
import { disk, image, internal, inventory, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import type { ReadableVm, Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../../shared/model/plan.ts';
import { planLibvirt } from '../plan.ts';

const folder = '/srv/images';
const images = [image(`${folder}/web.qcow2`), image(`${folder}/data.qcow2`)];
const disks = [disk('vda', `${folder}/web.qcow2`), disk('vdb', `${folder}/data.qcow2`)];
const file = `${folder}/web.a.memory`;

function planOf(
  { memoryFile = file, diskTargets = null }: { memoryFile?: string; diskTargets?: string[] | null } = {},
  machine: Partial<ReadableVm> = {},
) {
  const one = vm({ disks, state: 'running', ...machine });
  return planLibvirt('qemu:///system', { ...request(one), diskTargets, memoryFile }, inventory([one], images));
}

const request = ({ uuid }: ReadableVm): Extract<ChangeRequest, { action: 'createSnapshot' }> => ({
  ...{ vmUuid: uuid, name: 'a', description: '', diskTargets: null, memoryFile: file },
  action: 'createSnapshot',
  kind: 'external',
});

const refusals = (plan: ReturnType<typeof planOf>) => plan.refusals.map(({ code }) => code);

describe('an external snapshot with memory', () => {
  it('writes the memory to the file, and records it', () => {
    const { steps, after, expectedPause } = planOf({}, { memoryBytes: 2 * 1024 ** 3 });
    const { argv = [], creates } = steps.at(-1) ?? {};
    expect(argv).toContain(`file=${file},snapshot=external`);
    expect(argv).not.toContain('--disk-only');
    expect(creates).toContain(file);
    expect(steps[0]?.argv).toContain(file);
    expect(after.snapshots.at(-1)).toMatchObject({ memory: { kind: 'external', file }, vmState: 'running' });
    expect(expectedPause).toContain('2 GiB');
  });

  it('doubles a comma of the path', () => {
    expect(planOf({ memoryFile: '/srv/a,b/m' }).steps.at(-1)?.argv).toContain('file=/srv/a,,b/m,snapshot=external');
  });

  it('of a paused VM is one of a paused VM', () => {
    expect(planOf({}, { state: 'paused' }).after.snapshots.at(-1)?.vmState).toBe('paused');
  });

  it('of a guest that stands still is not taken twice on an old libvirt, which would wait for ever', () => {
    const again = (version: string | null, state: ReadableVm['state'], vmState: Snapshot['vmState'] = 'paused') => {
      const saved = internal('s1', null, { kind: 'external', memory: { kind: 'external', file: '/srv/m' }, vmState });
      const later = internal('s2', 's1', { kind: 'external', memory: { kind: 'none' } });
      const one = vm({ disks, state, snapshots: [saved, later], currentSnapshotId: 's2' });
      const from = inventory([one], images);
      return refusals(
        planLibvirt('qemu:///system', request(one), { ...from, hypervisor: { ...from.hypervisor, version } }),
      );
    };
    expect(again('7.0.0', 'paused')).toEqual(['memorySavedWhilePaused']);
    expect(again(null, 'paused')).toEqual(['memorySavedWhilePaused']);
    expect(again('9.0.0', 'paused')).toEqual([]);
    expect(again('7.0.0', 'running')).toEqual([]);
    expect(again('7.0.0', 'paused', 'running')).toEqual([]);
  });

  it('counts the room for the memory, and knows none where its size is not known', () => {
    const [with2, with4] = [2, 4].map((size) => planOf({}, { memoryBytes: size * 1024 ** 3 }).rooms[0]);
    expect((with4?.likelyBytes ?? 0) - (with2?.likelyBytes ?? 0)).toBe(2 * 1024 ** 3);
    expect((with4?.atMostBytes ?? 0) - (with2?.atMostBytes ?? 0)).toBeGreaterThan(2 * 1024 ** 3);
    expect(planOf({}, { memoryBytes: null }).rooms).toMatchObject([{ likelyBytes: null, atMostBytes: null }]);
  });

  it.each([
    ['of a VM that is shut off', planOf({}, { state: 'shutoff' }), 'noMemory'],
    ['of some of the disks', planOf({ diskTargets: ['vda'] }), 'memoryNeedsEveryDisk'],
    ['in a path that is not whole', planOf({ memoryFile: 'm' }), 'badPath'],
    ['in an image', planOf({ memoryFile: `${folder}/web.qcow2` }), 'fileTaken'],
  ])('is refused %s', (_, plan, code) => {
    expect(refusals(plan)).toEqual([code]);
  });

  it('is refused in the memory of another snapshot', () => {
    const [snapshot] = planOf().after.snapshots;
    expect(snapshot).toBeDefined();
    const snapshots = snapshot ? [{ ...snapshot, id: 'other', name: 'other' }] : [];
    expect(refusals(planOf({}, { snapshots }))).toEqual(['fileTaken']);
  });

  it('is refused where an overlay of the same snapshot gets the name', () => {
    expect(refusals(planOf({ memoryFile: `${folder}/web.a.qcow2` }))).toEqual(['fileTaken']);
  });
});
