/**
 * Why a VM cannot be started, ended or paused, as far as it follows from what was read of it. Planning refuses by these; the window says
 * them before anybody asks for a plan. Who depends on the images is not judged here: the plan does that, from a fresh reading.
 */
import type { HypervisorKind, Image, ReadableVm } from '../../model/inventory.ts';
import type { PlanNote, PowerChange } from '../../model/plan.ts';
import { brokenDisksOf } from '../chains/broken-chains.ts';
import { startRefusals } from '../chains/start-refusals.ts';
import { jobsOf } from '../inventory/jobs.ts';
import { note } from '../text/plan-note.ts';

/** A VM and what of its host it needs. */
export interface VmOnHost {
  readonly vm: ReadableVm;
  /** Of the host, by id. */
  readonly images: ReadonlyMap<string, Image>;
  readonly hypervisor: HypervisorKind;
}

export function powerRefusals(to: PowerChange, known: VmOnHost): PlanNote[] {
  const { vm } = known;
  const state = stateAgainst(to, vm);
  return [
    ...(state === null ? [] : [note('vmState', state)]),
    ...powerJobRefusals(to, vm),
    ...(to === 'start' && vm.state === 'shutoff' ? startObstacleNotes(known) : []),
    ...(to === 'shutdown' || to === 'destroy' ? transientRefusals(vm) : []),
  ];
}

/** Why a VM in its state cannot be made to do that, in sentences; null where it can. */
function stateAgainst(to: PowerChange, { name, state, stateReason }: ReadableVm): string | null {
  if (state === 'unknown')
    return `The state of ${name} could not be told. Read the host again before changing anything.`;
  const runs = state === 'running' || state === 'idle';
  switch (to) {
    case 'start':
      if (state === 'shutoff') return null;
      if (state === 'paused') return `${name} is paused, not shut off. Resume it.`;
      return runs ? `${name} runs already.` : `${name} is not shut off. ${insteadOfStart(state)}`;
    case 'shutdown':
      if (runs) return null;
      if (state === 'paused')
        return `${name} is paused, and a guest that stands still cannot shut itself down. Resume it first; to give up what it has in memory, force it off.`;
      if (state === 'suspended') return asleep(name);
      return state === 'shutoff'
        ? `${name} is shut off already.`
        : `${name} ${state === 'crashed' ? 'has crashed' : 'is shutting down already'}. Wait, or force it off.`;
    case 'destroy':
      return state === 'shutoff' ? `${name} is shut off already.` : null;
    case 'suspend':
      if (runs) return null;
      if (state === 'paused') return `${name} is paused already.`;
      return state === 'suspended' ? asleep(name) : `${name} does not run, so there is nothing to pause.`;
    case 'resume':
      if (state === 'suspended') return asleep(name);
      if (state !== 'paused') return runs ? `${name} runs already.` : `${name} is not paused. ${insteadOfStart(state)}`;
      // virsh-domain-monitor.c, virshDomainPausedReason: of these guests nothing is left that could go on.
      return stateReason === 'crashed' || stateReason === 'shutting down'
        ? `${name} is paused because its guest ${stateReason === 'crashed' ? 'has crashed' : 'has shut down'}: it cannot go on. Force it off, and start it anew.`
        : null;
  }
}

function insteadOfStart(state: ReadableVm['state']): string {
  switch (state) {
    case 'shutoff':
      return 'Start it.';
    case 'shutting-down':
      return 'It is shutting down: wait until it is shut off, or force it off.';
    case 'crashed':
      return 'It has crashed: force it off first, so that its disks are not in use.';
    case 'suspended':
      return 'It sleeps (power management): wake it (virsh dompmwakeup).';
    default:
      return 'Read the host again.';
  }
}

function asleep(name: string): string {
  return `${name} sleeps (power management). Wake it first (virsh dompmwakeup).`;
}

/**
 * A job that is cut off by the end of its VM is lost, a merge in the middle of what it writes. What a VM that does not answer works at
 * nobody can tell: such a one can be forced off all the same, as nothing else ends it.
 */
function powerJobRefusals(to: PowerChange, vm: ReadableVm): PlanNote[] {
  return jobsOf(vm)
    .filter(({ isSilent }) => !(isSilent && to === 'destroy'))
    .map(({ target, message, isSilent }) =>
      note(
        'jobRuns',
        isSilent
          ? `${message} Try again, or force it off.`
          : `${message} Wait until it ends, or end it, then try again.`,
        [target ?? vm.name],
      ),
    );
}

/** libvirt ends the QEMU process of such a VM and forgets it: what names its disks and its snapshots is gone then. */
export function transientRefusals({ name, persistent, snapshots }: ReadableVm): PlanNote[] {
  if (persistent) return [];
  const records = snapshots.length === 0 ? '' : ', and the records of its snapshots with it';
  return [
    note(
      'transient',
      `${name} exists only as long as it runs: once it ends, its definition is gone${records}. Define it first (virsh dumpxml, virsh define); then it can be shut off and started again.`,
    ),
  ];
}

/** What is known to keep it from starting, or from starting again: libvirt would refuse, or QEMU would. */
export function startObstacleNotes({ vm, images, hypervisor }: VmOnHost): PlanNote[] {
  const broken = brokenDisksOf(vm, images)
    // What could not be read may be whole.
    .filter(({ isCertain, isMedium, disk }) => isCertain && !isMedium && disk.optional !== true)
    .map(({ disk, words, remedy, at }) =>
      note('chainBroken', `The chain of disk ${disk.target} ${words} ${remedy}`, [at]),
    );
  return [
    ...broken,
    ...startRefusals(vm, images, hypervisor).map(({ message, remedy }) =>
      note('startObstacle', `${message} ${remedy}`),
    ),
    ...(vm.startObstacles ?? []).map(({ message, remedy, path }) =>
      note('startObstacle', `${message} ${remedy}`, [path]),
    ),
  ];
}
