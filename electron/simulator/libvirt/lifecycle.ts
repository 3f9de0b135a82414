/** Starting, stopping, pausing and saving simulated VMs. */
import type { GuestMemory } from '../images/disk-image.ts';
import { abandonJobs, settle } from './block-jobs.ts';
import { LibvirtError, memoryAt, type LiveVm, type Vm } from './model.ts';
import { managedSaveFile, writeSavedState, type SavedState } from './saved-file.ts';
import { changeVm, vmOf, withChains, type World } from './world.ts';

/**
 * Makes a VM run (or stand still) by a definition, with a memory.
 *
 * @throws LibvirtError where an image of it is not there
 */
export function bringUp(
  world: World,
  vm: Vm,
  how: {
    readonly by: Vm['definition'];
    readonly memory: GuestMemory;
    readonly paused: boolean;
    readonly reason: string;
  },
): Vm {
  const definition = withChains(world, how.by);
  const id = world.state.nextId;
  world.state = { ...world.state, nextId: id + 1 };
  const live: LiveVm = {
    id,
    state: how.paused ? 'paused' : 'running',
    reason: how.reason,
    definition,
    memory: { count: how.memory.count, countingSince: how.paused ? null : world.now() },
    jobs: [],
    wrote: { seconds: 0, at: world.now() },
  };
  return changeVm(world, vm.uuid, { live });
}

/** @throws LibvirtError where it runs, or cannot */
export function start(world: World, vm: Vm): void {
  if (vm.live) throw new LibvirtError('Domain is already active');
  const { managedSave } = vm;
  try {
    bringUp(world, vm, {
      by: managedSave?.definition ?? vm.definition,
      memory: managedSave?.memory ?? { count: 0 },
      paused: managedSave?.paused ?? false,
      reason: managedSave ? 'restored' : 'booted',
    });
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    changeVm(world, vm.uuid, { offReason: 'failed' });
    throw new LibvirtError(`Failed to start domain '${vm.definition.name}'`, ...error.lines);
  }
  world.tell({
    vm: discardManagedSave(world, vm),
    what: `Started ${managedSave ? 'Restored' : 'Booted'}`,
  });
}

/** Also where there is none. */
export function discardManagedSave(world: World, vm: Vm): Vm {
  world.files.remove(managedSaveFile(vm.definition));
  return changeVm(world, vm.uuid, { managedSave: null });
}

/** Ends a VM at once; one that is not persistent is gone then. */
export function takeDown(world: World, vm: Vm, reason: string): void {
  abandonJobs(world, vm);
  changeVm(world, vm.uuid, { live: null, offReason: reason });
  if (!vm.persistent) world.state = { ...world.state, vms: world.state.vms.filter(({ uuid }) => uuid !== vm.uuid) };
}

/** The running VM. @throws LibvirtError where it does not run */
function running(vm: Vm): LiveVm {
  if (!vm.live) throw new LibvirtError('Requested operation is not valid: domain is not running');
  return vm.live;
}

export function destroy(world: World, vm: Vm): void {
  running(vm);
  takeDown(world, vm, 'destroyed');
  world.tell({ vm, what: 'Stopped Destroyed' });
}

/** How long guests take to shut down, in seconds. */
const shutdownTakes = 3;

/** Asks the guest, by its agent or its power button: it may take no notice. `endShutDown` ends it. */
export function askToShutDown(world: World, vm: Vm): void {
  const live = running(vm);
  const hears = vm.guest.ignoresPowerButton !== true && live.state === 'running';
  if (hears && live.endsAt === undefined)
    changeVm(world, vm.uuid, { live: { ...live, endsAt: world.now() + shutdownTakes } });
}

/** Ends the VMs whose guests have shut down by now. To be called before anybody asks. */
export function endShutDown(world: World): void {
  for (const vm of world.state.vms) {
    if (vm.live?.state !== 'running' || (vm.live.endsAt ?? Infinity) > world.now()) continue;
    takeDown(world, vm, 'shutdown');
    world.tell({ vm, what: 'Stopped Shutdown' });
  }
}

export function pause(world: World, vm: Vm): void {
  settle(world);
  const live = running(vmOf(world, vm.uuid));
  const memory = { count: memoryAt(live.memory, world.now()).count, countingSince: null };
  changeVm(world, vm.uuid, { live: { ...live, state: 'paused', reason: 'user', memory } });
  world.tell({ vm, what: 'Suspended Paused' });
}

export function resume(world: World, vm: Vm): void {
  settle(world);
  const live = running(vmOf(world, vm.uuid));
  if (live.state === 'running') {
    throw new LibvirtError('Requested operation is not valid: domain is already running');
  }
  const memory = { count: live.memory.count, countingSince: world.now() };
  changeVm(world, vm.uuid, { live: { ...live, state: 'running', reason: 'unpaused', memory } });
  world.tell({ vm, what: 'Resumed Unpaused' });
}

/** The save names the images of its time, and resuming uses those. */
export function saveManaged(world: World, vm: Vm): void {
  const managedSave = saveTo(world, vm, managedSaveFile(vm.definition));
  world.tell({ vm: changeVm(world, vm.uuid, { managedSave }), what: 'Stopped Saved' });
}

/** In the place of what is there. */
export function saveToFile(world: World, vm: Vm, path: string): void {
  saveTo(world, vm, path);
  world.tell({ vm, what: 'Stopped Saved' });
}

function saveTo(world: World, vm: Vm, path: string): SavedState {
  const live = running(vm);
  if (live.jobs.length > 0) throw new LibvirtError('Requested operation is not valid: domain has active block job');
  const saved = {
    definition: live.definition,
    memory: memoryAt(live.memory, world.now()),
    paused: live.state === 'paused',
  };
  takeDown(world, vm, 'saved');
  writeSavedState(world, path, saved);
  return saved;
}
