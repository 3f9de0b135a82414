import { describe, expect, it } from 'vitest';
import { disk, folder, image, inventory, overlay, uri, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import type { Inventory, ReadableVm } from '../../../../../shared/model/inventory.ts';
import type { PowerChange } from '../../../../../shared/model/plan.ts';
import { planLibvirt } from '../plan.ts';

const base = `${folder}/web.qcow2`;
const uuid = '11111111-1111-4111-8111-111111111111';
const web = (parts: Partial<ReadableVm> = {}) => vm({ state: 'shutoff', disks: [disk('vda', base)], ...parts });
const other = (name: string, parts: Partial<ReadableVm>) =>
  vm({ uuid: `2${name.length}`, name, state: 'shutoff', ...parts });
const plan = (to: PowerChange, host: Inventory, waitSeconds?: number) =>
  planLibvirt(
    uri,
    { action: 'changePower', vmUuid: uuid, to, ...(waitSeconds !== undefined && { waitSeconds }) },
    host,
  );
const alone = (parts: Partial<ReadableVm> = {}) => inventory([web(parts)], [image(base)]);
const codes = (notes: readonly { code: string }[]) => notes.map(({ code }) => code);

describe('a plan of power', () => {
  it.each([
    ['start', 'shutoff', 'running'],
    ['destroy', 'running', 'shutoff'],
    ['suspend', 'running', 'paused'],
    ['resume', 'paused', 'running'],
  ] as const)('is one command of libvirt, and says the state afterwards: %s', (to, state, vmState) => {
    const { steps, after, refusals } = plan(to, alone({ state }));
    expect(refusals).toEqual([]);
    expect(steps.map(({ argv }) => argv)).toEqual([['virsh', '-c', uri, to, `--domain=${uuid}`]]);
    expect(steps[0]?.verify[0]).toMatchObject({ kind: 'vmState' });
    expect(after).toMatchObject({ vmState, chains: [{ target: 'vda', imageIds: [base] }] });
  });

  it('asks a guest to shut down and waits as long as is asked for; waiting can be given up', () => {
    const { steps, warnings } = plan('shutdown', alone({ state: 'running' }), 42);
    expect(steps).toMatchObject([{ cancellation: 'abort', whenInterrupted: 'redo' }]);
    expect(steps[0]?.argv.slice(3)).toEqual(['snaptree-shutdown', uri, uuid, '42']);
    expect(warnings[0]?.message).toContain('within 42 seconds');
    expect(plan('shutdown', alone({ state: 'running' })).steps[0]?.argv.at(-1)).toBe('180');
  });

  it('forces off what does not answer, and says what is lost', () => {
    const silent = { kind: 'unknown' as const, detail: 'its QEMU has not answered for a minute' };
    const { refusals, warnings } = plan('destroy', alone({ state: 'running', job: silent }));
    expect(refusals).toEqual([]);
    expect(codes(warnings)).toEqual(['unwrittenLost', 'jobNotKnown', 'mayBeStartedAgain']);
  });

  it('says of a guest that was stopped by full storage what it needs, and that saved memory does not fit any more', () => {
    const full = { ...alone({ state: 'paused', stateReason: 'I/O error' }) };
    const [warning] = plan('resume', full).warnings;
    expect(warning).toMatchObject({ code: 'pausedByError' });
    expect(warning?.message).toContain(`${folder} has 10 GiB free`);
    const saved = plan('destroy', alone({ state: 'running', hasManagedSave: true }));
    expect(codes(saved.warnings)).toContain('staleManagedSave');
  });

  it('looks before it goes on from saved memory whether the disks are still those of that time', () => {
    const { steps, warnings } = plan('start', alone({ hasManagedSave: true }));
    expect(codes(warnings)).toEqual(['restoresMemory']);
    expect(steps).toHaveLength(2);
    expect(steps[0]).toMatchObject({ onlyLooks: true, reads: [base] });
    expect(steps[0]?.argv.slice(-4)).toEqual(['/var/lib/libvirt/qemu/save/web.save', '', '', base]);
    expect(steps[1]?.verify).toEqual([{ kind: 'vmState', oneOf: ['running', 'idle', 'paused'] }]);
  });
});

describe('a template', () => {
  const top = `${folder}/app.qcow2`;
  const instances = ['app-1', 'app-22'].map((name, index) =>
    other(name, { disks: [disk('vda', `${folder}/${index}.qcow2`)] }),
  );
  const overlays = instances.map(({ disks }) => overlay(disks[0]?.imageId ?? '', base));

  it('is not started, with the names of those that hang on it; shutting it down warns of that', () => {
    const host = inventory([web(), ...instances], [image(base), ...overlays]);
    expect(plan('start', host).refusals).toMatchObject([
      { code: 'imageHasDependents', names: ['VM app-1', 'VM app-22'] },
    ]);
    const running = inventory([web({ state: 'running' }), ...instances], [image(base), ...overlays]);
    expect(codes(plan('shutdown', running).warnings)).toContain('imageHasDependents');
    const paused = inventory([web({ state: 'paused' }), ...instances], [image(base), ...overlays]);
    expect(plan('resume', paused)).toMatchObject({ refusals: [], warnings: [{ code: 'imageHasDependents' }] });
  });

  it('is also one on which only an image hangs, of this VM or of none, and one that saved memory would write to', () => {
    expect(plan('start', inventory([web()], [image(base), overlay(top, base)])).refusals[0]?.message).toContain(
      `${top} is named by no VM`,
    );
    const use = { imageId: base, use: 'disk', place: 'vda', by: 'savedMemory', snapshotName: null, format: 'qcow2' };
    const saved = web({ disks: [disk('vda', top)], hasManagedSave: true, uses: [use as never] });
    const { refusals } = plan('start', inventory([saved], [image(base), overlay(top, base)]));
    expect(refusals).toMatchObject([{ code: 'imageHasDependents', names: [top] }]);
  });

  it('is not one whose disk is read only, thrown away, or shared with others who have it as a disk', () => {
    for (const parts of [{ readOnly: true }, { transient: true as const }]) {
      const host = inventory([web({ disks: [disk('vda', base, parts)] }), ...instances], [image(base), ...overlays]);
      expect(plan('start', host).refusals).toEqual([]);
    }
    const shared = [disk('vda', base, { shareable: true })];
    const cluster = inventory(
      [web({ disks: shared }), other('node', { disks: shared, state: 'running' })],
      [image(base)],
    );
    expect(plan('start', cluster).refusals).toEqual([]);
  });

  it('may be what cannot be looked into', () => {
    const unknown = { what: '/closed', reason: 'It cannot be listed.', imageIds: null };
    const host = { ...alone(), unknownDependents: [unknown] };
    expect(plan('start', host)).toMatchObject({ refusals: [], warnings: [{ code: 'dependentsUnknown' }] });
    expect(plan('start', { ...alone(), unknownDependents: [{ ...unknown, likelihood: 'remote' }] })).toMatchObject({
      refusals: [],
      warnings: [{ code: 'dependentsNotRuledOut' }],
    });
  });
});

it('does not start a VM on a disk that another one has open, or will go on from', () => {
  for (const parts of [{ state: 'running' as const }, { hasManagedSave: true }]) {
    const host = inventory([web(), other('twin', { disks: [disk('vda', base)], ...parts })], [image(base)]);
    expect(plan('start', host).refusals).toMatchObject([{ code: 'imageOpenElsewhere', names: ['VM twin'] }]);
  }
  const twin = other('twin', { disks: [disk('vda', base)] });
  expect(plan('start', inventory([web(), twin], [image(base)])).refusals).toEqual([]);
});
