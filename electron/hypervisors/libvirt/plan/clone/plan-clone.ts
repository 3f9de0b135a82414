/** Plans that make a new VM from the disks of another: a thin instance on its images, or a full clone of them. */
import type { Snapshot } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, DiskChain, Expectation, PlanNote, PlanStep } from '../../../../../shared/model/plan.ts';
import { chainFrom, dependentsOf } from '../../../../../shared/rules/chains/chains.ts';
import { mergeGrowth } from '../../../../../shared/rules/chains/image-growth.ts';
import {
  asSource,
  checkVmName,
  clonedDisks,
  cloneRefusals,
  type ClonedDisk,
} from '../../../../../shared/rules/snapshots/clone-rules.ts';
import { newImageBeside } from '../../../../../shared/rules/snapshots/new-files.ts';
import { folderOf } from '../../../../../shared/rules/text/folders.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import { sharedLayerRefusals } from '../../../planning/dependent-rules.ts';
import { lookingStep } from '../../../planning/looking-step.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { roomIsThere } from '../../../planning/room-step.ts';
import { atMostWithGuest, roomsFor, roomWarnings, type RoomNeed } from '../../../planning/space.ts';
import { chainLengthRefusals, namesAreFree, overlayRoom } from '../create/plan-create-external.ts';
import { newFileRefusals } from '../create/plan-create-rules.ts';
import { renamedDataRefusals, writtenSince, type LibvirtContext } from '../plan-rules.ts';
import { checkDefinitionWords, defineArgv, definitionScript, type NewDefinition } from './definition-script.ts';
import { copyArgv, copyStoreArgv, overlayArgv, removeArgv } from './image-scripts.ts';

type CloneRequest = Extract<ChangeRequest, { action: 'cloneVm' }>;
type Step = Omit<PlanStep, 'index'>;

/** A disk of the new VM. */
interface NewDisk extends ClonedDisk {
  /** Null: nobody said where, and there is no place beside the old one. */
  readonly path: string | null;
}

/**
 * The old VM, its images and its snapshots stay as they are. The new VM gets the devices that the old one has from its next start on, a new
 * UUID and new MAC addresses, the variables of its firmware as they are now, and for each writable disk an image of its own. Where a step
 * fails, what was made is removed again.
 */
export function planClone(request: CloneRequest, snapshot: Snapshot | null, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const { newVm, kind } = request;
  // What the steps that are done have made is asked for, and in nobody's way.
  const made = new Set(context.done.flatMap(({ creates }) => creates));
  const before = { ...context, images: new Map([...context.images].filter(([id]) => !made.has(id))) };
  const disks = newDisks(request, snapshot, before);
  const placed = disks.flatMap((each) => (each.path === null ? [] : [{ ...each, path: each.path }]));
  const store = newStoreOf(request, context);
  const newFiles = [...placed.map(({ path }) => path), ...(store === null ? [] : [store])];
  const rooms = roomsFor(
    context,
    placed.map((disk) => roomOf(disk, kind, context)),
  );
  const definition: NewDefinition = {
    uri: context.uri,
    vmUuid: vm.uuid,
    newVm,
    nvramFile: store,
    images: new Map(placed.map(({ disk, path }) => [disk.target, path])),
    fromPresent: snapshot === null,
    sources: snapshot === null && kind === 'full' ? placed.map(({ image }) => image.id) : [],
  };
  const sources = disks.map(asSource);
  const asItWas: Expectation[] = activeLayersStay(vm.disks);
  return {
    vmName: vm.name,
    title: titleOf(request, snapshot, context),
    refusals: [
      ...newVmRefusals(request, context),
      ...cloneRefusals(context, snapshot, kind),
      ...(snapshot === null
        ? []
        : renamedDataRefusals(context, [snapshot], new Set(disks.map(({ disk }) => disk.target)))),
      ...sharedLayerRefusals(context, sources, 'be read by the new VM'),
      ...(kind === 'thin' ? chainLengthRefusals(context, sources) : []),
      ...placeRefusals(request, disks),
      ...newFileRefusals(Object.values(request.imagePaths ?? {}), newFiles, before),
    ],
    warnings: warningsOf(request, snapshot, disks, rooms, context),
    rooms,
    expectedPause: null,
    steps: [
      lookingStep({
        title: `Check that a second VM can be made of the definition of ${vm.name}`,
        script: definitionScript,
        words: checkDefinitionWords(definition),
        reads: [],
        verify: asItWas,
      }),
      namesAreFree(newFiles, context),
      ...roomIsThere(rooms, asItWas),
      ...placed.map((disk) => imageStep(disk, kind, definition.sources, context)),
      ...(store === null || vm.nvramFile === undefined ? [] : [storeStep(store, vm.nvramFile)]),
      defineStep(definition, placed, kind),
      removeStep(definition, newFiles),
    ],
    after: {
      vmState: vm.state,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: chainsOf(context),
      newVm: { ...newVm, chains: placed.map((disk) => chainOf(disk, kind, context)) },
    },
  };
}

