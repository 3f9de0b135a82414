/** A libvirt domain's definition (`virsh dumpxml`, or the `<domain>` in a snapshot) as facts. */
import type { Disk, ReadableVm } from '../../../../../shared/model/inventory.ts';
import { resourcesNeeded, type NeededResource } from './host-resources.ts';
import { attribute, child, children, childText, XmlError, type XmlElement } from './xml.ts';

export type DiskSource =
  | { readonly kind: 'empty' }
  /** A path, or a name on the network. */
  | { readonly kind: 'image'; readonly reference: string }
  | { readonly kind: 'volume'; readonly pool: string; readonly volume: string }
  /** Something that is not an image: a folder shown as a FAT disk, an NVMe device, a vhost-user socket, a part of a file. */
  | { readonly kind: 'other'; readonly reference: string };

export interface DiskMirror {
  /** `copy` or `active-commit`; other words are new to us. */
  readonly job: string;
  readonly source: DiskSource;
  /** Everything is mirrored, and each write goes to both. */
  readonly ready: boolean;
}

export interface DomainDisk {
  readonly target: string;
  readonly device: Disk['device'];
  readonly source: DiskSource;
  readonly format: string | null;
  readonly readOnly: boolean;
  readonly shareable: boolean;
  /** Whether what is written to it is thrown away when the VM is shut off (`<transient/>`). */
  readonly transient: boolean;
  /** The format of its encryption; null where it has none. */
  readonly encryption: string | null;
  /** Of a copy or a commit of the active layer that runs. */
  readonly mirror: DiskMirror | null;
  /** False where libvirt starts the VM without it when it is not there (`startupPolicy='optional'`). */
  readonly isMandatory: boolean;
  /** The same of a start from memory, for which libvirt leaves out what is `requisite` too. */
  readonly isMandatoryForMemory: boolean;
  /** Whether the definition spells the chain out: libvirt then takes no notice of what the images record. */
  readonly isChainDefined: boolean;
  /** The chain as the definition names it, nearest first. */
  readonly backing: readonly { readonly source: DiskSource; readonly format: string | null }[];
  /** Whether the definition says that nothing comes below that; otherwise libvirt goes on with what the last of them records. */
  readonly isChainEnded: boolean;
}

export interface Domain {
  readonly name: string;
  readonly uuid: string | null;
  readonly title: string;
  readonly description: string;
  readonly memoryBytes: number | null;
  readonly cpuCount: number | null;
  readonly hasNvram: boolean;
  /** The format of the firmware's variable store; null where it is not said, which means raw. */
  readonly nvramFormat: string | null;
  readonly disks: readonly DomainDisk[];
  readonly resources: readonly NeededResource[];
  /** See `ReadableVm`; the same list for all that have none. */
  readonly ownDevices: readonly OwnDevice[];
}

export type OwnDevice = NonNullable<ReadableVm['ownDevices']>[number];

/** @throws XmlError where `element` is not a domain's definition */
export function domainFromElement(element: XmlElement): Domain {
  const name = childText(element, 'name');
  if (!['domain', 'inactiveDomain'].includes(element.name) || name === null) {
    throw new XmlError(`it is not a VM's definition (<${element.name}>)`);
  }
  const os = child(element, 'os');
  const loader = child(os, 'loader');
  return {
    name,
    uuid: childText(element, 'uuid')?.trim() ?? null,
    title: childText(element, 'title') ?? '',
    description: childText(element, 'description') ?? '',
    memoryBytes: memoryBytes(child(element, 'memory')),
    cpuCount: wholeNumber(childText(element, 'vcpu')),
    hasNvram:
      child(os, 'nvram') !== null || attribute(os, 'firmware') === 'efi' || attribute(loader, 'type') === 'pflash',
    nvramFormat: attribute(child(os, 'nvram'), 'format'),
    disks: children(child(element, 'devices'), 'disk').flatMap(diskFromElement),
    resources: resourcesNeeded(element),
    ownDevices: ownDevicesIn(child(element, 'devices')),
  };
}

function ownDevicesIn(devices: XmlElement | null): readonly OwnDevice[] {
  return [
    ...(child(devices, 'tpm') === null ? [] : ['tpm' as const]),
    ...(child(devices, 'hostdev') === null ? [] : ['hostDevice' as const]),
    ...(child(devices, 'filesystem') === null ? [] : ['sharedFolder' as const]),
  ];
}

/** libvirt's units (`virScaleInteger`): a letter alone and `…iB` are powers of 1024, `…B` of 1000; KiB where none is given. */
function memoryBytes(element: XmlElement | null): number | null {
  const amount = wholeNumber(element?.text ?? null);
  if (amount === null) return null;
  const unit = attribute(element, 'unit') ?? 'KiB';
  if (['b', 'bytes'].includes(unit)) return amount;
  if (!/^[KMGTPE](?:i?B)?$/i.test(unit)) return null;
  const power = 'KMGTPE'.indexOf(unit.charAt(0).toUpperCase()) + 1;
  return amount * (/^.B$/i.test(unit) ? 1000 : 1024) ** power;
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\s*\d+\s*$/.test(text) ? Number(text) : null;
}

