import { describe, expect, it } from 'vitest';
import type { Snapshot, Vm } from '../../model/inventory.ts';
import {
  disk as madeDisk,
  held as madeHeld,
  image as madeImage,
  internal as madeInternal,
  overlay as madeOverlay,
  vm as madeVm,
} from '../../model/inventory.fixtures.ts';
import { imagesById } from '../chains/chains.ts';
import { actionIds, actionsFor, type ActionContext, type ActionId } from './actions.ts';

const vm: Vm = madeVm();
const snapshot = { id: 's' } as Snapshot;
const context: ActionContext = {
  shellConnected: true,
  session: 'connected',
  vm,
  snapshot,
  several: null,
  descendants: [{ id: 'below' } as Snapshot],
  images: imagesById([madeImage('/a.qcow2')]),
  hypervisor: null,
  readOnly: false,
  operationRuns: false,
};

const offered = (change: Partial<ActionContext>) =>
  actionsFor({ ...context, ...change }).filter((action) => action.reason === null);
/** Without what starts and ends the VM, which is behind these. */
const possible = (change: Partial<ActionContext>): readonly ActionId[] =>
  offered(change).flatMap(({ id, group }) => (group === 'power' ? [] : [id]));

describe('actionsFor', () => {
  it('shows every action in every state, each that is not possible with a reason', () => {
    for (const change of [{}, { session: 'failed' as const }, { snapshot: null }, { operationRuns: true }]) {
      const actions = actionsFor({ ...context, ...change });
      expect(actions.map((action) => action.id)).toEqual(actionIds);
      expect(actions.every((action) => action.reason === null || action.reason.length > 0)).toBe(true);
    }
  });

  it('offers what is built for a snapshot of a VM that can be changed', () => {
    expect(possible({})).toEqual([
      'createSnapshot',
      'revertToSnapshot',
      'deleteSnapshot',
      'deleteWithDescendants',
      'describe',
      'rename',
      'clone',
      'thinInstance',
      'repairMetadata',
      'batch',
      'report',
    ]);
    expect(possible({ snapshot: null })).toEqual([
      'createSnapshot',
      'clone',
      'thinInstance',
      'repairMetadata',
      'batch',
      'report',
    ]);
    expect(possible({ descendants: [] })).not.toContain('deleteWithDescendants');
  });

  it('offers no change without a connection, for an unreadable VM, on a read-only host, or during an operation', () => {
    expect(possible({ shellConnected: false })).toEqual([]);
    expect(possible({ session: 'disconnected' })).toEqual(['batch', 'report']);
    expect(possible({ readOnly: true })).toEqual(['batch', 'report']);
    expect(possible({ vm: { readable: false, uuid: 'u', name: null, reason: 'r' } })).toEqual(['batch', 'report']);
    expect(possible({ operationRuns: true })).toEqual(['batch', 'report']);
  });

  describe('by what plans are refused for', () => {
    const hypervisor = { kind: 'libvirt' as const, version: '9.0.0', emulator: null, capabilities: [] };
    const writable = madeVm({ disks: [madeDisk('vda', '/a.qcow2')] });
    const internal = madeInternal('internal', null);
    const external = madeInternal('external', null, { kind: 'external' });
    const on = (change: Partial<ActionContext>) =>
      possible({ hypervisor, vm: writable, snapshot: internal, ...change });
    const reason = (id: ActionId, change: Partial<ActionContext>) =>
      actionsFor({ ...context, hypervisor, vm: writable, snapshot: internal, ...change }).find((each) => each.id === id)
        ?.reason;

    it('offers for an external snapshot no revert, and no deletion together with internal ones, and says why', () => {
      expect(on({ descendants: [internal] })).toContain('deleteWithDescendants');
      expect(on({ snapshot: external })).toEqual([
        'createSnapshot',
        'deleteSnapshot',
        'describe',
        'rename',
        'repairMetadata',
        'batch',
        'report',
      ]);
      expect(on({ descendants: [external] })).toEqual([
        'createSnapshot',
        'revertToSnapshot',
        'deleteSnapshot',
        'describe',
        'repairMetadata',
        'batch',
        'report',
      ]);
      expect(reason('revertToSnapshot', { snapshot: external })).toContain('does not revert to such snapshots');
      expect(reason('deleteWithDescendants', { descendants: [external] })).toContain('Delete the internal one first.');
    });

    it('offers no revert of a VM with UEFI firmware where libvirt is too old, by what the host can do', () => {
      const vm = { ...writable, hasNvram: true };
      expect(reason('revertToSnapshot', { vm })).toContain('libvirt 9.0.0 cannot revert it');
      const capabilities = [{ id: 'internalWithNvram' as const, available: true, explanation: '' }];
      expect(reason('revertToSnapshot', { vm, hypervisor: { ...hypervisor, capabilities } })).toBeNull();
      // An external snapshot is possible.
      expect(reason('createSnapshot', { vm })).toBeNull();
    });

    it('offers no revert that the record of the snapshot or the VM speaks against, with the reason and what mends it', () => {
      const revertObstacles = [{ path: '/x.iso', message: 'It needs /x.iso.', remedy: 'Put it back.' }];
      const lacking = madeInternal('lacking', null, { revertObstacles });
      expect(reason('revertToSnapshot', { snapshot: lacking })).toBe(
        'It needs /x.iso. libvirt would end the VM that runs, and then fail. Put it back. Then refresh.',
      );
      // Without memory the disks go back all the same, and no VM is ended for one that does not start.
      const disksOnly = { ...lacking, memory: { kind: 'none' as const }, vmState: 'shutoff' as const };
      expect(reason('revertToSnapshot', { snapshot: disksOnly })).toContain('shut off, it can go back all the same');
      const off = { ...writable, state: 'shutoff' as const };
      expect(reason('revertToSnapshot', { vm: off, snapshot: disksOnly })).toBeNull();
      expect(on({ snapshot: lacking })).toContain('deleteSnapshot');

      const half = madeInternal('half', null, { unknownPart: 'Its disks could not be read.' });
      expect(on({ snapshot: half })).toEqual(['createSnapshot', 'repairMetadata', 'batch', 'report']);
      expect(reason('deleteWithDescendants', { descendants: [half] })).toContain('Not all of the snapshot "half"');
      const checked = { ...writable, hasCheckpoints: true as const };
      expect(reason('revertToSnapshot', { vm: checked })).toContain('has checkpoints');
      const fleeting = { ...writable, persistent: false };
      expect(reason('revertToSnapshot', { vm: fleeting, snapshot: { ...disksOnly, revertObstacles: [] } })).toContain(
        'exists only as long as it runs',
      );
      expect(reason('revertToSnapshot', { vm: fleeting })).toBeNull();
    });

    it('offers no change while a job runs, by the name of the job', () => {
      const blockJob = { kind: 'copy' as const, target: '/copy.qcow2', ready: false, detail: null };
      const copied = { ...writable, disks: [{ ...madeDisk('vda', '/a.qcow2'), blockJob }] };
      expect(on({ vm: copied })).toEqual(['batch', 'report']);
      expect(reason('createSnapshot', { vm: copied })).toBe(
        'On disk vda of web a block job runs: a copy to /copy.qcow2. Until it ends no snapshot can be changed.',
      );
      const saved = { ...writable, job: { kind: 'save' as const, detail: '' } };
      expect(reason('deleteSnapshot', { vm: saved })).toBe(
        'web is being saved. Until it ends no snapshot can be changed.',
      );
      // Nobody knows whether anything ends then.
      const silent = { ...writable, job: { kind: 'unknown' as const, detail: 'timeout' } };
      expect(reason('revertToSnapshot', { vm: silent })).toMatch(/^web does not answer .* run in it\.$/);
    });

    it('offers no snapshot of a VM none of whose disks can have one', () => {
      const off = { ...writable, state: 'shutoff' as const };
      const locked = imagesById([madeImage('/a.qcow2', { encryption: 'luks' })]);
      expect(reason('createSnapshot', { vm: off, images: locked })).toContain('is encrypted');
      // Its QEMU has the key for an internal one.
      expect(reason('createSnapshot', { images: locked })).toBeNull();
      const lost = imagesById([madeImage('/a.qcow2', { status: 'missing' })]);
      expect(reason('createSnapshot', { images: lost })).toMatch(/\/a\.qcow2 is missing\..* Then refresh\.$/);
      const spoiled = imagesById([madeImage('/a.qcow2', { corrupt: true })]);
      expect(reason('createSnapshot', { images: spoiled })).toContain('marked corrupt');
      const beside = { ...writable, disks: [...writable.disks, { ...madeDisk('vdb', '/b.raw'), format: 'raw' }] };
      const both = imagesById([madeImage('/a.qcow2'), madeImage('/b.raw', { format: 'raw', status: 'missing' })]);
      // An external one of the other disk.
      expect(reason('createSnapshot', { vm: beside, images: both })).toBeNull();
    });

    it('offers merges where a chain has something to merge, and says why where none has', () => {
      const images = imagesById([madeImage('/base'), madeOverlay('/active', '/base'), madeOverlay('/torn', '/lost')]);
      const chained = madeVm({ disks: [madeDisk('vda', '/active')] });
      const both: ActionId[] = ['mergeDown', 'mergeUp'];
      const reasons = (change: Partial<ActionContext>) => both.map((id) => reason(id, { images, ...change }));
      expect(reasons({ vm: chained, snapshot: null })).toEqual([null, null]);
      const held = madeInternal('held', null, {
        kind: 'external',
        disks: [{ target: 'vda', kind: 'external', dataImageId: '/base', overlayImageId: '/active' }],
      });
      expect(reasons({ vm: chained, snapshot: held })).toEqual([null, null]);
      const left = madeInternal('left', null, {
        kind: 'external',
        disks: [{ target: 'vda', kind: 'external', dataImageId: '/branch', overlayImageId: null }],
      });
      for (const [change, words] of [
        [{ vm: madeVm({ disks: [madeDisk('vda', '/base')] }) }, 'nothing to merge'],
        [{ vm: madeVm({ disks: [madeDisk('vda', '/torn')] }) }, 'not whole'],
        [{ vm: chained, snapshot: left }, 'hangs on the data of this snapshot'],
        [{ vm: { ...chained, state: 'crashed' as const } }, 'has crashed'],
        [{ vm: { ...chained, hasCheckpoints: true as const } }, 'has checkpoints'],
        [{ vm: { ...chained, hasManagedSave: true } }, 'memory of web was saved'],
      ] as const) {
        for (const said of reasons({ snapshot: null, ...change })) expect(said).toContain(words);
      }
    });

    it('offers nothing that a saved memory would spoil', () => {
      const vm = { ...writable, state: 'shutoff' as const, hasManagedSave: true };
      expect(reason('revertToSnapshot', { vm })).toContain('Start the VM and shut it down');
      expect(reason('createSnapshot', { vm })).toBeNull();
      const raw = { ...vm, disks: [{ ...madeDisk('vda', '/a.raw'), format: 'raw' }] };
      expect(reason('createSnapshot', { vm: raw })).toContain('write to the present images');
    });

    it('offers no change of a VM in a state in which libvirt changes none but records', () => {
      expect(on({ vm: { ...writable, state: 'crashed' } })).toEqual(['describe', 'repairMetadata', 'batch', 'report']);
    });
  });
});

