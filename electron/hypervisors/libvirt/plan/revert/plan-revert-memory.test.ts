import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { disk, image, inventory, overlay, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import type { ReadableVm, Snapshot } from '../../../../../shared/model/inventory.ts';
import { savedState } from '../../../../../shared/rules/snapshots/saved-state.ts';
import { planLibvirt } from '../plan.ts';

const folder = '/srv/images';
const images = [
  image(`${folder}/web.qcow2`),
  overlay(`${folder}/web.a.qcow2`, `${folder}/web.qcow2`),
  image(`${folder}/data.qcow2`),
];
const snapshot: Snapshot = {
  id: 'a',
  name: 'a',
  description: '',
  parentId: null,
  createdAt: 1,
  kind: 'external',
  memory: { kind: 'external', file: `${folder}/web.a.memory` },
  vmState: 'running',
  disks: [
    { target: 'vda', kind: 'external', dataImageId: `${folder}/web.qcow2`, overlayImageId: `${folder}/web.a.qcow2` },
  ],
};

function planOf(
  parts: Partial<Snapshot> = {},
  machine: Partial<ReadableVm> = {},
  saving: { saveAs: string | null; saveMemoryFile?: string } = { saveAs: null },
) {
  const one = vm({ disks: [disk('vda', `${folder}/web.a.qcow2`)], snapshots: [{ ...snapshot, ...parts }], ...machine });
  const request = { action: 'revertToSnapshot', vmUuid: one.uuid, snapshotId: 'a', ...saving } as const;
  return planLibvirt('qemu:///system', request, inventory([one], images));
}

describe('a revert to an external snapshot with memory', () => {
  it('looks at everything first, and loads the memory last', () => {
    const { steps, refusals, after } = planOf();
    expect(refusals).toEqual([]);
    const modes = steps.map(({ argv, group }) => [
      argv[4] === 'check' || argv[4] === 'restore' ? argv[4] : null,
      group,
    ]);
    expect(modes[3]).toEqual(['check', null]);
    expect(modes.at(-1)).toEqual(['restore', 'revert']);
    expect(after.vmState).toBe('running');
    expect(planOf({ vmState: 'paused' }).after.vmState).toBe('paused');
  });

  it('has no step that is run again by itself once the VM was ended', () => {
    const [restore] = planOf().steps.slice(-1);
    expect(restore).toMatchObject({ cancellation: 'never', whenInterrupted: 'undo' });
  });

  it.each([
    [
      'of a disk that is not in it',
      planOf({}, { disks: [disk('vda', `${folder}/web.a.qcow2`), disk('vdb', `${folder}/data.qcow2`)] }),
      'memoryNeedsEveryDisk',
    ],
    ['whose memory is inside of an image', planOf({ memory: { kind: 'internal' } }), 'notBuiltYet'],
    ['whose memory is at no known place', planOf({ memory: { kind: 'unknown' } }), 'notBuiltYet'],
    ['of a VM that slept', planOf({ vmState: 'shutoff' }), 'notBuiltYet'],
    [
      'whose memory is gone',
      planOf({ revertObstacles: [{ path: '/m', message: 'Gone.', remedy: 'Put it back.' }] }),
      'revertObstacle',
    ],
  ])('is refused %s', (_, plan, code) => {
    expect(plan.refusals.map((each) => each.code)).toEqual([code]);
  });
});

describe('the definition that the memory is loaded into', () => {
  /** Runs the awk program of the step over a record. */
  function definitionOf(disks: string) {
    const restore = planOf().steps.at(-1)?.argv ?? [];
    const program = restore[9] ?? '';
    const input = `<domainsnapshot>\n  <disks>\n    <disk name='vda' snapshot='external'/>\n  </disks>\n  <domain type='qemu'>\n    <devices>\n${disks}    </devices>\n  </domain>\n  <inactiveDomain type='qemu'>\n  </inactiveDomain>\n</domainsnapshot>\n`;
    const { status, stdout, stderr } = spawnSync('sh', ['-c', 'awk "$@"', 'sh', program, ...restore.slice(10)], {
      input,
      encoding: 'utf8',
    });
    return { status, stdout, stderr: stderr.trim() };
  }
  const diskXml = (target: string, more = '', source = `<source file='${folder}/web.qcow2'/>`, kind = 'disk') =>
    `      <disk type='block' device='${kind}'>\n        <driver name='qemu' type='raw' cache='none'/>\n        ${source}\n${more}        <target dev='${target}' bus='virtio'/>\n      </disk>\n`;

  it('uses the overlay, in its format, and takes the chain below from that', () => {
    const chain = `        <backingStore type='file' index='2'>\n          <format type='qcow2'/>\n          <source file='/x'/>\n          <backingStore/>\n        </backingStore>\n`;
    const expected = `<domain type='qemu'>\n  <devices>\n    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2' cache='none'/>\n      <source file='${folder}/web.from-a.qcow2'/>\n      <target dev='vda' bus='virtio'/>\n    </disk>\n  </devices>\n</domain>\n`;
    for (const more of ['', '        <backingStore/>\n', chain]) {
      expect(definitionOf(diskXml('vda', more))).toEqual({ status: 0, stdout: expected, stderr: '' });
    }
  });

  it('keeps media, and what cannot be written to', () => {
    const others = diskXml('sda', '', "<source file='/cd.iso'/>", 'cdrom') + diskXml('vdb', '        <readonly/>\n');
    const { status, stdout } = definitionOf(diskXml('vda') + others);
    expect(status).toBe(0);
    expect(stdout).toContain("<source file='/cd.iso'/>");
    expect(stdout.match(/type='raw'/g)).toHaveLength(2);
  });

  it('is none where the VM can write to another disk, or has not the one that was saved', () => {
    expect(definitionOf(diskXml('vda') + diskXml('vdz'))).toMatchObject({ status: 2, stderr: 'vdz' });
    expect(definitionOf('')).toMatchObject({ status: 3, stderr: 'vda' });
    expect(definitionOf(diskXml('vda', '', ''))).toMatchObject({ status: 3, stderr: 'vda' });
  });
});

describe('what is saved before a revert to an external snapshot', () => {
  const saving = { saveAs: 'kept', saveMemoryFile: `${folder}/web.kept.memory` };
  const saved = ({ steps }: ReturnType<typeof planOf>) =>
    steps.filter(({ argv }) => argv.includes('snapshot-create-as'));

  it('is the memory of a VM that runs as well, with the room that it needs', () => {
    const plan = planOf({}, { state: 'running', memoryBytes: 3 * 1024 ** 3 }, saving);
    expect(plan.refusals).toEqual([]);
    const [create, ...others] = saved(plan);
    expect(others).toEqual([]);
    expect(create?.argv).toEqual(expect.arrayContaining(['--memspec', '--halt']));
    expect(create?.argv).not.toContain('--disk-only');
    expect(create?.creates).toContain(saving.saveMemoryFile);
    expect(create?.verify).toContainEqual({ kind: 'vmState', oneOf: ['shutoff'] });
    expect(plan.after.snapshots.find(({ id }) => id === 'kept')?.memory).toEqual({
      kind: 'external',
      file: saving.saveMemoryFile,
    });
    const without = planOf({}, { state: 'running', memoryBytes: 3 * 1024 ** 3 }, { saveAs: 'kept' });
    expect((plan.rooms[0]?.likelyBytes ?? 0) - (without.rooms[0]?.likelyBytes ?? 0)).toBe(3 * 1024 ** 3);
  });

  it('warns where it may fill the storage, which others write to as well', () => {
    const warned = planOf({}, { state: 'running', memoryBytes: 20 * 1024 ** 3 }, saving).warnings;
    expect(warned.find(({ code }) => code === 'littleSpace')?.message).toMatch(/20 GiB.*10 GiB free.*other VMs/);
  });

  it.each([
    ['is shut off meanwhile', { state: 'shutoff' as const }, saving],
    ['is not to be saved', { state: 'running' as const }, { ...saving, saveAs: null }],
    ['is saved without it', { state: 'running' as const }, { saveAs: 'kept' }],
  ])('is no memory where the VM %s', (_, machine, wanted) => {
    const plan = planOf({}, machine, wanted);
    expect(plan.refusals).toEqual([]);
    expect(plan.steps.flatMap(({ creates }) => creates)).not.toContain(saving.saveMemoryFile);
    expect(saved(plan).flatMap(({ argv }) => argv)).not.toContain('--memspec');
  });
});

describe('what a revert saves by default', () => {
  const now = new Date(2026, 10, 20, 9, 5, 31);
  const machine = (state: ReadableVm['state']) =>
    vm({ state, name: 'web', disks: [disk('vda', `${folder}/web.qcow2`)] });
  const byDefault = (kind: Snapshot['kind'], state: ReadableVm['state']) =>
    savedState({ kind }, machine(state), new Map(images.map((each) => [each.id, each])), { now });

  it('is named by the time, with a file for the memory where that is in no image', () => {
    const saveAs = 'before-revert-2026-11-20-09.05.31';
    const saveMemoryFile = `${folder}/web.${saveAs}.memory`;
    expect(byDefault('external', 'running')).toEqual({ saveAs, saveMemoryFile });
    expect(byDefault('external', 'paused')).toEqual({ saveAs, saveMemoryFile });
    expect(byDefault('external', 'shutoff')).toEqual({ saveAs });
    expect(byDefault('internal', 'running')).toEqual({ saveAs });
  });
});