function diskFromElement(element: XmlElement): readonly DomainDisk[] {
  const target = attribute(child(element, 'target'), 'dev');
  if (target === null) return [];
  const device = attribute(element, 'device') ?? 'disk';
  const policy = attribute(child(element, 'source'), 'startupPolicy');
  const { backing, isChainEnded } = backingOf(element);
  return [
    {
      target,
      device: device === 'cdrom' || device === 'floppy' || device === 'lun' ? device : 'disk',
      source: sourceOf(attribute(element, 'type'), child(element, 'source')),
      format: formatOfDisk(element),
      readOnly: child(element, 'readonly') !== null || device === 'cdrom',
      shareable: child(element, 'shareable') !== null,
      transient: child(element, 'transient') !== null,
      encryption: attribute(child(child(element, 'source'), 'encryption') ?? child(element, 'encryption'), 'format'),
      mirror: mirrorOf(child(element, 'mirror')),
      isMandatory: policy !== 'optional',
      isMandatoryForMemory: policy !== 'optional' && policy !== 'requisite',
      isChainDefined: child(element, 'backingStore') !== null,
      backing,
      isChainEnded,
    },
  ];
}

/**
 * The format in which a disk is used; null where that is not said. Where it is not said of a volume libvirt takes that for raw
 * when the VM starts, whatever the pool says of it (7.0, 9.0 and 11.3); of a file it says so in the definition itself.
 */
export function formatOfDisk(disk: XmlElement): string | null {
  return attribute(child(disk, 'driver'), 'type') ?? (attribute(disk, 'type') === 'volume' ? 'raw' : null);
}

function mirrorOf(mirror: XmlElement | null): DiskMirror | null {
  if (mirror === null) return null;
  const source = child(mirror, 'source');
  return {
    job: attribute(mirror, 'job') ?? 'copy',
    // Very old libvirts name the file in the element itself only.
    source: source ? sourceOf(attribute(mirror, 'type'), source) : sourceOf('file', mirror),
    ready: attribute(mirror, 'ready') === 'yes',
  };
}

function backingOf(disk: XmlElement): Pick<DomainDisk, 'backing' | 'isChainEnded'> {
  const backing: { source: DiskSource; format: string | null }[] = [];
  for (let layer = child(disk, 'backingStore'); layer; layer = child(layer, 'backingStore')) {
    const source = sourceOf(attribute(layer, 'type'), child(layer, 'source'));
    if (source.kind === 'empty') return { backing, isChainEnded: true };
    backing.push({ source, format: attribute(child(layer, 'format'), 'type') });
  }
  return { backing, isChainEnded: false };
}

/** How a source is shown. */
export function sourceText(source: DiskSource): string | null {
  switch (source.kind) {
    case 'empty':
      return null;
    case 'volume':
      return `${source.pool}/${source.volume}`;
    case 'image':
    case 'other':
      return source.reference;
  }
}

/** What a `<source>` names, by the `type` of the element around it. */
export function sourceOf(type: string | null, source: XmlElement | null): DiskSource {
  const image = (reference: string | null): DiskSource =>
    reference === null || reference === '' ? { kind: 'empty' } : { kind: 'image', reference };
  // A part of a file or volume: on what an image in there hangs is not what the file begins with.
  if (source && child(child(source, 'slices'), 'slice')) {
    return { kind: 'other', reference: `slice:${[...source.attributes.values()].join(' ')}` };
  }
  switch (type) {
    case 'file':
    case null:
      return image(attribute(source, 'file'));
    case 'block':
      return image(attribute(source, 'dev'));
    case 'network':
      return source ? image(networkName(source)) : { kind: 'empty' };
    case 'volume': {
      const pool = attribute(source, 'pool');
      const volume = attribute(source, 'volume');
      return pool === null || volume === null ? { kind: 'empty' } : { kind: 'volume', pool, volume };
    }
    default:
      return source
        ? { kind: 'other', reference: `${type}:${[...source.attributes.values()].join(' ')}` }
        : { kind: 'empty' };
  }
}

/** A network source as one name, e.g. `rbd:pool/image` or `nbd://host:10809/export`. */
function networkName(source: XmlElement): string {
  const protocol = attribute(source, 'protocol') ?? 'unknown';
  const name = attribute(source, 'name') ?? '';
  const host = child(source, 'host');
  const hostName = attribute(host, 'name');
  if (hostName === null) return `${protocol}:${attribute(host, 'socket') ?? ''}${name}`;
  const port = attribute(host, 'port');
  return `${protocol}://${hostName}${port === null ? '' : `:${port}`}/${name}`;
}
