/** Guests whose memory lies in a file of its own, as `virsh snapshot-create-as --memspec` leaves it (libvirt 9.0). */
import type { GuestMemory } from '../images/disk-image.ts';
import { definitionXml, writableFileDisks, type Definition } from './definition.ts';
import { definitionFromXml } from './definition-xml.ts';
import { bringUp } from './lifecycle.ts';
import { LibvirtError } from './model.ts';
import { addDefined, changeVm, firstMissing, type World } from './world.ts';

export interface SavedState {
  readonly definition: Definition;
  readonly memory: GuestMemory;
  readonly paused: boolean;
}

/** The file begins like libvirt's; what follows the definition is only as long as memory would be. */
const magic = 'LibvirtQemudSave';
/** So much libvirt reads before it looks at any of it. */
const headerBytes = 92;

/** What one saved guest takes: QEMU leaves out what the guest never used. */
export const memoryBytesOf = (definition: Definition): number => Math.round(definition.memoryKiB * 1024 * 0.35);

/** In the place of what is there. */
export function writeSavedState(world: World, path: string, { definition, memory, paused }: SavedState): void {
  const xml = definitionXml(definition, { element: 'domain', id: null, indent: 0, live: true });
  world.files.putText(
    path,
    `${magic}\n${memory.count} ${paused ? 'paused' : 'running'}\n${xml}`,
    memoryBytesOf(definition),
  );
}

/** @throws LibvirtError where there is none */
export function readSavedState(world: World, path: string): SavedState {
  const file = world.files.fileAt(path);
  if (!file) throw new LibvirtError(`Failed to open file '${path}': No such file or directory`);
  const text = file.image ? '' : new TextDecoder().decode(file.bytes);
  const [, count, state, xml] = /^LibvirtQemudSave\n(\d+) (running|paused)\n([\s\S]*)$/.exec(text) ?? [];
  if (xml !== undefined)
    return { definition: definitionFromXml(xml), memory: { count: Number(count) }, paused: state === 'paused' };
  throw new LibvirtError(
    !file.image && file.bytes.length < headerBytes
      ? 'operation failed: failed to read qemu header'
      : 'operation failed: image magic is incorrect',
  );
}

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
