/** For tests: a host in memory whose VM has external snapshots, and on which each step brings about what its plan says. */
import { isDeepStrictEqual } from 'node:util';
import { disk, internal, inventory, image, overlay, vm } from '../../shared/model/inventory.fixtures.ts';
import type { Image, Inventory, ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import type { ChangeRequest, Expectation, Plan } from '../../shared/model/plan.ts';
import { FakeHost, vmUuid } from './fake-host.fixtures.ts';

const folder = '/srv/vms';
const base = `${folder}/wéb.qcow2`;
const first = `${folder}/wéb.first.qcow2`;
const second = `${folder}/wéb.second.qcow2`;
const gone = `${folder}/wéb.gone.qcow2`;
const left = `${folder}/wéb left.qcow2`;
const data = `${folder}/wéb-data.qcow2`;
const dataTop = `${folder}/wéb-data.first.qcow2`;
const memoryFile = `${folder}/wéb.first.memory`;

const create = { action: 'createSnapshot', vmUuid, kind: 'external', name: 'new', diskTargets: null } as const;
const remove = { action: 'deleteSnapshot', vmUuid, withDescendants: false } as const;

/** What is asked of `ChainHost` in the corpus, by what it is. */
export const chainRequests = {
  commit: {
    action: 'commitImages',
    vmUuid,
    ranges: [{ target: 'vda', topId: first, baseId: base }],
    oneByOne: false,
    bytesPerSecond: 50_000_000,
  },
  'commit-one-by-one': {
    action: 'commitImages',
    vmUuid,
    ranges: [{ target: 'vda', topId: second, baseId: base }],
    oneByOne: true,
    bytesPerSecond: null,
  },
  pull: { action: 'pullImages', vmUuid, ranges: [{ target: 'vda', baseId: null }], bytesPerSecond: null },
  'delete-down': { ...remove, snapshotId: 'first', direction: 'down' },
  'delete-up': { ...remove, snapshotId: 'second', direction: 'up' },
  'create-memory': {
    ...create,
    description: 'with the guest’s\nmemory',
    memoryFile: `${folder}/new.memory`,
    overlayPaths: { vda: `${folder}/elsewhere.qcow2` },
  },
  'create-quiesced': { ...create, description: '', quiesce: true },
  'revert-saving': {
    action: 'revertToSnapshot',
    vmUuid,
    snapshotId: 'first',
    saveAs: 'kept',
    saveMemoryFile: `${folder}/kept.memory`,
  },
  clone: {
    action: 'cloneVm',
    vmUuid,
    snapshotId: 'second',
    kind: 'thin',
    newVm: { uuid: '44444444-4444-4444-8444-444444444444', name: 'wéb "2"' },
    imagePaths: { vda: `${folder}/elsewhere.qcow2` },
  },
  'save-memory': { action: 'saveMemory', vmUuid, file: null },
  'restore-memory': { action: 'restoreMemory', vmUuid, file: `${folder}/wéb.saved.memory` },
  describe: { action: 'describeSnapshot', vmUuid, snapshotId: 'first', description: 'before the\nupdate <&> ünïcode' },
  rename: { action: 'renameSnapshot', vmUuid, snapshotId: 'first', name: 'ersté' },
  'repair-records': { action: 'repairRecords', vmUuid, drop: ['gone'], move: [] },
  'define-records': {
    action: 'defineRecords',
    vmUuid,
    records: [
      {
        path: '/root/records/képt.xml',
        checksum: '1276023150 5120',
        snapshot: {
          id: 'képt',
          name: 'képt',
          parentId: 'second',
          kind: 'external',
          vmState: 'disk-only',
          createdAt: 1_794_000_000,
          description: '',
          memory: { kind: 'none' },
          disks: [{ target: 'vda', kind: 'external', dataImageId: second, overlayImageId: gone }],
        },
      },
    ],
    currentId: 'képt',
  },
  adopt: { action: 'adoptSnapshot', vmUuid, name: 'fóund', description: 'found <again>', images: { vda: base } },
  'set-aside': { action: 'setAsideImage', vmUuid, imageId: left, to: `${left}.set-aside` },
  rebase: { action: 'rebaseImage', vmUuid, imageId: dataTop, baseId: data },
  'discard-memory': { action: 'discardMemory', vmUuid },
} as const satisfies Record<string, ChangeRequest>;

function external(name: string, parentId: string | null, data: string, top: string, parts: Partial<Snapshot>) {
  return internal(name, parentId, {
    kind: 'external',
    createdAt: 1_794_000_000,
    disks: [{ target: 'vda', kind: 'external', dataImageId: data, overlayImageId: top }],
    ...parts,
  });
}

/** A VM on base ← first ← second, as the snapshots of these names left it; the first has the memory of the guest. */
export class ChainHost extends FakeHost {
  /** What is run on it. */
  plan: Plan | null = null;
  /** A word of the commands that go on until `finish` is called. */
  slowAt: string | null = null;
  #vm: ReadableVm;
  #newVm: ReadableVm | null = null;
  #images: readonly Image[] = [image(base), overlay(first, base), overlay(second, first)];

  /**
   * @param state `saved`: shut off, with its memory kept for the next start. `worn`: shut off, with a record without data, data without a
   *   record, an image that nobody names, and a second disk whose backing image was moved
   */
  constructor(state: 'running' | 'shutoff' | 'saved' | 'worn' = 'running') {
    super();
    const memory = { kind: 'external', file: memoryFile } as const;
    this.#vm = vm({
      uuid: vmUuid,
      name: 'wéb "1"',
      state: state === 'running' ? state : 'shutoff',
      hasManagedSave: state === 'saved',
      disks: [disk('vda', second)],
      snapshots: [
        external('first', null, base, first, { memory, vmState: 'running' }),
        external('second', 'first', first, second, { memory: { kind: 'none' }, vmState: 'disk-only' }),
      ],
      currentSnapshotId: 'second',
    });
    if (state !== 'worn') return;
    const disks = { memory: { kind: 'none' }, vmState: 'shutoff' } as const;
    this.#images = [
      ...this.#images,
      image(gone, { status: 'missing' }),
      image(left),
      image('/srv/old/wéb-data.qcow2', { status: 'missing' }),
      image(data),
      overlay(dataTop, '/srv/old/wéb-data.qcow2'),
    ];
    this.#change({
      disks: [disk('vda', second), disk('vdb', dataTop)],
      snapshots: [external('second', null, first, second, disks), external('gone', 'second', gone, gone, disks)],
    });
  }

  override get inventory(): Inventory {
    const filesystems = [{ folder, freeBytes: 10 * 1024 ** 3, totalBytes: 100 * 1024 ** 3 }];
    return { ...inventory(this.#newVm ? [this.#vm, this.#newVm] : [this.#vm], this.#images), filesystems };
  }

  override effect = (argv: readonly string[]): void => {
    const step = this.plan?.steps.find((each) => isDeepStrictEqual(each.argv, argv));
    for (const expectation of step?.verify ?? []) this.#bringAbout(expectation);
  };

  override startJob(at: string, stepIndex: number, argv: readonly string[], attempt = 0): void {
    this.slow = this.slowAt !== null && argv.includes(this.slowAt);
    super.startJob(at, stepIndex, argv, attempt);
  }

  #bringAbout(expectation: Expectation): void {
    switch (expectation.kind) {
      case 'snapshotExists': {
        const made = this.plan?.after.snapshots.find(({ id }) => id === expectation.snapshotId);
        const others = this.#vm.snapshots.filter(({ id }) => id !== made?.id);
        if (made) this.#change({ snapshots: [...others, { ...made, createdAt: 1_795_000_005 }] });
        return;
      }
      case 'snapshotAbsent': {
        const gone = this.#vm.snapshots.find(({ id }) => id === expectation.snapshotId);
        if (!gone) return;
        const stay = this.#vm.snapshots.filter((each) => each !== gone);
        const { currentSnapshotId } = this.#vm;
        this.#change({
          snapshots: stay.map((each) => (each.parentId === gone.id ? { ...each, parentId: gone.parentId } : each)),
          currentSnapshotId: currentSnapshotId === gone.id ? gone.parentId : currentSnapshotId,
        });
        return;
      }
      case 'snapshotParent':
        this.#changeSnapshot(expectation.snapshotId, { parentId: expectation.parentId });
        return;
      case 'snapshotDescription':
        this.#changeSnapshot(expectation.snapshotId, { description: expectation.description });
        return;
      case 'currentSnapshot':
        this.#change({ currentSnapshotId: expectation.snapshotId });
        return;
      case 'vmState':
        if (!expectation.oneOf.includes(this.#vm.state)) this.#change({ state: expectation.oneOf[0] ?? 'unknown' });
        return;
      case 'activeLayer':
        this.#change({
          disks: this.#vm.disks.map((each) =>
            each.target === expectation.target ? disk(each.target, expectation.imageId) : each,
          ),
        });
        return;
      case 'imageParent': {
        const { imageId, parentId } = expectation;
        const others = this.#images.filter(({ id }) => id !== imageId);
        this.#images = [...others, parentId === null ? image(imageId) : overlay(imageId, parentId)];
        return;
      }
      case 'imageGone':
        this.#images = this.#images.filter(({ id }) => id !== expectation.imageId);
        return;
      case 'snapshotData': {
        const { snapshotId, dataImageId } = expectation;
        const named = this.#vm.snapshots.map((each) =>
          each.id === snapshotId ? { ...each, disks: each.disks.map((of) => ({ ...of, dataImageId })) } : each,
        );
        this.#change({ snapshots: named });
        return;
      }
      case 'vmDefined': {
        const { vmUuid: uuid, name, activeLayers } = expectation;
        const disks = Object.entries(activeLayers).map(([target, imageId]) => disk(target, imageId));
        this.#newVm = vm({ uuid, name, state: 'shutoff', disks });
        return;
      }
      case 'managedSave':
        this.#change({ hasManagedSave: expectation.present });
        return;
      case 'noDependents':
      case 'noBlockJob':
      case 'internalSnapshot':
        return;
    }
  }

  #changeSnapshot(snapshotId: string, parts: Partial<Snapshot>): void {
    this.#change({
      snapshots: this.#vm.snapshots.map((each) => (each.id === snapshotId ? { ...each, ...parts } : each)),
    });
  }

  #change(parts: Partial<ReadableVm>): void {
    this.#vm = { ...this.#vm, ...parts };
  }
}
