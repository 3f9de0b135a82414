/** A VM's definition from XML, as somebody hands it to `virsh define`. */
import {
  attribute,
  child,
  children,
  childText,
  parseXml,
  XmlError,
  type XmlElement,
} from '../../hypervisors/libvirt/read/definitions/xml.ts';
import type { BackingLayer, Definition, DefinitionDisk, DiskSource } from './definition.ts';
import { LibvirtError } from './model.ts';

/** @throws LibvirtError where it is no definition, or holds what simulated hosts do not have */
export function definitionFromXml(xml: string): Definition {
  const domain = parse(xml);
  if (domain.name !== 'domain') {
    throw new LibvirtError(`XML error: unexpected root element <${domain.name}>, expecting <domain>`);
  }
  return definitionFrom(domain);
}

/** @throws LibvirtError as `definitionFromXml` */
export function definitionFrom(domain: XmlElement): Definition {
  const name = childText(domain, 'name');
  const uuid = childText(domain, 'uuid');
  if (name === null || uuid === null) throw new LibvirtError('XML error: a definition without name and UUID');
  const memory = child(domain, 'memory');
  const kibibytes = attribute(memory, 'unit') === 'MiB' ? 1024 : 1;
  return {
    name,
    uuid,
    title: childText(domain, 'title') ?? '',
    description: childText(domain, 'description') ?? '',
    memoryKiB: Number(memory?.text ?? 0) * kibibytes,
    cpus: Number(childText(domain, 'vcpu') ?? 1),
    nvram: childText(child(domain, 'os'), 'nvram'),
    disks: children(child(domain, 'devices'), 'disk').map(diskFrom),
    hasAgentChannel: hasChannel(domain),
  };
}

export function parse(xml: string): XmlElement {
  const [line = ''] = xml.split('\n');
  if (!xml.trimStart().startsWith('<')) {
    throw new LibvirtError(`(domain_definition):1: Start tag expected, '<' not found\n${line}\n^`);
  }
  try {
    return parseXml(xml);
  } catch (error) {
    if (error instanceof XmlError) throw new LibvirtError(`(domain_definition): ${error.message}`);
    throw error;
  }
}

function hasChannel(domain: XmlElement): boolean {
  return children(child(domain, 'devices'), 'channel').some(
    (channel) => attribute(child(channel, 'target'), 'name') === 'org.qemu.guest_agent.0',
  );
}

function diskFrom(disk: XmlElement): DefinitionDisk {
  const device = attribute(disk, 'device') ?? 'disk';
  return {
    target: attribute(child(disk, 'target'), 'dev') ?? '',
    device: device === 'cdrom' || device === 'floppy' ? device : 'disk',
    bus: attribute(child(disk, 'target'), 'bus') ?? 'virtio',
    format: attribute(child(disk, 'driver'), 'type') ?? 'raw',
    source: sourceFrom(attribute(disk, 'type') ?? 'file', child(disk, 'source')),
    readOnly: child(disk, 'readonly') !== null,
    backing: backingFrom(disk),
  };
}

/** The chain as it is written there; null where nothing of it is. */
function backingFrom(above: XmlElement): readonly BackingLayer[] | null {
  const backing = child(above, 'backingStore');
  if (!backing) return null;
  const path = attribute(child(backing, 'source'), 'file');
  if (path === null) return [];
  return [{ path, format: attribute(child(backing, 'format'), 'type') ?? 'raw' }, ...(backingFrom(backing) ?? [])];
}

function sourceFrom(type: string, source: XmlElement | null): DiskSource | null {
  if (!source) return null;
  const value = (name: string) => attribute(source, name) ?? '';
  switch (type) {
    case 'file':
      return { kind: 'file', path: value('file') };
    case 'volume':
      return { kind: 'volume', pool: value('pool'), volume: value('volume') };
    case 'network': {
      const host = attribute(child(source, 'host'), 'name') ?? '';
      return { kind: 'network', protocol: value('protocol'), name: value('name'), host };
    }
    default:
      throw new LibvirtError(`unsupported configuration: simulated hosts have no disks of type '${type}'`);
  }
}
