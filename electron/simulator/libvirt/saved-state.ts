/** Lets guests go on from memory in files (libvirt 9.0). */
import { writableFileDisks, type Definition } from './definition.ts';
import { bringUp } from './lifecycle.ts';
import { LibvirtError } from './model.ts';
import type { SavedState } from './saved-file.ts';
import { addDefined, changeVm, firstMissing, type World } from './world.ts';

export interface RestoreOptions {
  /** Null: the one that was saved. */
  readonly definition: Definition | null;
  /** Null: as it was saved. */
  readonly paused: boolean | null;
}

/**
 * Lets a guest go on from its file. The definition of the VM's next start stays what it is; where there is none it lives as long as it runs.
 *
 * @throws LibvirtError where it cannot; a VM that is there is shut off then
 */
export function restore(world: World, saved: SavedState, { definition, paused }: RestoreOptions): void {
  const by = definition ?? saved.definition;
  checkSame(by, saved.definition);
  const known = world.state.vms.find(({ uuid }) => uuid === by.uuid);
  if (known?.live) {
    throw new LibvirtError(`Requested operation is not valid: domain '${known.definition.name}' is already active`);
  }
  const standsStill = paused ?? saved.paused;
  const how = { by, memory: saved.memory, paused: standsStill, reason: standsStill ? 'migrating' : 'restored' };
  const missing = writableFileDisks(by)
    .map(({ path }) => firstMissing(world, path))
    .find((path) => path !== null);
  if (missing !== undefined) {
    if (known) changeVm(world, known.uuid, { offReason: 'failed' });
    throw new LibvirtError(`unable to stat: ${missing}: No such file or directory`);
  }
  const vm = known ?? addDefined(world, by, { persistent: false });
  world.tell({ vm: bringUp(world, vm, how), what: 'Started Restored' });
}

/** `qemuDomainDefCheckABIStability`: the guest in the memory knows its devices. */
function checkSame(now: Definition, then: Definition): void {
  const differ = (what: string, found: string | number, wanted: string | number): LibvirtError =>
    new LibvirtError(`unsupported configuration: Target domain ${what} ${found} does not match source ${wanted}`);
  if (now.name !== then.name) throw differ('name', `'${now.name}'`, `'${then.name}'`);
  if (now.uuid !== then.uuid) throw differ('uuid', now.uuid, then.uuid);
  if (now.cpus !== then.cpus) throw differ('vCPU max', now.cpus, then.cpus);
}
