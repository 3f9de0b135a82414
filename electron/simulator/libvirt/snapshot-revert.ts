/** Going back to snapshots, by the laws of libvirt 9.0 and QEMU 7.2. */
import { findByIdOrName, findByName, type GuestMemory } from '../images/disk-image.ts';
import { writableFileDisks, type Definition } from './definition.ts';
import { bringUp, pause, takeDown } from './lifecycle.ts';
import { isExternal, LibvirtError, type Snapshot, type Vm } from './model.ts';
import { chainFrom, changeImage, changeVm, qemuImgFailure, vmOf, type World } from './world.ts';

export interface RevertOptions {
  readonly running: boolean;
  readonly paused: boolean;
  readonly force: boolean;
}

/** @throws LibvirtError where libvirt refuses, or fails half-way: the VM is then shut off */
export function revertSnapshot(world: World, vm: Vm, snapshot: Snapshot, options: RevertOptions): void {
  const refuse = (...lines: string[]): never => {
    throw new LibvirtError(`Failed to revert snapshot ${snapshot.name}`, ...lines);
  };
  if (vm.live && vm.live.jobs.length > 0) refuse('Requested operation is not valid: domain has active block job');
  if (isExternal(snapshot)) refuse('unsupported configuration: revert to external snapshot not supported yet');
  const withMemory = snapshot.memory === 'internal';
  if (!vm.persistent && !withMemory && !options.running && !options.paused) {
    refuse(
      'Requested operation is not valid: transient domain needs to request run or pause to revert to inactive snapshot',
    );
  }
  if (!options.force && vm.managedSave && !withMemory) {
    refuse(
      'revert requires force: snapshot without memory state, removal of existing managed saved state strongly recommended to avoid corruption',
    );
  }
  const { definition } = snapshot;
  if (!definition) {
    return refuse(
      `revert requires force: snapshot '${snapshot.name}' lacks domain '${vm.definition.name}' rollback info`,
    );
  }
  try {
    if (withMemory) loadMemory(world, vm, snapshot, definition);
    else resetDisks(world, vm, snapshot, definition, options);
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    refuse(...error.lines);
  }
  const reverted = changeVm(world, vm.uuid, { current: snapshot.name });
  if (withMemory && options.paused && reverted.live?.state === 'running') pause(world, reverted);
  world.tell({ vm, what: withMemory ? 'Started Snapshot' : 'Stopped Snapshot' });
}

/** QEMU is started anew with `-loadvm NAME`; where it cannot, the VM is left shut off. */
function loadMemory(world: World, vm: Vm, snapshot: Snapshot, definition: Definition): void {
  if (vm.live) changeVm(world, vm.uuid, { live: null, offReason: 'from snapshot' });
  const disks = writableFileDisks(definition);
  const memories: GuestMemory[] = [];
  try {
    // The last disk is looked at first; what the snapshot's VM was is what the VM is from here on.
    changeVm(world, vm.uuid, { definition: snapshot.inactive ?? definition });
    for (const { path } of [...disks].reverse()) chainFrom(world, path);
    const holders = disks.map(({ path }) => world.files.imageAt(path));
    if (holders.some((image) => image && !findByName(image, snapshot.name))) {
      throw new LibvirtError(
        `internal error: process exited while connecting to monitor: qemu-system-x86_64: Snapshot '${snapshot.name}' does not exist in one or more devices`,
      );
    }
    for (const { path } of disks) {
      changeImage(world, path, (image) => {
        const found = findByIdOrName(image, snapshot.name);
        memories.push(...(found?.memory ? [found.memory] : []));
        return found ? { ...image, content: found.content } : image;
      });
    }
    const down = vmOf(world, vm.uuid);
    const paused = snapshot.state === 'paused';
    bringUp(world, down, { by: definition, memory: memories[0] ?? { count: 0 }, paused, reason: 'from snapshot' });
  } catch (error) {
    changeVm(world, vm.uuid, { offReason: 'failed' });
    throw error;
  }
}

/** `qemu-img snapshot -a` for one image after the other. */
function resetDisks(
  world: World,
  vm: Vm,
  snapshot: Snapshot,
  definition: Definition,
  { running, paused }: RevertOptions,
): void {
  if (vm.live) takeDown(world, { ...vm, persistent: true }, 'from snapshot');
  for (const { path } of writableFileDisks(definition)) {
    const image = world.files.imageAt(path);
    const found = image && findByIdOrName(image, snapshot.name);
    if (!found) {
      throw qemuImgFailure(
        ['snapshot', '-a', snapshot.name, path],
        image
          ? `Could not apply snapshot '${snapshot.name}': Failed to load snapshot: No such file or directory`
          : `Could not open '${path}': Could not open '${path}': No such file or directory`,
      );
    }
    changeImage(world, path, (each) => ({ ...each, content: found.content }));
  }
  changeVm(world, vm.uuid, { definition });
  if (running || paused) {
    bringUp(world, vmOf(world, vm.uuid), {
      by: definition,
      memory: { count: 0 },
      paused,
      reason: paused ? 'user' : 'booted',
    });
  }
}
