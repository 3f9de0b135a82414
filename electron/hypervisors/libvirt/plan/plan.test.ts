import { describe, expect, it } from 'vitest';
import type { BlockJob, ReadableVm, Snapshot } from '../../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../../shared/model/plan.ts';
import { SnaptreeError } from '../../../../shared/errors.ts';
import {
  disk,
  folder,
  held,
  image,
  imagesHolding,
  internal,
  inventory,
  overlay,
  uri,
  vm,
} from '../../../../shared/model/inventory.fixtures.ts';
import type { PlanDraft } from '../../driver.ts';
import { planLibvirt } from './plan.ts';

const uuid = vm().uuid;
const create = (parts: Partial<Extract<ChangeRequest, { action: 'createSnapshot' }>> = {}): ChangeRequest => ({
  action: 'createSnapshot',
  vmUuid: uuid,
  kind: 'internal',
  name: 'before update',
  description: "it's <b>",
  diskTargets: null,
  ...parts,
});
const revert = (snapshotId: string): ChangeRequest => ({
  action: 'revertToSnapshot',
  saveAs: null,
  vmUuid: uuid,
  snapshotId,
});
const remove = (snapshotId: string, withDescendants = false): ChangeRequest => ({
  action: 'deleteSnapshot',
  vmUuid: uuid,
  snapshotId,
  withDescendants,
});
const codes = (notes: readonly { code: string }[]): string[] => notes.map(({ code }) => code);

describe('every plan', () => {
  it('names the URI and the VM by UUID, never by name', () => {
    const host = inventory([vm({ name: '1', snapshots: [internal('a', null)] })], imagesHolding('a'));
    for (const request of [create(), create({ kind: 'external' }), revert('a'), remove('a')]) {
      const plan = planLibvirt(uri, request, host);
      expect(plan.refusals).toEqual([]);
      // What is no command of libvirt changes nothing.
      for (const step of plan.steps.filter(({ writes, creates }) => writes.length + creates.length > 0)) {
        expect(step.argv.slice(0, 3)).toEqual(['virsh', '-c', uri]);
        expect(step.argv).toContain(`--domain=${uuid}`);
        expect(step.argv).not.toContain('1');
      }
    }
  });

  it('names no empty description, which virsh refuses', () => {
    for (const kind of ['internal', 'external'] as const) {
      const plan = planLibvirt(uri, create({ kind, description: '' }), inventory([vm()], imagesHolding()));
      expect(plan.steps.at(-1)?.argv.filter((argument) => argument.startsWith('--description'))).toEqual([]);
    }
  });

  it('is not made for a VM or snapshot that is gone, or that cannot be read', () => {
    const host = inventory([{ readable: false, uuid, name: 'web', reason: 'broken' }], []);
    expect(() => planLibvirt(uri, create(), host)).toThrow(/could not be read \(broken\)/);
    expect(() => planLibvirt(uri, create(), inventory([], []))).toThrow(SnaptreeError);
    expect(() => planLibvirt(uri, revert('x'), inventory([vm()], []))).toThrow(/no snapshot "x" any more/);
  });

  describe('where something could not be looked into', () => {
    const closed = { what: '/other', reason: 'The folder /other cannot be listed by this user.', imageIds: null };
    const unread = { what: 'VM odd', reason: 'The VM could not be read: broken', imageIds: [`${folder}/web.qcow2`] };
    const elsewhere = { what: '/far', reason: 'closed', imageIds: [`${folder}/another.qcow2`] };
    const own = {
      what: 'the image',
      reason: 'odd',
      subject: { kind: 'image' as const, id: `${folder}/web.qcow2`, part: 'device' as const },
      imageIds: null,
    };
    const host = (...unknownDependents: (typeof closed | typeof unread)[]) => ({
      ...inventory([vm({ snapshots: [internal('a', null)] })], imagesHolding('a')),
      unknownDependents,
    });

    it('is refused with its names if it sets data back', () => {
      const plan = planLibvirt(uri, revert('a'), host(closed, unread, elsewhere));
      expect(plan.refusals).toMatchObject([{ code: 'dependentsUnknown', names: ['/other', 'VM odd'] }]);
      expect(plan.refusals[0]?.message).toContain('The folder /other cannot be listed by this user');
      expect(plan.steps).toEqual([]);
      expect(codes(planLibvirt(uri, revert('a'), host(elsewhere)).refusals)).toEqual([]);
    });

    it('names those of many that its sentence leaves out', () => {
      const many = Array.from({ length: 7 }, (_, index) => ({ ...closed, what: `/other/${index}` }));
      const [refusal] = planLibvirt(uri, revert('a'), host(...many)).refusals;
      expect(refusal?.message).toContain('/other/4 (The folder /other cannot be listed by this user) and 2 more.');
      expect(refusal?.untold).toEqual(['/other/5', '/other/6']);
      const remote = many.map((each) => ({ ...each, likelihood: 'remote' as const }));
      const [warning] = planLibvirt(uri, revert('a'), host(...remote)).warnings.filter(
        ({ code }) => code === 'dependentsNotRuledOut',
      );
      expect(warning?.untold).toEqual(['/other/5', '/other/6']);
      expect(planLibvirt(uri, revert('a'), host(closed)).refusals[0]).not.toHaveProperty('untold');
    });

    it('is not refused for what is not known of the very image', () => {
      const data = { ...own, imageIds: [`${folder}/web.qcow2`] };
      expect(codes(planLibvirt(uri, revert('a'), host(data)).refusals)).toEqual([]);
    });

    it('is refused if it merges or removes images', () => {
      const external = internal('e', null, {
        kind: 'external',
        memory: { kind: 'none' },
        disks: [
          {
            target: 'vda',
            kind: 'external',
            dataImageId: `${folder}/base.qcow2`,
            overlayImageId: `${folder}/web.qcow2`,
          },
        ],
      });
      const base = { what: '/x', reason: 'closed', imageIds: [`${folder}/base.qcow2`] };
      const read = (unknown: typeof base) => ({
        ...inventory(
          [vm({ snapshots: [external] })],
          [
            image(`${folder}/base.qcow2`),
            overlay(`${folder}/web.qcow2`, `${folder}/base.qcow2`),
            image(`${folder}/web-data.qcow2`),
          ],
        ),
        unknownDependents: [unknown],
      });
      expect(codes(planLibvirt(uri, remove('e'), read(base)).refusals)).toContain('dependentsUnknown');
      expect(codes(planLibvirt(uri, remove('e'), read(elsewhere)).refusals)).not.toContain('dependentsUnknown');
    });

    it('only warns if no overlay is harmed', () => {
      for (const request of [create(), remove('a')]) {
        const plan = planLibvirt(uri, request, host(closed, unread, elsewhere));
        expect(plan.refusals).toEqual([]);
        const found = plan.warnings.find(({ code }) => code === 'dependentsUnknown');
        expect(found?.names).toEqual(['/other', 'VM odd']);
      }
      expect(codes(planLibvirt(uri, create({ kind: 'external' }), host(closed)).warnings)).not.toContain(
        'dependentsUnknown',
      );
    });
  });

  it('has no steps and leaves the tree as it is where it is refused', () => {
    const plan = planLibvirt(uri, create({ name: 'a/b' }), inventory([vm()], imagesHolding()));
    expect(codes(plan.refusals)).toEqual(['badName']);
    expect(plan.steps).toEqual([]);
    expect(plan.after.snapshots).toEqual([]);
  });

  it.each([
    ['missing', image(`${folder}/web.qcow2`, { status: 'missing' })],
    ['could not be read', image(`${folder}/web.qcow2`, { status: 'unreadable', problem: 'no permission' })],
    ['in a circle', overlay(`${folder}/web.qcow2`, `${folder}/web.qcow2`)],
  ])('is refused where a chain is broken: %s', (words, broken) => {
    const host = inventory([vm()], [broken, image(`${folder}/web-data.qcow2`)]);
    const plan = planLibvirt(uri, create(), host);
    expect(plan.refusals.find(({ code }) => code === 'chainBroken')?.message).toContain(words);
  });

  it.each(['shutting-down', 'suspended', 'crashed', 'unknown'] as const)('is refused while the VM is %s', (state) => {
    const plan = planLibvirt(uri, create(), inventory([vm({ state })], imagesHolding()));
    expect(codes(plan.refusals)).toEqual(['vmState']);
  });

  describe('while a job runs', () => {
    const jobs = (parts: Partial<ReadableVm>) => {
      const host = inventory([vm({ snapshots: [internal('a', null)], ...parts })], imagesHolding('a'));
      return [create(), revert('a'), remove('a')].map((request) => planLibvirt(uri, request, host));
    };
    const onDisk = (parts: Partial<BlockJob>) => {
      const blockJob: BlockJob = { kind: 'copy', target: '/copy', ready: false, detail: null, ...parts };
      const [first, second] = vm().disks;
      return jobs({ disks: [{ ...(first ?? disk('vda', null)), blockJob }, ...(second ? [second] : [])] });
    };
    const refusals = (plans: readonly PlanDraft[]) =>
      plans.flatMap((plan) => plan.refusals.filter(({ code }) => code === 'jobRuns'));

    it('is refused with its name and what ends it', () => {
      const plans = onDisk({});
      expect(refusals(plans).map(({ names }) => names)).toEqual([['vda'], ['vda'], ['vda']]);
      expect(plans.every(({ steps }) => steps.length === 0)).toBe(true);
      const [refusal] = refusals(plans);
      expect(refusal?.message).toContain('On disk vda of web a block job runs: a copy to /copy.');
      expect(refusal?.message).toContain(`blockjob --domain=${uuid} --path=vda --abort`);
      expect(refusal?.message).not.toContain('--pivot');
      expect(refusals(onDisk({ ready: true }))[0]?.message).toContain('--pivot');
    });

    it('says of no commit that it may be broken off, and of no backup', () => {
      for (const kind of ['commit', 'activeCommit', 'backup', 'unknown'] as const) {
        const [refusal] = refusals(onDisk({ kind }));
        expect(refusal?.names).toEqual(['vda']);
        expect(refusal?.message).not.toContain('--abort');
      }
      expect(refusals(onDisk({ kind: 'commit' }))[0]?.message).toContain('Do not break it off');
    });

    it('in the VM as a whole, or may, is refused as well', () => {
      const [saved] = refusals(jobs({ job: { kind: 'save', detail: 'Save' } }));
      expect(saved).toMatchObject({
        names: ['web'],
        message: 'web is being saved. Wait until that is done, then plan again.',
      });
      const silent = refusals(jobs({ job: { kind: 'unknown', detail: 'no monitor' } }));
      expect(silent).toHaveLength(3);
      expect(silent[0]?.message).toContain(`domcontrol --domain=${uuid}`);
    });
  });
});

