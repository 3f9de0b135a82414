/** Plans that start, end or pause a VM. */
import type { Disk, VmState } from '../../../../../shared/model/inventory.ts';
import type { ChangeRequest, Plan, PlanNote, PlanStep, PowerChange } from '../../../../../shared/model/plan.ts';
import { brokenDisksOf } from '../../../../../shared/rules/chains/broken-chains.ts';
import { writableDisks } from '../../../../../shared/rules/inventory/disks.ts';
import { shutdownSeconds } from '../../../../../shared/rules/power/power-changes.ts';
import { powerRefusals, startObstacleNotes } from '../../../../../shared/rules/power/power-refusals.ts';
import { freeBelow } from '../../../../../shared/rules/findings/findings-paused.ts';
import { note } from '../../../../../shared/rules/text/plan-note.ts';
import type { PlanDraft } from '../../../driver.ts';
import { activeLayersStay, chainsOf } from '../../../planning/chain-rules.ts';
import {
  remoteDependentWarnings,
  templateRefusals,
  unknownInstanceWarnings,
} from '../../../planning/dependent-rules.ts';
import { listed } from '../../../planning/notes.ts';
import { plainStep } from '../../../planning/plain-step.ts';
import { roomsBeside } from '../../../planning/space.ts';
import { mayBeStartedAgain, nextStartWarnings, virsh, type LibvirtContext } from '../plan-rules.ts';
import { memoryFitsStep, savedMemoryDisks } from './memory-fits-step.ts';
import { shutdownArgv } from './shutdown-script.ts';

type PowerRequest = Extract<ChangeRequest, { action: 'changePower' }>;

/** What a plan for each change says and does besides what all have in common. */
interface PowerPlan {
  readonly title: (name: string) => string;
  readonly vmState: VmState;
  /** Where the VM is so, the step has done what it is for. */
  readonly oneOf: readonly VmState[];
  readonly whenInterrupted: PlanStep['whenInterrupted'];
}

const runs = ['running', 'idle'] as const;

const plans: Readonly<Record<PowerChange, PowerPlan>> = {
  start: { title: (name) => `Start ${name}`, vmState: 'running', oneOf: runs, whenInterrupted: 'examine' },
  // Asked a second time, the guest does nothing else.
  shutdown: { title: (name) => `Shut down ${name}`, vmState: 'shutoff', oneOf: ['shutoff'], whenInterrupted: 'redo' },
  destroy: { title: (name) => `Force off ${name}`, vmState: 'shutoff', oneOf: ['shutoff'], whenInterrupted: 'examine' },
  suspend: { title: (name) => `Pause ${name}`, vmState: 'paused', oneOf: ['paused'], whenInterrupted: 'redo' },
  resume: { title: (name) => `Resume ${name}`, vmState: 'running', oneOf: runs, whenInterrupted: 'redo' },
};

export function planPower(request: PowerRequest, context: LibvirtContext): PlanDraft {
  const { vm, images, inventory } = context;
  const { to } = request;
  const { title, vmState } = plans[to];
  const writes = to === 'start' || to === 'resume' ? imagesWrittenBy(to, context) : [];
  return {
    vmName: vm.name,
    title: title(vm.name),
    refusals: [
      ...powerRefusals(to, { vm, images, hypervisor: inventory.hypervisor.kind }),
      ...writerRefusals(to, context),
    ],
    warnings: warningsOf(request, writes, context),
    rooms: roomsBeside(context, writes),
    expectedPause: pauseOf(to),
    steps: stepsOf(request, writes, context),
    after: {
      vmState,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: chainsOf(context),
    },
  };
}

/** The disks to which the guest writes from then on: of saved memory those that it names. */
function writtenDisks(to: PowerChange, { vm }: LibvirtContext): readonly Disk[] {
  const own = writableDisks(vm.disks).filter(({ transient }) => transient !== true);
  return to === 'start' && vm.hasManagedSave ? [...own, ...savedMemoryDisks(vm)] : own;
}

function imagesWrittenBy(to: PowerChange, context: LibvirtContext): readonly string[] {
  return [...new Set(writtenDisks(to, context).flatMap(({ imageId }) => imageId ?? []))];
}

/** A template must not run. */
function writerRefusals(to: PowerChange, context: LibvirtContext): PlanNote[] {
  return to === 'start' ? templateRefusals(context, writtenDisks(to, context), `Starting ${context.vm.name}`) : [];
}

/** A guest that is paused has written before, and shall not stand still for ever because of who hangs on its images. */
function writerWarnings(to: PowerChange, imageIds: readonly string[], context: LibvirtContext): PlanNote[] {
  return [
    ...templateRefusals(context, writtenDisks(to, context), `Resuming ${context.vm.name}`),
    ...unknownInstanceWarnings(context, imageIds),
  ];
}

function warningsOf(request: PowerRequest, imageIds: readonly string[], context: LibvirtContext): PlanNote[] {
  switch (request.to) {
    case 'start':
      return [
        ...savedMemoryWarnings(context),
        ...unreadChainWarnings(context),
        ...unknownInstanceWarnings(context, imageIds),
        ...remoteDependentWarnings(context, imageIds),
      ];
    case 'shutdown':
      return [
        note(
          'guestDecides',
          `The guest is asked to shut down, by its agent where one is connected, else by its power button (ACPI). Nothing is forced: one that does not react within ${secondsOf(request)} seconds runs on, and the operation says so. A cancel ends the waiting only: what it was asked, the guest may still do.`,
        ),
        ...endWarnings(context),
        mayBeStartedAgain(context),
      ];
    case 'destroy':
      return [...forceWarnings(context), ...endWarnings(context), mayBeStartedAgain(context)];
    case 'suspend':
      return [
        note(
          'memoryOnlyInHost',
          `What the guest of ${context.vm.name} has in memory stays there: it is lost where the host goes down, or the VM is forced off. Connections to it break where it stands still for long, and its clock is behind afterwards.`,
        ),
      ];
    case 'resume':
      return [...pausedByErrorWarnings(context), ...writerWarnings(request.to, imageIds, context)];
  }
}

