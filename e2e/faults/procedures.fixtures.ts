/** The procedures that things go wrong with: a scene, and what is asked for in it. */
import type { ApplicationUnderTest } from '../../electron/application/application-under-test.fixtures.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { defineRequest } from '../../shared/rules/repair/definable.ts';
import { firstImageOf, folder, memoryOf, overlayOf, vmUuid, type SceneStep } from './scenes.fixtures.ts';

export interface Procedure {
  readonly name: string;
  readonly scene: readonly SceneStep[];
  /** Or how it follows from what is there. */
  readonly request: ChangeRequest | ((application: ApplicationUnderTest) => Promise<ChangeRequest>);
  /** It ends without success where the guest does not heed it, which is so here. */
  readonly mayFail?: true;
}

export async function requestOf({ request }: Procedure, application: ApplicationUnderTest): Promise<ChangeRequest> {
  return typeof request === 'function' ? request(application) : request;
}

const newVm = { uuid: '33333333-3333-4333-8333-333333333333', name: 'three' };

const start = { start: true } as const;
const data: readonly SceneStep[] = [
  { write: 'vda', byte: 0x21, at: [0, 1] },
  { write: 'vdb', byte: 0x31, at: [2, 5] },
];
const more = (number: number): readonly SceneStep[] => [
  { write: 'vda', byte: 0x21 + number, at: [1, 2 + number] },
  { write: 'vdb', byte: 0x31 + number, at: [0, 2] },
];
const external = (snapshot: string) => ({ snapshot, kind: 'external' }) as const;
const internal = (snapshot: string) => ({ snapshot, kind: 'internal' }) as const;

/** base ← first ← s1 ← s2 ← s3, each with something of its own; s1 has something in every place. */
const chain: readonly SceneStep[] = [
  ...data,
  external('s1'),
  { write: 'vda', byte: 0x41 },
  external('s2'),
  ...more(1),
  external('s3'),
  ...more(2),
];
const internals: readonly SceneStep[] = [...data, internal('i1'), ...more(1), internal('i2'), ...more(2)];

const create = { action: 'createSnapshot', vmUuid, name: 'new', description: 'made here', diskTargets: null } as const;
const revert = { action: 'revertToSnapshot', vmUuid } as const;
const remove = { action: 'deleteSnapshot', vmUuid, withDescendants: false } as const;
const power = { action: 'changePower', vmUuid } as const;
const clone = { action: 'cloneVm', vmUuid, newVm } as const;

const oneOfVda = (top: string, base: string) => [{ target: 'vda', topId: top, baseId: base }];
const commit = (range: ReturnType<typeof oneOfVda>, oneByOne = false) =>
  ({ action: 'commitImages', vmUuid, ranges: range, oneByOne, bytesPerSecond: null }) as const;
const s1 = overlayOf('vda', 's1');
const s2 = overlayOf('vda', 's2');
const s3 = overlayOf('vda', 's3');

const adopt = { action: 'adoptSnapshot', vmUuid, description: 'found <again>' } as const;
/** What `virsh blockcommit --base=one-vda.qcow2 --top=one-vda-s1.qcow2` does to the images, of both disks. */
const committedByHand: readonly SceneStep[] = ['vda', 'vdb'].flatMap((target): readonly SceneStep[] => [
  { host: `qemu-img commit -q -d ${overlayOf(target, 's1')}` },
  { host: `qemu-img rebase -u -F qcow2 -b ${firstImageOf(target)} ${overlayOf(target, 's2')}` },
  // Times are compared with a tolerance of seconds: what is done by hand is done later.
  { host: `touch -d '1 hour' ${firstImageOf(target)}` },
]);
const kept = '/run/kept';
const record = (name: string) => `virsh -c qemu:///system snapshot-dumpxml ${vmUuid} ${name} >${kept}/${name}.xml`;

const keptByHand: readonly SceneStep[] = [
  { host: `mkdir ${kept}; ${record('s2')}; ${record('s3')}; echo s3 >${kept}/.current` },
];
/** Without s2, of which there is no record then. */
const backBelowS1: readonly SceneStep[] = [
  { host: `sed -i '/<parent>/,/<.parent>/s/s2/s1/' ${kept}/s3.xml` },
  { back: 's3', below: 's1', file: `${kept}/s3.xml` },
];