describe('what starts and ends a VM', () => {
  const hypervisor = { kind: 'libvirt' as const, version: '9.0.0', emulator: null, capabilities: [] };
  const power = (parts: Partial<Extract<Vm, { readable: true }>>) =>
    offered({
      hypervisor,
      snapshot: null,
      vm: { ...madeVm({ disks: [madeDisk('vda', '/a.qcow2')] }), ...parts },
    }).flatMap(({ id, group }) => (group === 'power' ? [id] : []));

  it('is offered by what the VM does now, whatever is selected', () => {
    expect(power({ state: 'running' })).toEqual(['shutDown', 'forceOff', 'pause', 'saveMemory']);
    expect(power({ state: 'paused' })).toEqual(['forceOff', 'resume', 'saveMemory']);
    expect(power({ state: 'shutoff' })).toEqual(['start', 'restoreMemory']);
    expect(power({ state: 'shutoff', hasManagedSave: true })).toEqual(['start', 'discardMemory']);
    expect(power({ state: 'running', job: { kind: 'unknown', detail: 'silent' } })).toEqual(['forceOff']);
    expect(power({ state: 'running', persistent: false })).toEqual(['pause']);
  });
});

describe('several that are selected', () => {
  const snapshots = [madeInternal('a', null), madeInternal('b', 'a'), madeInternal('c', 'b')];
  const reasons = (...several: readonly (string | null)[]) => {
    const chain = [madeOverlay('/3', '/2'), madeOverlay('/2', '/1'), madeOverlay('/1', '/0'), madeImage('/0')];
    const external = snapshots.map((each, index) => ({
      ...each,
      kind: 'external' as const,
      disks: [{ ...madeHeld('vda', `/${index}`), kind: 'external' as const }],
    }));
    const all = actionsFor({
      ...context,
      vm: madeVm({ disks: [madeDisk('vda', '/3')], snapshots: external, currentSnapshotId: 'c' }),
      images: imagesById(chain),
      several: new Set(several),
    });
    return Object.fromEntries(all.map(({ id, reason }) => [id, reason]));
  };

  it('can be merged where they are one line of the tree, and nothing is done with all of them that is for one', () => {
    expect(reasons('a', 'b')).toMatchObject({
      mergeDown: null,
      mergeUp: null,
      revertToSnapshot: expect.stringContaining('2 are selected') as string,
      deleteWithDescendants: expect.stringContaining('Select one snapshot') as string,
    });
  });

  it('are deleted by one plan where one merge takes no others away', () => {
    expect(reasons('a', 'b')['deleteSnapshot']).toBeNull();
    expect(reasons('a', 'c')['deleteSnapshot']).toContain('Batch… deletes them one after the other');
    expect(reasons('c', null)['deleteSnapshot']).toContain('is no snapshot');
  });

  it('says why there is a gap', () => {
    expect(reasons('a', 'c')['mergeDown']).toContain('without a gap');
  });
});
