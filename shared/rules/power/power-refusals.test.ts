import { describe, expect, it } from 'vitest';
import { disk, image, overlay, vm } from '../../model/inventory.fixtures.ts';
import type { ReadableVm } from '../../model/inventory.ts';
import { powerChangeSchema } from '../../model/plan.ts';
import { imagesById } from '../chains/chains.ts';
import { powerRefusals } from './power-refusals.ts';

const images = imagesById([image('/a.qcow2')]);
const plain = vm({ disks: [disk('vda', '/a.qcow2')] });
const possible = (parts: Partial<ReadableVm>) =>
  powerChangeSchema.options.filter(
    (to) => powerRefusals(to, { vm: { ...plain, ...parts }, images, hypervisor: 'libvirt' }).length === 0,
  );
const said = (to: (typeof powerChangeSchema.options)[number], parts: Partial<ReadableVm>, known = images) =>
  powerRefusals(to, { vm: { ...plain, ...parts }, images: known, hypervisor: 'libvirt' }).map(({ message }) => message);

describe('what a VM can be made to do', () => {
  it.each([
    ['running', ['shutdown', 'destroy', 'suspend']],
    ['idle', ['shutdown', 'destroy', 'suspend']],
    ['paused', ['destroy', 'resume']],
    ['shutoff', ['start']],
    ['shutting-down', ['destroy']],
    ['crashed', ['destroy']],
    ['suspended', ['destroy']],
    ['unknown', []],
  ] as const)('follows from its state: %s', (state, expected) => {
    expect(possible({ state })).toEqual(expected);
  });

  it('does not let a guest go on that is none any more', () => {
    expect(possible({ state: 'paused', stateReason: 'I/O error' })).toContain('resume');
    expect(said('resume', { state: 'paused', stateReason: 'crashed' })[0]).toContain('its guest has crashed');
  });

  it('ends none that is gone then, with its snapshots', () => {
    expect(possible({ persistent: false })).toEqual(['suspend']);
    expect(said('destroy', { persistent: false })[0]).toContain('Define it first');
  });

  it('waits for jobs, but for a VM that does not answer, which only force ends', () => {
    const blockJob = { kind: 'pull' as const, target: null, ready: false, detail: null };
    expect(possible({ disks: [disk('vda', '/a.qcow2', { blockJob })] })).toEqual([]);
    expect(possible({ job: { kind: 'unknown', detail: 'its QEMU hangs' } })).toEqual(['destroy']);
  });

  it('starts nothing that is known not to start, with what mends it', () => {
    const off = { state: 'shutoff' as const };
    const startObstacles = [{ path: '/k', message: 'It needs /k.', remedy: 'Put it back.' }];
    expect(said('start', { ...off, startObstacles })).toEqual(['It needs /k. Put it back.']);
    const broken = imagesById([overlay('/a.qcow2', '/gone'), image('/gone', { status: 'missing' })]);
    expect(said('start', off, broken)[0]).toContain('is broken: /gone is missing.');
    expect(said('start', off, imagesById([image('/a.qcow2', { corrupt: true })]))[0]).toContain('is marked corrupt');
    // What this user may not read, libvirt may.
    expect(said('start', off, imagesById([image('/a.qcow2', { status: 'unreadable', problem: 'closed' })]))).toEqual(
      [],
    );
  });
});