export const procedures: readonly Procedure[] = [
  { name: 'create-internal', scene: [...data, start], request: { ...create, kind: 'internal' } },
  { name: 'create-internal-off', scene: [...data, internal('i1')], request: { ...create, kind: 'internal' } },
  { name: 'create-external', scene: [...data, start], request: { ...create, kind: 'external' } },
  { name: 'create-external-off', scene: data, request: { ...create, kind: 'external' } },
  {
    name: 'create-memory',
    scene: [...data, start],
    request: { ...create, kind: 'external', memoryFile: memoryOf('new') },
  },
  {
    name: 'revert-internal',
    scene: [start, ...internals],
    request: { ...revert, snapshotId: 'i1', saveAs: null },
  },
  {
    name: 'revert-internal-saving',
    scene: [start, ...internals],
    request: { ...revert, snapshotId: 'i1', saveAs: 'kept' },
  },
  { name: 'revert-internal-off', scene: internals, request: { ...revert, snapshotId: 'i1', saveAs: 'kept' } },
  { name: 'revert-external', scene: [...chain, start], request: { ...revert, snapshotId: 's2', saveAs: null } },
  {
    name: 'revert-external-saving',
    scene: [...chain, start],
    request: { ...revert, snapshotId: 's2', saveAs: 'kept', saveMemoryFile: memoryOf('kept') },
  },
  { name: 'revert-external-off', scene: chain, request: { ...revert, snapshotId: 's2', saveAs: 'kept' } },
  {
    name: 'revert-memory',
    scene: [start, ...data, { snapshot: 's1', kind: 'withMemory' }, ...more(1)],
    request: { ...revert, snapshotId: 's1', saveAs: null },
  },
  { name: 'delete-internal', scene: [start, ...internals], request: { ...remove, snapshotId: 'i1' } },
  {
    name: 'delete-internal-subtree-off',
    scene: internals,
    request: { ...remove, snapshotId: 'i1', withDescendants: true },
  },
  { name: 'delete-external-down', scene: [...chain, start], request: { ...remove, snapshotId: 's2' } },
  { name: 'delete-external-down-off', scene: chain, request: { ...remove, snapshotId: 's2' } },
  {
    name: 'delete-several-external',
    scene: [...chain, start],
    request: { ...remove, snapshotId: 's2', otherSnapshotIds: ['s1', 's3'] },
  },
  {
    name: 'delete-several-external-off',
    scene: chain,
    request: { ...remove, snapshotId: 's1', otherSnapshotIds: ['s2'] },
  },
  {
    name: 'delete-several-internal-off',
    scene: internals,
    request: { ...remove, snapshotId: 'i2', otherSnapshotIds: ['i1'] },
  },
  {
    name: 'delete-external-up',
    scene: [...chain, start],
    request: { ...remove, snapshotId: 's3', direction: 'up' },
  },
  {
    name: 'delete-external-up-off',
    scene: chain,
    request: { ...remove, snapshotId: 's3', direction: 'up' },
  },
  { name: 'commit', scene: [...chain, start], request: commit(oneOfVda(s2, firstImageOf('vda'))) },
  { name: 'commit-active', scene: [...chain, start], request: commit(oneOfVda(s3, s1)) },
  { name: 'commit-off', scene: chain, request: commit(oneOfVda(s2, firstImageOf('vda'))) },
  {
    name: 'commit-one-by-one',
    scene: [...chain, start],
    request: commit(oneOfVda(s2, firstImageOf('vda')), true),
  },
  {
    name: 'commit-one-by-one-off',
    scene: chain,
    request: commit(oneOfVda(s2, firstImageOf('vda')), true),
  },
  {
    name: 'pull',
    scene: [...chain, start],
    request: {
      action: 'pullImages',
      vmUuid,
      ranges: [{ target: 'vda', baseId: firstImageOf('vda') }],
      bytesPerSecond: null,
    },
  },
  {
    name: 'pull-off',
    scene: chain,
    request: { action: 'pullImages', vmUuid, ranges: [{ target: 'vda', baseId: null }], bytesPerSecond: null },
  },
  { name: 'start', scene: data, request: { ...power, to: 'start' } },
  { name: 'destroy', scene: [...data, start], request: { ...power, to: 'destroy' } },
  { name: 'suspend', scene: [...data, start], request: { ...power, to: 'suspend' } },
  { name: 'resume', scene: [...data, start, { suspend: true }], request: { ...power, to: 'resume' } },
  { name: 'shutdown', scene: [...data, start], request: { ...power, to: 'shutdown', waitSeconds: 2 }, mayFail: true },
  { name: 'save-managed', scene: [...data, start], request: { action: 'saveMemory', vmUuid, file: null } },
  {
    name: 'save-file',
    scene: [...data, start],
    request: { action: 'saveMemory', vmUuid, file: `${folder}/saved.memory` },
  },
  {
    name: 'restore',
    scene: [...data, start, { virsh: `save ${vmUuid} ${folder}/saved.memory` }],
    request: { action: 'restoreMemory', vmUuid, file: `${folder}/saved.memory` },
  },
  {
    name: 'discard',
    scene: [...data, start, { virsh: `managedsave ${vmUuid}` }],
    request: { action: 'discardMemory', vmUuid },
  },
  {
    name: 'describe',
    scene: [start, ...internals],
    request: { action: 'describeSnapshot', vmUuid, snapshotId: 'i1', description: 'told <anew> & well' },
  },
  {
    name: 'rename-external',
    scene: chain,
    request: { action: 'renameSnapshot', vmUuid, snapshotId: 's1', name: 'renamed' },
  },
  { name: 'clone-thin', scene: chain, request: { ...clone, snapshotId: 's2', kind: 'thin' } },
  { name: 'clone-full', scene: chain, request: { ...clone, snapshotId: null, kind: 'full' } },
  {
    name: 'repair-records',
    scene: [...chain, ...committedByHand, { alike: ['s1', 's2'] }],
    request: { action: 'repairRecords', vmUuid, drop: ['s1'], move: ['s2'] },
  },
  {
    name: 'adopt-external',
    scene: [...chain, ...keptByHand, { lost: 's3' }, { lost: 's2' }, ...backBelowS1],
    request: { ...adopt, name: 's2', images: { vda: s1, vdb: overlayOf('vdb', 's1') } },
  },
  { name: 'adopt-internal', scene: [...internals, { lost: 'i1' }], request: { ...adopt, name: 'i1', images: null } },
  {
    name: 'define-records',
    scene: [...chain, ...keptByHand, { lost: 's3' }, { lost: 's2' }],
    request: async (application) => {
      const { hostId } = application;
      const files = await application.ask('records.read', { hostId, vmUuid, folder: kept });
      return defineRequest(files, await application.read(vmUuid)).request;
    },
  },
];