describe('creating an internal snapshot', () => {
  it('asks for every writable disk by name, and promises what can be checked', () => {
    const disks = [...vm().disks, disk('sda', `${folder}/cd.iso`, { device: 'cdrom', readOnly: true, format: 'raw' })];
    const plan = planLibvirt(uri, create(), inventory([vm({ disks })], imagesHolding()));
    expect(plan.steps).toHaveLength(2);
    const step = plan.steps[1];
    expect(step?.argv.slice(3)).toEqual([
      'snapshot-create-as',
      `--domain=${uuid}`,
      '--name=before update',
      "--description=it's <b>",
      '--diskspec',
      'vda,snapshot=internal',
      '--diskspec',
      'vdb,snapshot=internal',
    ]);
    expect(step?.writes).toEqual([`${folder}/web.qcow2`, `${folder}/web-data.qcow2`]);
    expect(step?.verify).toContainEqual({
      kind: 'internalSnapshot',
      imageId: `${folder}/web-data.qcow2`,
      name: 'before update',
      present: true,
    });
    expect(plan.expectedPause).toContain('32 MiB');
    // Memory, and tables of two images: a few clusters of 64 KiB each.
    const [room] = plan.rooms;
    expect(room?.likelyBytes).toBeGreaterThan(32 * 1024 ** 2);
    expect(room?.likelyBytes).toBeLessThan(33.5 * 1024 ** 2);
    // With what the guest's devices hold besides.
    expect((room?.atMostBytes ?? 0) - (room?.likelyBytes ?? 0)).toBeGreaterThan(200 * 1024 ** 2);
    expect(plan.after.currentSnapshotId).toBe('before update');
  });

  it('has no memory and no pause for a VM that is shut off', () => {
    const plan = planLibvirt(uri, create(), inventory([vm({ state: 'shutoff' })], imagesHolding()));
    expect(plan.expectedPause).toBeNull();
    expect(plan.after.snapshots[0]?.memory).toEqual({ kind: 'none' });
  });

  it.each(['a "b"', 'ends\\\\', 'a\\\\nb'])('is refused for the name %j while the VM runs, and only then', (name) => {
    const refusals = (state: 'running' | 'paused' | 'shutoff') =>
      codes(planLibvirt(uri, create({ name }), inventory([vm({ state })], imagesHolding())).refusals);
    expect(refusals('running')).toEqual(['nameNotForMonitor']);
    expect(refusals('paused')).toEqual(['nameNotForMonitor']);
    expect(refusals('shutoff')).toEqual([]);
    const host = inventory([vm({ snapshots: [internal(name, null)], currentSnapshotId: name })], imagesHolding(name));
    const request = { action: 'deleteSnapshot', vmUuid: uuid, snapshotId: name, withDescendants: false } as const;
    expect(codes(planLibvirt(uri, request, host).refusals)).toContain('nameNotForMonitor');
  });

  it('hangs the new snapshot on the current one', () => {
    const host = inventory([vm({ snapshots: [internal('a', null)], currentSnapshotId: 'a' })], imagesHolding('a'));
    expect(planLibvirt(uri, create(), host).after.snapshots.at(-1)?.parentId).toBe('a');
  });

  it('is refused with the name of the raw disk', () => {
    const host = inventory(
      [vm({ disks: [disk('vda', `${folder}/web.raw`, { format: 'raw' })] })],
      [image(`${folder}/web.raw`, { format: 'raw' })],
    );
    expect(planLibvirt(uri, create(), host).refusals).toMatchObject([
      { code: 'formatWithoutSnapshots', names: ['vda'] },
    ]);
  });

  it.each(['', ' a', 'a/b', '.a', 'a\nb', '7', 'é'.repeat(101), '\u0000'])('is refused for the name %j', (name) => {
    expect(codes(planLibvirt(uri, create({ name }), inventory([vm()], imagesHolding())).refusals)).toEqual(['badName']);
  });

  it('is refused for a name that is taken', () => {
    const host = inventory([vm({ snapshots: [internal('a', null)] })], imagesHolding('a'));
    expect(codes(planLibvirt(uri, create({ name: 'a' }), host).refusals)).toEqual(['nameTaken']);
  });

  it.each(['running', 'shutoff'] as const)(
    'is refused where data of that name lies in an image of a VM %s',
    (state) => {
      const plan = planLibvirt(uri, create({ name: 'a' }), inventory([vm({ state })], imagesHolding('a')));
      expect(plan.refusals).toMatchObject([
        { code: 'otherDataOfThatName', names: [`${folder}/web.qcow2`] },
        { code: 'otherDataOfThatName', names: [`${folder}/web-data.qcow2`] },
      ]);
    },
  );

  it('is refused while a floppy is in a drive that writes', () => {
    const floppy = (readOnly: boolean) => disk('fda', `${folder}/floppy.img`, { device: 'floppy', readOnly });
    const plan = (readOnly: boolean) =>
      planLibvirt(
        uri,
        create(),
        inventory(
          [vm({ disks: [...vm().disks, floppy(readOnly)] })],
          [...imagesHolding(), image(`${folder}/floppy.img`)],
        ),
      );
    expect(plan(false).refusals).toMatchObject([{ code: 'floppy', names: ['fda'] }]);
    expect(plan(true).refusals).toEqual([]);
  });

  it('is refused where two disks are the same image', () => {
    const disks = [disk('vda', `${folder}/web.qcow2`), disk('vdb', `${folder}/web.qcow2`)];
    expect(planLibvirt(uri, create(), inventory([vm({ disks })], imagesHolding())).refusals[0]).toMatchObject({
      code: 'imageHasDependents',
      names: ['disk vda', 'disk vdb'],
    });
  });

  it('is refused where another image hangs on the active layer, with its name', () => {
    const host = inventory([vm()], [...imagesHolding(), overlay(`${folder}/clone.qcow2`, `${folder}/web.qcow2`)]);
    const plan = planLibvirt(uri, create(), host);
    expect(plan.refusals).toMatchObject([{ code: 'imageHasDependents', names: [`${folder}/clone.qcow2`] }]);
    expect(plan.refusals[0]?.message).toContain(
      `${folder}/clone.qcow2 is named by no VM and no snapshot of this host, as what a revert without saving leaves: where nobody needs what was written to it, move it away`,
    );
  });

  it('is refused with UEFI before libvirt 10.9 and planned from then on', () => {
    const machine = vm({ hasNvram: true });
    expect(codes(planLibvirt(uri, create(), inventory([machine], imagesHolding(), '10.8.0')).refusals)).toEqual([
      'firmware',
    ]);
    expect(
      planLibvirt(uri, create({ name: 'before-update' }), inventory([machine], imagesHolding(), '10.9.0')).refusals,
    ).toEqual([]);
  });

  it('is refused while the VM runs where what is written to a disk is thrown away', () => {
    const disks = [{ ...disk('vda', `${folder}/web.qcow2`), transient: true as const }];
    for (const kind of ['internal', 'external'] as const) {
      const plan = (state: 'running' | 'shutoff') =>
        planLibvirt(uri, create({ kind }), inventory([vm({ state, disks })], imagesHolding()));
      expect(codes(plan('running').refusals)).toEqual(['transientDisk']);
      expect(plan('shutoff').refusals).toEqual([]);
    }
  });

  it('of a VM that exists only as long as it runs is refused if external, and said to lose its record if internal', () => {
    const transient = inventory([vm({ persistent: false })], imagesHolding());
    expect(codes(planLibvirt(uri, create({ kind: 'external' }), transient).refusals)).toEqual(['transient']);
    const inside = planLibvirt(uri, create(), transient);
    expect(inside.refusals).toEqual([]);
    expect(codes(inside.warnings)).toContain('transient');
  });

  it('is refused where the firmware variables are in qcow2, which libvirt makes part of it; elsewhere it says that they are not', () => {
    const plan = (nvramFormat?: string) =>
      planLibvirt(
        uri,
        create({ name: 'before-update' }),
        inventory([vm({ hasNvram: true, ...(nvramFormat && { nvramFormat }) })], imagesHolding(), '11.3.0'),
      );
    expect(codes(plan('qcow2').refusals)).toEqual(['firmware']);
    expect(plan('raw').refusals).toEqual([]);
    expect(codes(plan().warnings)).toContain('withoutNvram');
  });

  it('warns where storage is short of the memory', () => {
    const host = {
      ...inventory([vm()], imagesHolding()),
      filesystems: [{ folder, freeBytes: 1000, totalBytes: 10_000 }],
    };
    expect(codes(planLibvirt(uri, create(), host).warnings)).toEqual(['littleSpace']);
  });

  it('tells of the room of every disk’s file system, the tightest first', () => {
    const elsewhere = '/mnt/small';
    const [first, second] = imagesHolding();
    const host = (freeBytes: number) => ({
      ...inventory(
        [vm({ state: 'shutoff', disks: [disk('vda', `${folder}/web.qcow2`), disk('vdb', `${elsewhere}/data.qcow2`)] })],
        [
          ...(first ? [first] : []),
          ...(second ? [{ ...second, id: `${elsewhere}/data.qcow2`, virtualBytes: 1e9 }] : []),
        ],
      ),
      filesystems: [
        { folder, freeBytes: 1e12, totalBytes: 2e12 },
        { folder: elsewhere, freeBytes, totalBytes: 2e9 },
      ],
    });
    for (const request of [create(), create({ kind: 'external' })]) {
      const { rooms, warnings } = planLibvirt(uri, request, host(0));
      expect(rooms).toMatchObject([
        { folders: [elsewhere], freeBytes: 0 },
        { folders: [folder], freeBytes: 1e12 },
      ]);
      for (const { atMostBytes } of rooms) expect(atMostBytes).toBeGreaterThan(0);
      expect(warnings.map(({ message }) => message).join(' ')).toContain(`${elsewhere} has 0 B free`);
    }
    expect(codes(planLibvirt(uri, create(), host(1e9)).warnings)).toEqual([]);
  });

  it('warns that it will live inside an overlay', () => {
    const layers = [image(`${folder}/base.qcow2`), overlay(`${folder}/web.qcow2`, `${folder}/base.qcow2`)];
    const external = internal('ext', null, {
      kind: 'external',
      disks: [
        { target: 'vda', kind: 'external', dataImageId: `${folder}/base.qcow2`, overlayImageId: `${folder}/web.qcow2` },
      ],
    });
    const host = inventory([vm({ disks: [disk('vda', `${folder}/web.qcow2`)], snapshots: [external] })], layers);
    expect(codes(planLibvirt(uri, create(), host).warnings)).toEqual(['insideOverlay']);
  });
});

