/** Guests whose memory lies in a file, as `virsh save`, `managedsave` and `snapshot-create-as --memspec` leave it (libvirt 9.0). */
import type { GuestMemory } from '../images/disk-image.ts';
import { definitionXml, type Definition } from './definition.ts';
import { definitionFromXml } from './definition-xml.ts';
import { LibvirtError } from './model.ts';
import type { World } from './world.ts';

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

/** Where libvirt keeps that of a managed save. */
export function managedSaveFile({ name }: Definition): string {
  return `/var/lib/libvirt/qemu/save/${name}.save`;
}
