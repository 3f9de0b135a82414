/** Plans that save the memory of a guest and end its VM, that let the guest go on from there, and that give its memory up. */
import type { ChangeRequest, PlanNote } from '../../../../../shared/model/plan.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import {
  discardRefusals,
  restoreRefusals,
  saveRefusals,
} from '../../../../../shared/rules/power/saved-memory-refusals.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import { readableBytes } from '../../../../../shared/rules/text/units.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import {
  remoteDependentWarnings,
  templateRefusals,
  unknownInstanceWarnings,
} from '../../../planning/dependent-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { roomIsThere } from '../../../planning/room-step.ts';
import { roomsBeside, roomsFor, roomWarnings } from '../../../planning/space.ts';
import { namesAreFree } from '../create/plan-create-external.ts';
import { memoryRoom, savedPausedRefusals } from '../create/plan-create-memory.ts';
import { newFileRefusals } from '../create/plan-create-rules.ts';
import { savingMemory } from '../memory-script.ts';
import { mayBeStartedAgain, nextStartWarnings, virsh, type LibvirtContext } from '../plan-rules.ts';
import { managedSaveFile, memoryFitsStep } from './memory-fits-step.ts';

type Request<Action> = Extract<ChangeRequest, { action: Action }>;

/** What of the VM no such plan changes. */
function unchanged(context: LibvirtContext): Pick<PlanDraft['after'], 'snapshots' | 'currentSnapshotId' | 'chains'> {
  const { snapshots, currentSnapshotId } = context.vm;
  return { snapshots, currentSnapshotId, chains: chainsOf(context) };
}

export function planSaveMemory({ file }: Request<'saveMemory'>, context: LibvirtContext): PlanDraft {
  const { vm } = context;
  const path = file ?? managedSaveFile(vm);
  const rooms = roomsFor(context, [memoryRoom(path, context)]);
  const amount = vm.memoryBytes === null ? 'the memory' : `up to ${readableBytes(vm.memoryBytes)} of memory`;
  return {
    vmName: vm.name,
    title: `Save the memory of ${vm.name} and end it`,
    refusals: [
      ...saveRefusals(vm),
      ...savedPausedRefusals(context),
      ...(file === null ? [] : newFileRefusals([file], [file], context)),
    ],
    warnings: [
      note(
        'diskMustStay',
        file === null
          ? `${vm.name} is off then, and its next start goes on from its memory. Until that its disks must stay as they are: do not change, merge or revert them. Once the guest has gone on, the saved memory is gone.`
          : `${vm.name} is off then. It goes on from ${file} only by Restore: an ordinary start boots it from its disks, and once these were written to, the memory does not fit them any more and is worth nothing. The file is yours to keep and to remove.`,
      ),
      note(
        'mayNotBeSaved',
        'Where libvirt cannot save the memory (devices of the host, memory that is shared with it), nothing is changed, and the VM runs on. Its network connections break.',
      ),
      ...replacedWarnings(file, context),
      ...sharedWarnings(context),
      ...nextStartWarnings(context),
      ...roomWarnings(
        rooms,
        'littleSpace',
        (needed, free, where) =>
          `The memory may need up to ${needed}, but ${where} has ${free} free. Where it does not fit, it fills the storage until libvirt gives up, and other VMs that need room there are stopped meanwhile; then the guest runs on. Make room first.`,
      ),
      mayBeStartedAgain(context),
    ],
    rooms,
    expectedPause: `The guest stands still while ${amount} is written to ${path}, in seconds to minutes; then it is off.`,
    steps: [
      ...(file === null ? [] : [namesAreFree([file], context)]),
      ...roomIsThere(rooms, activeLayersStay(vm.disks)),
      {
        title: `Write the memory of ${vm.name} to ${path}, and end the VM`,
        ...savingMemory(
          context,
          file === null ? ['managedsave', `--domain=${vm.uuid}`] : ['save', `--domain=${vm.uuid}`, `--file=${file}`],
          'save',
        ),
        reads: [],
        writes: [],
        creates: [path],
        invalidates: [],
        deletes: [],
        verify: [
          { kind: 'vmState', oneOf: ['shutoff'] },
          ...(file === null ? [{ kind: 'managedSave', present: true } as const] : []),
        ],
        ...plainStep,
        cancellation: 'abort',
      },
    ],
    after: { vmState: 'shutoff', ...unchanged(context) },
  };
}