describe('creating an external snapshot', () => {
  const external = create({ kind: 'external', name: 'a,b:c' });

  it('makes one overlay a disk beside its active layer, under a name that no tool takes for syntax', () => {
    const plan = planLibvirt(uri, external, inventory([vm()], imagesHolding()));
    expect(plan.refusals).toEqual([]);
    expect(plan.steps.at(-1)?.creates).toEqual([`${folder}/web.a-b-c.qcow2`, `${folder}/web-data.a-b-c.qcow2`]);
    expect(plan.steps.at(-1)?.argv).toContain(`vda,snapshot=external,file=${folder}/web.a-b-c.qcow2`);
    expect(plan.steps.at(-1)?.verify).toContainEqual({
      kind: 'imageParent',
      imageId: `${folder}/web.a-b-c.qcow2`,
      parentId: `${folder}/web.qcow2`,
    });
    expect(plan.after.chains[0]?.imageIds).toEqual([`${folder}/web.a-b-c.qcow2`, `${folder}/web.qcow2`]);
  });

  it('does not take the name of a file that is there', () => {
    const host = inventory([vm()], [...imagesHolding(), image(`${folder}/web.a-b-c.qcow2`)]);
    expect(planLibvirt(uri, external, host).steps.at(-1)?.creates[0]).toBe(`${folder}/web.a-b-c-2.qcow2`);
  });

  it('doubles a comma of the folder in the diskspec', () => {
    const odd = '/srv/a,b';
    const host = inventory([vm({ disks: [disk('vda', `${odd}/web.qcow2`)] })], [image(`${odd}/web.qcow2`)]);
    expect(planLibvirt(uri, external, host).steps.at(-1)?.argv).toContain(
      'vda,snapshot=external,file=/srv/a,,b/web.a-b-c.qcow2',
    );
  });

  it('leaves out the disks that were not chosen, says so, and refuses unknown ones', () => {
    const host = inventory([vm()], imagesHolding());
    const plan = planLibvirt(uri, create({ kind: 'external', diskTargets: ['vda'] }), host);
    expect(plan.steps.at(-1)?.argv).toContain('vdb,snapshot=no');
    expect(plan.warnings.find(({ code }) => code === 'partial')?.names).toEqual(['vdb']);
    expect(codes(planLibvirt(uri, create({ kind: 'external', diskTargets: ['vdz'] }), host).refusals)).toEqual([
      'noSuchDisk',
      'noDisk',
    ]);
  });

  it('works for raw disks, and refuses one that is not a file', () => {
    const raw = inventory(
      [vm({ disks: [disk('vda', `${folder}/w.raw`, { format: 'raw' })] })],
      [image(`${folder}/w.raw`, { format: 'raw' })],
    );
    expect(planLibvirt(uri, external, raw).refusals).toEqual([]);
    const block = inventory([vm({ disks: [disk('vda', '/dev/vg/web')] })], [image('/dev/vg/web', { kind: 'block' })]);
    expect(codes(planLibvirt(uri, external, block).refusals)).toEqual(['noPlaceForOverlay']);
  });

  it('makes no overlay for a floppy', () => {
    const disks = [
      ...vm().disks,
      disk('fda', `${folder}/floppy.img`, { device: 'floppy' }),
      disk('sda', `${folder}/cd.iso`, { device: 'cdrom', readOnly: true }),
    ];
    const layers = [...imagesHolding(), image(`${folder}/floppy.img`), image(`${folder}/cd.iso`)];
    const argv = planLibvirt(uri, external, inventory([vm({ disks })], layers)).steps.at(-1)?.argv ?? [];
    expect(argv.filter((argument) => argument.endsWith('snapshot=no'))).toEqual(['fda,snapshot=no']);
  });

  it('is refused where a saved memory would be resumed below the overlays', () => {
    const host = inventory([vm({ state: 'shutoff', hasManagedSave: true })], imagesHolding());
    expect(codes(planLibvirt(uri, external, host).refusals)).toEqual(['managedSave']);
  });

  it('is refused where another disk writes to what would become its data, but not for readers', () => {
    const twin = (readOnly: boolean) =>
      vm({
        uuid: '22222222-2222-4222-8222-222222222222',
        name: 'twin',
        state: 'shutoff',
        disks: [disk('vdc', `${folder}/web.qcow2`, { readOnly })],
      });
    expect(planLibvirt(uri, external, inventory([vm(), twin(false)], imagesHolding())).refusals).toMatchObject([
      { code: 'imageHasDependents', names: ['VM twin'] },
    ]);
    expect(planLibvirt(uri, external, inventory([vm(), twin(true)], imagesHolding())).refusals).toEqual([]);
    const twice = vm({ disks: [disk('vda', `${folder}/web.qcow2`), disk('vdb', `${folder}/web.qcow2`)] });
    expect(planLibvirt(uri, external, inventory([twice], imagesHolding())).refusals).toMatchObject([
      { names: ['disk vdb'] },
      { names: ['disk vda'] },
    ]);
  });

  it('is refused where the chain would get too long for this libvirt', () => {
    const layers = [
      image(`${folder}/0`),
      ...Array.from({ length: 24 }, (_, index) => overlay(`${folder}/${index + 1}`, `${folder}/${index}`)),
    ];
    const machine = vm({ disks: [disk('vda', `${folder}/24`)] });
    expect(codes(planLibvirt(uri, external, inventory([machine], layers)).refusals)).toEqual(['chainTooLong']);
    expect(planLibvirt(uri, external, inventory([machine], layers, '12.0.0')).refusals).toEqual([]);
  });
});

