/** Records of snapshots from XML, as `virsh snapshot-create --redefine` takes them (libvirt 9.0). */
import {
  attribute,
  child,
  children,
  childText,
  type XmlElement,
} from '../../hypervisors/libvirt/read/definitions/xml.ts';
import { definitionFrom, parse } from './definition-xml.ts';
import { LibvirtError, type Snapshot, type SnapshotDisk, type Vm } from './model.ts';
import { changeVm, vmOf, type World } from './world.ts';

/**
 * Puts a record in the place of the one of that name, or beside the others. Which one is current stays.
 *
 * @param isCurrent it becomes the current one
 * @throws LibvirtError where it is no record
 */
export function redefineSnapshot(world: World, vm: Vm, xml: string, isCurrent: boolean): Snapshot {
  const now = recordFrom(xml);
  const known = vm.snapshots.find(({ name }) => name === now.name);
  if (now.parent !== null && !vm.snapshots.some(({ name }) => name === now.parent)) {
    throw new LibvirtError(`invalid argument: parent ${now.parent} for moment ${now.name} not found`);
  }
  const { snapshots } = vmOf(world, vm.uuid);
  changeVm(world, vm.uuid, {
    snapshots: known ? snapshots.map((each) => (each.name === now.name ? now : each)) : [...snapshots, now],
    ...(isCurrent && { current: now.name }),
  });
  return now;
}

function recordFrom(xml: string): Snapshot {
  const root = parse(xml);
  if (root.name !== 'domainsnapshot') {
    throw new LibvirtError(`XML error: expecting root element of 'domainsnapshot', not '${root.name}'`);
  }
  const domain = child(root, 'domain');
  const inactive = child(root, 'inactiveDomain');
  return {
    name: childText(root, 'name') ?? '',
    description: childText(root, 'description') ?? '',
    parent: childText(child(root, 'parent'), 'name'),
    createdAt: Number(childText(root, 'creationTime') ?? 0),
    state: stateFrom(childText(root, 'state')),
    memory: memoryFrom(child(root, 'memory')),
    disks: children(child(root, 'disks'), 'disk').map(diskFrom),
    definition: domain && definitionFrom(domain),
    inactive: inactive && definitionFrom(inactive),
  };
}

function stateFrom(text: string | null): Snapshot['state'] {
  const state = (['running', 'paused', 'shutoff', 'disk-snapshot'] as const).find((each) => each === text);
  if (state) return state;
  throw new LibvirtError(`XML error: Invalid state '${text ?? ''}' in domain snapshot XML`);
}

function memoryFrom(memory: XmlElement | null): Snapshot['memory'] {
  const kind = attribute(memory, 'snapshot');
  if (kind === 'external') return { file: attribute(memory, 'file') ?? '' };
  return kind === 'internal' ? 'internal' : 'no';
}

function diskFrom(disk: XmlElement): SnapshotDisk {
  const kind = attribute(disk, 'snapshot');
  return {
    target: attribute(disk, 'name') ?? '',
    kind: kind === 'internal' || kind === 'external' ? kind : 'no',
    overlay: attribute(child(disk, 'source'), 'file'),
  };
}