function titleOf({ kind, newVm }: CloneRequest, snapshot: Snapshot | null, { vm }: LibvirtContext): string {
  const what = kind === 'thin' ? 'thin instance' : 'full clone';
  return `Make ${newVm.name}, a ${what} of ${vm.name}${snapshot === null ? '' : ` at "${snapshot.name}"`}`;
}

function newDisks(request: CloneRequest, snapshot: Snapshot | null, context: LibvirtContext): readonly NewDisk[] {
  const { newVm, imagePaths = {} } = request;
  const chosen = new Map(Object.entries(imagePaths));
  const cloned = clonedDisks(context, snapshot);
  return cloned.map((each) => ({
    ...each,
    path: chosen.get(each.disk.target) ?? newImageBeside(each.disk, newVm.name, cloned.length > 1, context.images),
  }));
}

/** Beside the old store, with its ending. */
function newStoreOf({ newVm }: CloneRequest, { vm }: LibvirtContext): string | null {
  const old = vm.nvramFile;
  if (old === undefined) return null;
  const name = old.slice(old.lastIndexOf('/') + 1);
  const ending = /\.[A-Za-z0-9]+$/.exec(name)?.[0] ?? '.fd';
  return `${folderOf(old)}/${newVm.name}_VARS${ending}`.replace(/^\/\//, '/');
}

function roomOf(
  { path, image, internal }: NewDisk & { path: string },
  kind: CloneRequest['kind'],
  context: LibvirtContext,
): RoomNeed {
  if (kind === 'thin') return overlayRoom(path, image);
  const { virtualBytes } = image;
  const chain = chainFrom(image.id, context.images).images;
  const empty = { format: 'qcow2', virtualBytes, allocatedBytes: 0, parent: null, internalSnapshots: [] };
  const growth = mergeGrowth(chain, empty, 'data');
  // How much of the image is the snapshot's is nowhere said.
  return { path, ...growth, ...(internal && { likelyBytes: null }), guestBytes: 0 };
}

const together = { ...plainStep, group: 'clone', whenInterrupted: 'undo' } as const;

function imageStep(
  { path, image, internal, disk }: NewDisk & { path: string },
  kind: CloneRequest['kind'],
  sources: readonly string[],
  context: LibvirtContext,
): Step {
  const format = image.format ?? 'raw';
  const common = {
    reads: [image.id],
    writes: [],
    creates: [path],
    invalidates: [],
    deletes: [],
    verify: [],
    ...together,
  };
  if (kind === 'thin') {
    return {
      title: `Make an overlay on ${image.id} (disk ${disk.target})`,
      argv: overlayArgv(path, format, image.id),
      ...common,
    };
  }
  const bytes = chainFrom(image.id, context.images).images.reduce((sum, each) => sum + (each.allocatedBytes ?? 0), 0);
  return {
    title: `Copy what ${internal === null ? 'is read through' : `“${internal.name}” holds in`} ${image.id} (disk ${disk.target})`,
    argv: copyArgv({ path, dataId: image.id, format, internal, bytes, sources }),
    ...common,
    cancellation: 'abort',
  };
}

function storeStep(path: string, from: string): Step {
  return {
    title: 'Copy the variables of the firmware',
    argv: copyStoreArgv(path, from),
    reads: [from],
    writes: [],
    creates: [path],
    invalidates: [],
    deletes: [],
    verify: [],
    ...together,
  };
}

function defineStep(
  definition: NewDefinition,
  disks: readonly (NewDisk & { path: string })[],
  kind: CloneRequest['kind'],
): Step {
  const { newVm } = definition;
  return {
    title: `Define ${newVm.name}`,
    argv: defineArgv(definition),
    reads: kind === 'thin' ? disks.map(({ image }) => image.id) : [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
    verify: [
      {
        kind: 'vmDefined',
        vmUuid: newVm.uuid,
        name: newVm.name,
        activeLayers: Object.fromEntries<string>(disks.map(({ disk, path }) => [disk.target, path])),
      },
      ...disks.map(({ path, image }): Expectation => ({
        kind: 'imageParent',
        imageId: path,
        parentId: kind === 'thin' ? image.id : null,
      })),
    ],
    ...together,
  };
}

function removeStep({ uri, newVm, images }: NewDefinition, newFiles: readonly string[]): Step {
  return {
    title: 'Remove what was made',
    argv: removeArgv(uri, newVm.uuid, newFiles),
    reads: [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [...newFiles],
    verify: [...images.values()].map((imageId): Expectation => ({ kind: 'imageGone', imageId })),
    ...together,
    runs: 'onFailure',
  };
}

function chainOf(
  { disk, path, image }: NewDisk & { path: string },
  kind: CloneRequest['kind'],
  context: LibvirtContext,
): DiskChain {
  const below = kind === 'thin' ? chainFrom(image.id, context.images).images.map(({ id }) => id) : [];
  return { target: disk.target, imageIds: [path, ...below] };
}

function newVmRefusals({ newVm }: CloneRequest, { inventory }: LibvirtContext): PlanNote[] {
  const problem = checkVmName(newVm.name);
  if (problem !== null) return [note('badName', problem)];
  return inventory.vms
    .filter(({ uuid, name }) => name === newVm.name || uuid === newVm.uuid)
    .map(({ uuid, name }) =>
      note(
        'nameTaken',
        `${inventory.hostName} already has a VM ${name ?? ''} (${uuid}). Give the new one another name.`,
        [newVm.name],
      ),
    );
}

function placeRefusals({ imagePaths = {} }: CloneRequest, disks: readonly NewDisk[]): PlanNote[] {
  return [
    ...disks
      .filter(({ path }) => path === null)
      .map(({ disk }) =>
        note(
          'noPlace',
          `Disk ${disk.target} is not in a file now, so there is no place beside it. Name a file for the new image.`,
          [disk.target],
        ),
      ),
    ...Object.keys(imagePaths)
      .filter((target) => !disks.some(({ disk }) => disk.target === target))
      .map((target) =>
        note('noSuchDisk', `A file is named for the image of ${target}, which is no disk of the new VM.`, [target]),
      ),
  ];
}

function warningsOf(
  { kind, newVm }: CloneRequest,
  snapshot: Snapshot | null,
  disks: readonly NewDisk[],
  rooms: PlanDraft['rooms'],
  { vm, dependents }: LibvirtContext,
): PlanNote[] {
  const isTemplate = disks.some(({ image }) => dependentsOf(image.id, dependents).childImageIds.length > 0);
  const ran = snapshot !== null && !['shutoff', 'unknown'].includes(snapshot.vmState);
  const images = disks.map(({ image }) => image.id);
  return [
    ...(kind === 'thin' && snapshot === null
      ? [
          note(
            'becomesTemplate',
            `${vm.name} ${isTemplate ? 'is' : 'becomes'} a template: ${newVm.name} reads through ${listed(images)}, and whatever is written there afterwards makes its data wrong. Do not start ${vm.name} any more, but for as long as nothing hangs on it. Snaptree refuses to start it and to change these images, others do not.`,
            images,
          ),
        ]
      : kind === 'thin'
        ? [
            note(
              'imagesStay',
              `${newVm.name} needs ${listed(images)} from then on. Snaptree refuses to merge into ${images.length === 1 ? 'it' : 'them'}, or to delete ${images.length === 1 ? 'it' : 'them'}, as long as ${newVm.name} is there.`,
              images,
            ),
          ]
        : []),
    ...(ran
      ? [
          note(
            'asAfterPowerCut',
            `The guest ran when "${snapshot.name}" was taken. ${newVm.name} begins with its disks as after a power cut, without its memory.`,
          ),
        ]
      : []),
    ...(snapshot === null
      ? []
      : writtenSince(
          snapshot,
          disks.filter(({ internal }) => internal === null).map(({ image }) => image),
        )),
    note(
      'sameGuest',
      `Inside, the guest of ${newVm.name} is the same as that of ${vm.name}: host name, fixed IP addresses, SSH host keys, machine ids and licences. Change them before both run in one network (virt-sysprep).`,
    ),
    note(
      'definitionOfNow',
      `${newVm.name} gets the devices that ${vm.name} has from its next start on, with new MAC addresses; serial consoles that go to files or sockets become plain ones. It is not started, and does not start with the host.`,
    ),
    ...(vm.ownDevices?.includes('tpm') === true
      ? [
          note(
            'newTpm',
            `${vm.name} has a TPM. That of ${newVm.name} begins empty: what is sealed with the old one (BitLocker, for example) needs its recovery key.`,
          ),
        ]
      : []),
    ...(vm.ownDevices?.includes('hostDevice') === true
      ? [
          note(
            'hostDevices',
            `${vm.name} has devices of the host (<hostdev>), and ${newVm.name} gets the same: only one of the two can run with them.`,
          ),
        ]
      : []),
    ...(vm.ownDevices?.includes('sharedFolder') === true
      ? [
          note(
            'sharedFolders',
            `${vm.name} shares folders of the host (<filesystem>), and ${newVm.name} gets the same: what is not read-only both write to.`,
          ),
        ]
      : []),
    ...(vm.hasNvram && vm.nvramFile === undefined
      ? [
          note(
            'noStoreYet',
            `Where the variables of the firmware of ${vm.name} are is not known; ${newVm.name} gets new ones at its first start.`,
          ),
        ]
      : []),
    ...roomWarnings(
      rooms.map((room) => (kind === 'thin' ? { ...room, likelyBytes: null } : room)),
      'mayFillStorage',
      (needed, free, where) => `The new images can take ${needed}; ${where} has ${free} free.`,
      atMostWithGuest,
    ),
  ];
}