/** libvirt writes over the memory of a managed save that is there already. */
function replacedWarnings(file: string | null, { vm }: LibvirtContext): PlanNote[] {
  if (!vm.hasManagedSave) return [];
  return [
    file === null
      ? note(
          'replacesManagedSave',
          `The memory of ${vm.name} that was saved earlier is replaced. It does not fit the disks any more.`,
        )
      : note(
          'staleManagedSave',
          `There is still memory of ${vm.name} that libvirt saved earlier: the next start would go on from that, on disks that were written to since. Discard it.`,
        ),
  ];
}

function sharedWarnings({ vm }: LibvirtContext): PlanNote[] {
  const shared = writableDisks(vm.disks)
    .filter(({ shareable }) => shareable)
    .map(({ target }) => target);
  return shared.length === 0
    ? []
    : [
        note(
          'sharedDisk',
          `${listed(shared)} may be written to by others while ${vm.name} is off, and what its guest knows of ${shared.length === 1 ? 'it' : 'them'} does not fit then: only a cluster file system bears that.`,
          shared,
        ),
      ];
}

export function planRestoreMemory({ file }: Request<'restoreMemory'>, context: LibvirtContext): PlanDraft {
  const { vm, images, inventory } = context;
  const disks = writableDisks(vm.disks);
  const written = [...new Set(disks.flatMap(({ imageId }) => imageId ?? []))];
  return {
    vmName: vm.name,
    title: `Restore ${vm.name} from ${file}`,
    refusals: [
      ...restoreRefusals({ vm, images, hypervisor: inventory.hypervisor.kind }),
      ...pathRefusals(file),
      ...templateRefusals(context, disks, `Restoring ${vm.name}`),
    ],
    warnings: [
      note(
        'definitionOfThen',
        `${vm.name} goes on with the devices, memory and CPUs that it had when it was saved; from its next start on it has those of now. Its network connections of that time are gone, and its clock is behind.`,
      ),
      note(
        'timeOfFile',
        `Whether the disks are still those of the memory is told by when ${file} and they were last written to. Of a copy of that file that was made later, without keeping its time, that cannot be told: restore from such a one only where the VM has not run since.`,
        [file],
      ),
      note(
        'onlyOnce',
        `The file stays. As soon as the guest writes, it does not fit the disks any more and cannot be restored again.`,
      ),
      ...unknownInstanceWarnings(context, written),
      ...remoteDependentWarnings(context, written),
    ],
    rooms: roomsBeside(context, written),
    expectedPause: null,
    steps: [
      memoryFitsStep(context, file),
      {
        title: `Load the memory from ${file}, and let the guest go on`,
        argv: ['virsh', '-c', context.uri, 'restore', `--file=${file}`],
        reads: [file],
        writes: written,
        creates: [],
        invalidates: [],
        deletes: [],
        // One that was paused is paused again.
        verify: [{ kind: 'vmState', oneOf: ['running', 'idle', 'paused'] }, ...activeLayersStay(vm.disks)],
        ...plainStep,
      },
    ],
    after: { vmState: 'running', ...unchanged(context) },
  };
}

function pathRefusals(file: string): PlanNote[] {
  return file.startsWith('/') && !file.includes('\n')
    ? []
    : [note('badPath', 'Name the whole path of the file on the host, beginning with “/”.', [file])];
}

/** The only step, and what it takes away is what it is for. */
export function planDiscardMemory(context: LibvirtContext): PlanDraft {
  const { vm } = context;
  return {
    vmName: vm.name,
    title: `Discard the saved memory of ${vm.name}`,
    refusals: discardRefusals(vm),
    warnings: [
      note(
        'memoryLost',
        vm.state === 'shutoff'
          ? `What the guest of ${vm.name} had in memory when it was saved is lost, and with it what it had not written to its disks yet: as by pulling the plug at that time. Its next start boots it from its disks, and file systems and databases have to mend themselves. To lose nothing, start it from its memory, and shut it down then.`
          : `What the guest of ${vm.name} had in memory when it was saved is lost. ${vm.name} is not shut off, so its disks were written to since, and that memory could not be gone on from any more.`,
      ),
    ],
    rooms: [],
    expectedPause: null,
    steps: [
      {
        title: `Discard the saved memory of ${vm.name}`,
        argv: virsh(context, 'managedsave-remove'),
        reads: [],
        writes: [],
        creates: [],
        invalidates: [],
        deletes: [managedSaveFile(vm)],
        verify: [{ kind: 'managedSave', present: false }],
        ...plainStep,
        whenInterrupted: 'redo',
      },
    ],
    after: { vmState: vm.state, ...unchanged(context) },
  };
}