function savedMemoryWarnings({ vm }: LibvirtContext): PlanNote[] {
  return vm.hasManagedSave
    ? [
        note(
          'restoresMemory',
          `The memory of ${vm.name} was saved: its guest goes on from there and does not boot. Its connections of that time are gone, and its clock is behind. The saved memory is removed once the guest goes on.`,
        ),
      ]
    : [];
}

/** What is not known to be whole; libvirt, which may be allowed more than this user, finds out. */
function unreadChainWarnings({ vm, images }: LibvirtContext): PlanNote[] {
  return brokenDisksOf(vm, images)
    .filter(({ isCertain, isMedium }) => !isCertain && !isMedium)
    .map(({ disk, words, at }) =>
      note('chainNotKnown', `The chain of disk ${disk.target} ${words} Whether the VM starts with it is not known.`, [
        at,
      ]),
    );
}

/** What is so once the VM has ended, however it does. */
function endWarnings(context: LibvirtContext): PlanNote[] {
  const { vm } = context;
  const thrown = vm.disks.filter(({ transient }) => transient === true).map(({ target }) => target);
  return [
    ...(thrown.length === 0
      ? []
      : [
          note(
            'transientDisk',
            `What was written to ${listed(thrown)} is thrown away when ${vm.name} ends, as its definition says (<transient/>).`,
            thrown,
          ),
        ]),
    ...(vm.hasManagedSave
      ? [
          note(
            'staleManagedSave',
            `There is still memory of ${vm.name} that was saved earlier. The next start would go on from that, on disks that were written to since, and destroy their file systems. Discard it before you start it again.`,
          ),
        ]
      : []),
    ...nextStartWarnings(context),
    ...startAgainWarnings(context),
  ];
}

/** Whoever ends a VM should know that it cannot be started again as it is. */
function startAgainWarnings(context: LibvirtContext): PlanNote[] {
  const { vm, images, inventory } = context;
  return [
    ...startObstacleNotes({ vm, images, hypervisor: inventory.hypervisor.kind }),
    ...templateRefusals(context, writtenDisks('start', context), `Starting ${vm.name} again`),
  ];
}

function forceWarnings({ vm }: LibvirtContext): PlanNote[] {
  return [
    note(
      'unwrittenLost',
      vm.state === 'paused'
        ? `${vm.name} is paused: all that its guest has in memory is lost, as by pulling the plug, and with it what was not written to its disks yet. Resume it, or save its memory, to keep that.`
        : `What the guest of ${vm.name} has not written to its disks yet is lost, as by pulling the plug: file systems and databases have to mend themselves at the next start. Shut it down instead where its guest still reacts.`,
    ),
    ...(vm.job?.kind === 'unknown'
      ? [
          note(
            'jobNotKnown',
            `${vm.name} does not answer (${vm.job.detail}), so it is not known whether a job works on its disks. A merge that is cut off leaves the images above it needed as they are: look at the chains before you remove any image.`,
          ),
        ]
      : []),
  ];
}

/**
 * QEMU pauses a guest whose write fails: most often because the storage is full (`werror=enospc`, which is what libvirt leaves it at). It
 * tries the same write again when it goes on.
 */
function pausedByErrorWarnings({ vm, inventory }: LibvirtContext): PlanNote[] {
  if (vm.stateReason !== 'I/O error') return [];
  const free = freeBelow(vm, inventory);
  return [
    note(
      'pausedByError',
      `${vm.name} stands still because writing to one of its disks failed, most often because the storage is full${free.length === 0 ? '' : ` (${listed(free)})`}. It writes the same again when it goes on, and stops again where that fails: make room first. Which disk it is, virsh domblkerror tells.`,
    ),
  ];
}

function secondsOf({ waitSeconds = shutdownSeconds }: PowerRequest): number {
  return waitSeconds;
}

function pauseOf(to: PowerChange): Plan['expectedPause'] {
  switch (to) {
    case 'shutdown':
    case 'destroy':
      return 'The VM is off until it is started again.';
    case 'suspend':
      return 'The guest stands still until it is resumed.';
    case 'start':
    case 'resume':
      return null;
  }
}

function stepsOf(request: PowerRequest, writes: readonly string[], context: LibvirtContext): PlanDraft['steps'] {
  const { vm } = context;
  const { to } = request;
  const { title, oneOf, whenInterrupted } = plans[to];
  // A guest that was paused when its memory was saved is paused again.
  const restores = to === 'start' && vm.hasManagedSave;
  return [
    ...(restores ? [memoryFitsStep(context)] : []),
    {
      title: restores ? `Start ${vm.name} from its saved memory` : title(vm.name),
      argv: to === 'shutdown' ? shutdownArgv(secondsOf(request), context) : virsh(context, to),
      reads: [],
      writes: [...writes],
      creates: [],
      invalidates: [],
      deletes: [],
      verify: [
        { kind: 'vmState', oneOf: restores ? [...oneOf, 'paused'] : [...oneOf] },
        ...(restores || to === 'shutdown' || to === 'destroy' ? [] : activeLayersStay(vm.disks)),
      ],
      ...plainStep,
      whenInterrupted,
      // What is waited for is the guest, which was asked already.
      cancellation: to === 'shutdown' ? 'abort' : plainStep.cancellation,
    },
  ];
}