describe('reverting to an internal snapshot', () => {
  const snapshots = [internal('a', null), internal('b', 'a', { vmState: 'shutoff', memory: { kind: 'none' } })];

  it('shows the disks afterwards as they were then: none that came later, and those that were detached', () => {
    const disks = [disk('vda', `${folder}/web.qcow2`), disk('vdc', `${folder}/later.qcow2`)];
    const host = inventory([vm({ disks, snapshots })], [...imagesHolding('a', 'b'), image(`${folder}/later.qcow2`)]);
    expect(planLibvirt(uri, revert('a'), host).after.chains).toEqual([
      { target: 'vda', imageIds: [`${folder}/web.qcow2`] },
      { target: 'vdb', imageIds: [`${folder}/web-data.qcow2`] },
    ]);
  });

  describe('with the present state saved first', () => {
    const saving = (snapshotId: string, saveAs: string): ChangeRequest => ({
      action: 'revertToSnapshot',
      vmUuid: uuid,
      snapshotId,
      saveAs,
    });

    it('takes a snapshot of it before anything is set back, and keeps it in the tree', () => {
      const host = inventory([vm({ snapshots, currentSnapshotId: 'b' })], imagesHolding('a', 'b'));
      const bare = planLibvirt(uri, revert('a'), host);
      const plan = planLibvirt(uri, saving('a', 'kept'), host);
      expect(plan.refusals).toEqual([]);
      const looks = bare.steps.slice(0, -1);
      expect(plan.steps.slice(0, looks.length)).toEqual(looks);
      const [room, save, back, ...more] = plan.steps.slice(looks.length);
      expect(room?.onlyLooks).toBe(true);
      expect(save?.argv).toEqual(expect.arrayContaining(['snapshot-create-as', '--name=kept', '--halt']));
      expect(save?.verify).toContainEqual({ kind: 'vmState', oneOf: ['shutoff'] });
      expect(back?.argv).toEqual(bare.steps.at(-1)?.argv);
      // Nothing takes it back by itself: that writes over the disks.
      expect(more).toEqual([]);
      expect([save, back].map((step) => step?.group)).toEqual(['revert', 'revert']);
      expect(codes(plan.warnings)).toEqual(['presentStateSaved', 'mayBeStartedAgain']);
      expect(plan.after).toMatchObject({ vmState: 'running', currentSnapshotId: 'a' });
      expect(plan.after.snapshots.map(({ id, parentId }) => [id, parentId])).toEqual([
        ['a', null],
        ['b', 'a'],
        ['kept', 'b'],
      ]);
      expect(plan.rooms[0]?.atMostBytes).toBeGreaterThan(0);
      expect(plan.expectedPause).toContain('of memory is written into');
      expect(plan.expectedPause).toContain(bare.expectedPause);
    });

    it('is refused where it cannot be saved, and says that the revert alone can be planned', () => {
      const images = imagesHolding('a', 'b');
      const transient = disk('vdc', `${folder}/later.raw`, { format: 'raw' });
      const host = inventory(
        [vm({ disks: [...vm().disks, transient], snapshots })],
        [...images, image(`${folder}/later.raw`, { format: 'raw' })],
      );
      expect(planLibvirt(uri, revert('a'), host).refusals).toEqual([]);
      const { refusals, steps } = planLibvirt(uri, saving('a', 'kept'), host);
      expect(steps).toEqual([]);
      expect(codes(refusals)).toEqual(['formatWithoutSnapshots']);
      expect(refusals[0]?.message).toMatch(
        /^The present state cannot be saved first: .*Without saving it, the plan can be made/,
      );
      expect(codes(planLibvirt(uri, saving('a', 'a'), host).refusals)).toContain('nameTaken');
    });

    it('ends no VM for it that exists only as long as it runs, and leaves one that is shut off as it is', () => {
      const gone = inventory([vm({ snapshots, persistent: false })], imagesHolding('a', 'b'));
      expect(codes(planLibvirt(uri, saving('a', 'kept'), gone).refusals)).toContain('transient');
      const off = inventory([vm({ snapshots, state: 'shutoff' })], imagesHolding('a', 'b'));
      const { steps } = planLibvirt(uri, saving('b', 'kept'), off);
      expect(steps.flatMap(({ argv }) => argv)).not.toContain('--halt');
      expect(steps.map(({ group }) => group)).toEqual(steps.map(() => null));
    });

    it('does not promise to keep what is on a disk that the VM does not have now', () => {
      const disks = [disk('vda', `${folder}/web.qcow2`)];
      const host = inventory([vm({ snapshots, disks, state: 'shutoff' })], imagesHolding('a', 'b'));
      const bare = planLibvirt(uri, revert('b'), host);
      expect(bare.refusals).toEqual([]);
      expect(codes(bare.warnings)).toContain('detachedDiskSetBack');
      const { refusals } = planLibvirt(uri, saving('b', 'kept'), host);
      expect(codes(refusals)).toEqual(['detachedDiskSetBack']);
      expect(refusals[0]?.names).toEqual([`${folder}/web-data.qcow2`]);
    });

    it('needs before 7.10 what a revert of a VM that is shut off needs, which it is then', () => {
      const revertObstacles = [{ path: '/x.iso', message: 'It needs /x.iso.', remedy: 'Put it back.' }];
      const needing = [internal('a', null, { revertObstacles })];
      const host = inventory([vm({ snapshots: needing })], imagesHolding('a'), '7.0.0');
      expect(codes(planLibvirt(uri, revert('a'), host).refusals)).toEqual([]);
      expect(codes(planLibvirt(uri, saving('a', 'kept'), host).refusals)).toEqual(['revertObstacle']);
    });

    it('says once what stands against both', () => {
      const host = inventory(
        [vm({ snapshots })],
        [...imagesHolding('a', 'b'), overlay(`${folder}/clone.qcow2`, `${folder}/web.qcow2`)],
      );
      const bare = planLibvirt(uri, revert('a'), host);
      expect(codes(bare.refusals)).toEqual(['imageHasDependents']);
      expect(planLibvirt(uri, saving('a', 'kept'), host).refusals).toEqual(bare.refusals);
    });
  });

  it('goes back to the state in which the snapshot was taken, and says what is lost', () => {
    const host = inventory([vm({ snapshots, currentSnapshotId: 'b' })], imagesHolding('a', 'b'));
    const running = planLibvirt(uri, revert('a'), host);
    expect(running.refusals).toEqual([]);
    expect(running.after).toMatchObject({ vmState: 'running', currentSnapshotId: 'a' });
    expect(codes(running.warnings)).toEqual(['presentStateLost', 'startMayFail']);
    expect(running.warnings[0]?.message).toContain('Its definition');
    const off = planLibvirt(uri, revert('b'), host);
    expect(off.after.vmState).toBe('shutoff');
    expect(codes(off.warnings)).toEqual(['presentStateLost', 'endsRunningVm', 'mayBeStartedAgain']);
  });

  it('is refused where an overlay hangs on the image that would go back: its data would become wrong', () => {
    const layers = [...imagesHolding('a'), overlay(`${folder}/web.ext.qcow2`, `${folder}/web.qcow2`)];
    const machine = vm({
      disks: [disk('vda', `${folder}/web.ext.qcow2`), disk('vdb', `${folder}/web-data.qcow2`)],
      snapshots: [internal('a', null)],
    });
    const refusals = planLibvirt(uri, revert('a'), inventory([machine], layers)).refusals;
    expect(codes(refusals)).toEqual(['otherActiveLayer', 'imageHasDependents']);
    expect(refusals[1]?.names).toEqual([`${folder}/web.ext.qcow2`]);
  });

  it('is refused where an image that is used as raw begins as an overlay of it, with who uses that', () => {
    const clone = `${folder}/clone.qcow2`;
    const web = `${folder}/web.qcow2`;
    const header = { format: 'qcow2', reference: web, mayDependOn: [web] };
    const own = vm({ snapshots: [internal('a', null)] });
    const other = vm({ uuid: 'other', name: 'other', disks: [disk('sda', clone, { format: 'raw' })] });
    const on = (vms: ReadableVm[]) =>
      planLibvirt(
        uri,
        revert('a'),
        inventory([own, ...vms], [...imagesHolding('a'), image(clone, { format: 'raw', header })]),
      );
    const plan = on([other]);
    expect(plan.refusals).toMatchObject([{ code: 'imageMayHaveDependents', names: [clone] }]);
    expect(plan.refusals[0]?.message).toContain(`${clone} is used as raw by disk sda of VM other`);
    expect(plan.steps).toEqual([]);
    expect(on([]).refusals[0]?.message).toContain(`${clone} is used as raw, but`);
    // Where it has a dependent for certain, the doubtful one is said besides.
    const sure = inventory(
      [own, other],
      [...imagesHolding('a'), image(clone, { format: 'raw', header }), overlay(`${folder}/over.qcow2`, web)],
    );
    expect(codes(planLibvirt(uri, revert('a'), sure).refusals)).toEqual([
      'imageHasDependents',
      'imageMayHaveDependents',
    ]);
  });

  it('names the other VM that writes to the same image', () => {
    const other = vm({ uuid: '22222222-2222-4222-8222-222222222222', name: 'twin', state: 'shutoff' });
    const host = inventory([vm({ snapshots: [internal('a', null)] }), other], imagesHolding('a'));
    expect(planLibvirt(uri, revert('a'), host).refusals[0]?.names).toEqual(['VM twin']);
  });

  it('is refused where the record has no data, and where the name leads to another snapshot', () => {
    const host = inventory([vm({ snapshots: [internal('a', null)] })], imagesHolding());
    expect(codes(planLibvirt(uri, revert('a'), host).refusals)).toEqual(['recordWithoutData', 'recordWithoutData']);
    // The name "2" is the number of the snapshot "later": qemu-img would take that one.
    const numbered = inventory([vm({ snapshots: [internal('2', null)] })], imagesHolding('2', 'later'));
    const refusals = planLibvirt(uri, revert('2'), numbered).refusals;
    expect(refusals.map(({ code, names }) => [code, ...names])).toEqual([
      ['ambiguousSnapshot', 'later'],
      ['ambiguousSnapshot', 'later'],
    ]);
    const twice = inventory([vm({ snapshots: [internal('a', null)] })], imagesHolding('a', 'a'));
    expect(codes(planLibvirt(uri, revert('a'), twice).refusals)).toContain('ambiguousSnapshot');
  });

  it('is refused where its images hold something else of that name, or not the memory of its record', () => {
    const before = inventory([vm({ snapshots: [internal('a', null, { createdAt: 1000 })] })], imagesHolding('a'));
    expect(codes(planLibvirt(uri, revert('a'), before).refusals)).toEqual([
      'otherDataOfThatName',
      'otherDataOfThatName',
    ]);
    const withoutMemory = imagesHolding('a').map((one) => ({
      ...one,
      internalSnapshots: one.internalSnapshots.map((each) => ({ ...each, memoryBytes: 0 })),
    }));
    const host = inventory([vm({ snapshots: [internal('a', null)] })], withoutMemory);
    expect(codes(planLibvirt(uri, revert('a'), host).refusals)).toEqual(['memoryMissing']);
  });

  it('is refused where the definition of its time lacks something that its memory needs, and warned of without memory', () => {
    const revertObstacles = [{ path: '/x.iso', message: 'It needs /x.iso.', remedy: 'Put it back.' }];
    const withMemory = inventory([vm({ snapshots: [internal('a', null, { revertObstacles })] })], imagesHolding('a'));
    expect(planLibvirt(uri, revert('a'), withMemory).refusals.map(({ code, names }) => [code, ...names])).toEqual([
      ['revertObstacle', '/x.iso'],
    ]);
    const offline = internal('a', null, { revertObstacles, memory: { kind: 'none' }, vmState: 'shutoff' });
    const planFor = (state: 'running' | 'shutoff', snapshot: Snapshot) =>
      planLibvirt(uri, revert('a'), inventory([vm({ state, snapshots: [snapshot] })], imagesHolding('a')));
    expect(codes(planFor('shutoff', offline).refusals)).toEqual([]);
    expect(codes(planFor('shutoff', offline).warnings)).toContain('revertObstacle');
    expect(codes(planFor('running', offline).refusals)).toEqual(['revertObstacle']);
    const pool = { path: 'pool/v', message: 'Gone.', remedy: 'Define it.', stopsRevert: true as const };
    const onPool = { ...offline, revertObstacles: [pool] };
    expect(codes(planFor('shutoff', onPool).refusals)).toEqual(['revertObstacle']);
  });

  it('before 7.10 needs nothing of what its definition names while the VM runs', () => {
    const revertObstacles = [{ path: '/x.iso', message: 'It needs /x.iso.', remedy: 'Put it back.' }];
    const snapshots = [internal('a', null, { revertObstacles })];
    const planFor = (state: 'running' | 'shutoff', version: string | null = '7.0.0') => {
      const host = inventory([vm({ state, snapshots })], imagesHolding('a'));
      return planLibvirt(uri, revert('a'), { ...host, hypervisor: { ...host.hypervisor, version } });
    };
    expect(codes(planFor('running').refusals)).toEqual([]);
    expect(codes(planFor('running').warnings)).toContain('revertObstacle');
    expect(codes(planFor('shutoff').refusals)).toEqual(['revertObstacle']);
    expect(codes(planFor('running', null).refusals)).toContain('revertObstacle');
  });

  it('before 7.10 does not say that the definition goes back while the VM runs', () => {
    const saysSo = (state: 'running' | 'shutoff', version: string) => {
      const host = inventory([vm({ state, snapshots: [internal('a', null)] })], imagesHolding('a'), version);
      const { warnings } = planLibvirt(uri, revert('a'), host);
      return warnings.some(({ message }) => message.includes('goes back to that of the snapshot'));
    };
    expect([saysSo('running', '7.0.0'), saysSo('running', '9.0.0'), saysSo('shutoff', '7.0.0')]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('is refused before 7.10 while the VM runs with other disks than those of the snapshot', () => {
    const one = internal('a', null, { disks: [held('vda', `${folder}/web.qcow2`)] });
    const host = (state: 'running' | 'shutoff', version: string) =>
      inventory([vm({ state, snapshots: [one] })], imagesHolding('a'), version);
    const codesOf = (state: 'running' | 'shutoff', version: string) =>
      codes(planLibvirt(uri, revert('a'), host(state, version)).refusals);
    expect(codesOf('running', '7.0.0')).toEqual(['otherDevices']);
    expect(codesOf('shutoff', '7.0.0')).toEqual([]);
    expect(codesOf('running', '9.0.0')).toEqual([]);
  });

  it('is refused where a saved memory would be resumed later, and for a transient VM that it would shut off', () => {
    const saved = inventory([vm({ snapshots, state: 'shutoff', hasManagedSave: true })], imagesHolding('a', 'b'));
    expect(codes(planLibvirt(uri, revert('b'), saved).refusals)).toEqual(['managedSave']);
    expect(codes(planLibvirt(uri, revert('a'), saved).refusals)).toEqual(['managedSave']);
    const transient = inventory([vm({ snapshots, persistent: false })], imagesHolding('a', 'b'));
    expect(codes(planLibvirt(uri, revert('b'), transient).refusals)).toEqual(['transient']);
  });

  it('warns of disks that the snapshot does not hold', () => {
    const partial = internal('a', null, { disks: [held('vda', `${folder}/web.qcow2`)] });
    const host = inventory([vm({ snapshots: [partial] })], imagesHolding('a'));
    expect(
      planLibvirt(uri, revert('a'), host).warnings.find(({ code }) => code === 'disksNotInSnapshot')?.names,
    ).toEqual(['vdb']);
  });
});

describe('deleting internal snapshots', () => {
  const snapshots = [internal('a', null), internal('b', 'a'), internal('c', 'b'), internal('d', 'b')];
  const host = inventory([vm({ snapshots, currentSnapshotId: 'd' })], imagesHolding('a', 'b', 'c', 'd'));

  it('goes by the name, also where that is the number of another', () => {
    const numbered = inventory([vm({ snapshots: [internal('2', null)] })], imagesHolding('2', 'later'));
    expect(planLibvirt(uri, remove('2'), numbered).refusals).toEqual([]);
    const twice = inventory([vm({ snapshots: [internal('a', null)] })], imagesHolding('a', 'a'));
    expect(codes(planLibvirt(uri, remove('a'), twice).refusals)).toContain('ambiguousSnapshot');
  });

  it('is refused where its images hold something else of that name', () => {
    const before = inventory([vm({ snapshots: [internal('a', null, { createdAt: 1000 })] })], imagesHolding('a'));
    const { refusals, warnings } = planLibvirt(uri, remove('a'), before);
    expect(refusals.map(({ code, names }) => [code, ...names])).toEqual([
      ['otherDataOfThatName', `${folder}/web.qcow2`],
      ['otherDataOfThatName', `${folder}/web-data.qcow2`],
    ]);
    expect(codes(warnings)).not.toContain('recordWithoutData');
  });

  it('and reverting as well, and where no image holds the memory of the record', () => {
    const revertTo = { action: 'revertToSnapshot', saveAs: null, vmUuid: vm().uuid, snapshotId: 'a' } as const;
    const before = inventory([vm({ snapshots: [internal('a', null, { createdAt: 1000 })] })], imagesHolding('a'));
    expect(codes(planLibvirt(uri, revertTo, before).refusals)).toEqual(['otherDataOfThatName', 'otherDataOfThatName']);
    const withoutMemory = imagesHolding('a').map((each) => ({
      ...each,
      internalSnapshots: each.internalSnapshots.map((tag) => ({ ...tag, memoryBytes: 0 })),
    }));
    const promised = inventory([vm({ snapshots: [internal('a', null)] })], withoutMemory);
    expect(codes(planLibvirt(uri, revertTo, promised).refusals)).toEqual(['memoryMissing']);
  });

  it('is refused where its data is in another image, which nobody could tell without the record', () => {
    const [holding, ...others] = imagesHolding('a');
    const moved = image(`${folder}/moved.qcow2`, { internalSnapshots: holding?.internalSnapshots ?? [] });
    const host = inventory(
      [vm({ snapshots: [internal('a', null)] })],
      [image(`${folder}/web.qcow2`), ...others, moved],
    );
    const { refusals } = planLibvirt(uri, remove('a'), host);
    expect(refusals.map(({ code, names }) => [code, ...names])).toEqual([['dataElsewhere', moved.id]]);
  });

  it('is done only where no job has begun on a disk meanwhile, after each of its steps', () => {
    const { steps } = planLibvirt(uri, remove('b', true), host);
    expect(steps).toHaveLength(3);
    for (const { verify } of steps) {
      expect(verify.filter(({ kind }) => kind === 'noBlockJob')).toEqual([
        { kind: 'noBlockJob', target: 'vda' },
        { kind: 'noBlockJob', target: 'vdb' },
      ]);
    }
  });

  it('gives the children of the deleted one to its parent', () => {
    const plan = planLibvirt(uri, remove('b'), host);
    expect(plan.refusals).toEqual([]);
    expect(plan.steps).toHaveLength(1);
    expect(plan.after.snapshots.map(({ id, parentId }) => [id, parentId])).toEqual([
      ['a', null],
      ['c', 'a'],
      ['d', 'a'],
    ]);
    expect(plan.after.currentSnapshotId).toBe('d');
  });

  it('deletes a subtree leaf by leaf, and the present state falls back to the surviving ancestor', () => {
    const plan = planLibvirt(uri, remove('b', true), host);
    expect(plan.steps.map(({ argv }) => argv.at(-1))).toEqual([
      '--snapshotname=d',
      '--snapshotname=c',
      '--snapshotname=b',
    ]);
    expect(plan.after.snapshots.map(({ id }) => id)).toEqual(['a']);
    expect(plan.after.currentSnapshotId).toBe('a');
  });

  it('deletes several, those below first, and says of the host what goes and nothing else', () => {
    const names = ['a', 'b', 'c'];
    const host = inventory(
      [vm({ snapshots: names.map((name, index) => internal(name, names[index - 1] ?? null)), currentSnapshotId: 'c' })],
      imagesHolding(...names),
    );
    const request: ChangeRequest = {
      action: 'deleteSnapshot',
      vmUuid: uuid,
      snapshotId: 'c',
      otherSnapshotIds: ['a', 'c'],
      withDescendants: false,
    };
    const plan = planLibvirt(uri, request, host);
    expect(plan.refusals).toEqual([]);
    expect(plan.title).toContain('"a", "c"');
    expect(plan.steps.map(({ title }) => title)).toEqual(['Delete "c"', 'Delete "a"']);
    expect(plan.after.snapshots).toMatchObject([{ id: 'b', parentId: null }]);
    expect(plan.after.currentSnapshotId).toBe('b');
    expect(() => planLibvirt(uri, { ...request, otherSnapshotIds: ['gone'] }, host)).toThrow('no snapshot "gone"');
  });

  it('names of a large subtree those that its sentence leaves out', () => {
    const names = Array.from({ length: 22 }, (_, index) => `s${index}`);
    const snapshots = names.map((name, index) => internal(name, names[index - 1] ?? null));
    const { warnings } = planLibvirt(uri, remove('s0', true), inventory([vm({ snapshots })], imagesHolding(...names)));
    const lost = warnings.find(({ code }) => code === 'cannotComeBack');
    expect(lost?.message).toContain('"s19" and 2 more cannot be brought back');
    expect(lost?.untold).toEqual(['s20', 's21']);
  });

  it('refuses to delete an external snapshot whose overlay holds internal snapshots, naming them', () => {
    const top = `${folder}/web.ext.qcow2`;
    const external = internal('ext', null, {
      kind: 'external',
      memory: { kind: 'none' },
      disks: [{ target: 'vda', kind: 'external', dataImageId: `${folder}/web.qcow2`, overlayImageId: top }],
    });
    const inside = internal('inside', 'ext', { disks: [held('vda', top)] });
    const stored = { id: '1', name: 'unrecorded', createdAt: 1, memoryBytes: 0 };
    const layers = [
      image(`${folder}/web.qcow2`),
      overlay(top, `${folder}/web.qcow2`, { internalSnapshots: [{ ...stored, id: '2', name: 'inside' }, stored] }),
    ];
    const machine = vm({ disks: [disk('vda', top)], snapshots: [external, inside], currentSnapshotId: 'inside' });
    const plan = planLibvirt(uri, remove('ext'), inventory([machine], layers));
    expect(codes(plan.refusals)).toEqual(['wouldDestroySnapshots']);
    expect(plan.refusals[0]?.names).toEqual(['inside', 'unrecorded']);
    expect(codes(planLibvirt(uri, remove('ext', true), inventory([machine], layers)).refusals)).toContain(
      'wouldDestroySnapshots',
    );
  });

  it('is refused where the snapshot lives in an image that is no longer the active layer', () => {
    const layers = [...imagesHolding('a'), overlay(`${folder}/top.qcow2`, `${folder}/web.qcow2`)];
    const machine = vm({
      disks: [disk('vda', `${folder}/top.qcow2`), disk('vdb', `${folder}/web-data.qcow2`)],
      snapshots: [internal('a', null)],
    });
    expect(codes(planLibvirt(uri, remove('a'), inventory([machine], layers)).refusals)).toEqual(['otherActiveLayer']);
  });

  it('is refused while the VM runs where another disk holds data of that name, which would go too', () => {
    const later = disk('vdc', `${folder}/later.qcow2`);
    const stored = { id: '1', name: 'a', createdAt: 1, memoryBytes: 0 };
    const layers = [...imagesHolding('a'), image(`${folder}/later.qcow2`, { internalSnapshots: [stored] })];
    const refusals = (state: 'running' | 'shutoff') =>
      planLibvirt(
        uri,
        remove('a'),
        inventory([vm({ state, disks: [...vm().disks, later], snapshots: [internal('a', null)] })], layers),
      ).refusals;
    expect(refusals('running')).toMatchObject([{ code: 'otherDataOfThatName', names: [`${folder}/later.qcow2`] }]);
    expect(refusals('shutoff')).toEqual([]);
  });

  it('deletes a record without data, saying so', () => {
    const machine = vm({ snapshots: [internal('a', null)] });
    const plan = planLibvirt(uri, remove('a'), inventory([machine], imagesHolding()));
    expect(plan.refusals).toEqual([]);
    expect(codes(plan.warnings)).toContain('recordWithoutData');
  });

  it('survives a cycle in the records', () => {
    const machine = vm({ snapshots: [internal('a', 'b'), internal('b', 'a')], currentSnapshotId: 'b' });
    const plan = planLibvirt(uri, remove('a', true), inventory([machine], imagesHolding('a', 'b')));
    expect(plan.steps).toHaveLength(2);
    expect(plan.after).toMatchObject({ snapshots: [], currentSnapshotId: null });
  });
});
