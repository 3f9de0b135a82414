/** A libvirt snapshot's record (`virsh snapshot-dumpxml`) as facts. */
import type { Snapshot, SnapshotDisk } from '../../../../../shared/model/inventory.ts';
import { domainFromElement, sourceOf, type DiskSource, type Domain } from './domain-xml.ts';
import { namedFiles, namedFilesOfRecord, type NamedFile } from './named-files.ts';
import { usesNeeded } from './needs.ts';
import { SentElements } from './sent-elements.ts';
import { attribute, child, children, childText, parseXml, XmlError, type XmlElement } from './xml.ts';

type SnapshotMemory = Snapshot['memory'];

export interface SnapshotRecordDisk {
  readonly target: string;
  readonly kind: Extract<SnapshotDisk['kind'], 'none' | 'internal' | 'external'>;
  /** External only: the overlay that was made when the snapshot was taken. */
  readonly overlay: { readonly source: DiskSource; readonly format: string | null } | null;
}

export interface SnapshotRecord {
  readonly name: string;
  readonly description: string;
  readonly parentName: string | null;
  readonly createdAt: number | null;
  readonly vmState: Snapshot['vmState'];
  readonly kind: Extract<Snapshot['kind'], 'internal' | 'external' | 'mixed' | 'unknown'>;
  readonly memory: SnapshotMemory;
  readonly disks: readonly SnapshotRecordDisk[];
  /** The VM as it was when the snapshot was taken; null in records of very old or of hand-made snapshots. */
  readonly domain: Domain | null;
  /**
   * What that definition needs besides disks, the same things whichever other record or definition names them too. Not what
   * `<inactiveDomain>` names: libvirt does not start that one (7.0, 9.0 and 11.3).
   */
  readonly needs: readonly NamedFile[];
  /** What of it is not known, in a sentence; null where all is. */
  readonly unknownPart: string | null;
}

/** A record, and every file that it names, its definitions of the VM included, without what was sent of that VM before. */
export interface ParsedSnapshot {
  readonly record: SnapshotRecord;
  readonly files: readonly NamedFile[];
}

const states: ReadonlyMap<string, Snapshot['vmState']> = new Map([
  ['running', 'running'],
  ['blocked', 'running'],
  ['paused', 'paused'],
  ['shutoff', 'shutoff'],
  ['shutdown', 'shutoff'],
  ['pmsuspended', 'suspended'],
  ['crashed', 'crashed'],
  ['disk-snapshot', 'disk-only'],
]);

/**
 * @param sent what came before of the VM that the record is of
 * @throws XmlError where it is not a snapshot's record
 */
export function parseSnapshotXml(xml: string, sent = new SentElements()): ParsedSnapshot {
  const asSent = parseXml(xml);
  const root = sent.whole(asSent);
  const name = childText(root, 'name');
  if (root.name !== 'domainsnapshot' || name === null) throw new XmlError(`it is not a snapshot (<${root.name}>)`);
  const domainElement = child(root, 'domain');
  const domain = domainOf(domainElement);
  const vmState = states.get(childText(root, 'state') ?? '') ?? 'unknown';
  const memoryElement = child(root, 'memory');
  const memory = memoryFrom(attribute(memoryElement, 'snapshot'), attribute(memoryElement, 'file'), vmState);
  const disks = disksFrom(children(child(root, 'disks'), 'disk'), domain, memory);
  const created = childText(root, 'creationTime');
  const kind = kindOf(memory, disks);
  const record: SnapshotRecord = {
    name,
    description: childText(root, 'description') ?? '',
    parentName: childText(child(root, 'parent'), 'name'),
    createdAt: created !== null && /^\s*\d+\s*$/.test(created) ? Number(created) : null,
    vmState,
    kind,
    memory,
    disks,
    domain,
    needs: domain && domainElement ? namedFiles(domainElement).filter(({ use }) => usesNeeded.has(use)) : [],
    unknownPart: unknownPartOf(domain, kind),
  };
  // Of a VM that ran, the record holds the definition of its next start beside the one by which it ran.
  const definitions = ['domain', 'inactiveDomain'].flatMap((each) => child(asSent, each) ?? []);
  return { record, files: [...namedFilesOfRecord(root), ...definitions.flatMap(namedFiles)] };
}

function unknownPartOf(domain: Domain | null, kind: Snapshot['kind']): string | null {
  if (domain === null) return 'its record does not hold the definition of the VM, which says where its disks were.';
  // Since libvirt 10.9 a variable store in qcow2 is part of an internal snapshot, beside the disks that the record lists.
  return kind === 'internal' && domain.nvramFormat === 'qcow2'
    ? 'the variables of its firmware are kept in qcow2 and may be part of it, and Snaptree does not look after them.'
    : null;
}

/** What is known of a snapshot of which the name is known, and why no more of it is. */
export function unreadRecord(name: string, reason: string): SnapshotRecord {
  return {
    name,
    description: '',
    parentName: null,
    createdAt: null,
    vmState: 'unknown',
    kind: 'unknown',
    memory: { kind: 'unknown' },
    disks: [],
    domain: null,
    needs: [],
    unknownPart: `its record cannot be read: ${reason}.`,
  };
}

/** libvirt's rule: a definition without a type is from before it kept whole ones, and holds a UUID at most. */
function domainOf(element: XmlElement | null): Domain | null {
  const isWhole = attribute(element, 'type') !== null && childText(element, 'name') !== null;
  return element && isWhole ? domainFromElement(element) : null;
}

/** Records from before external snapshots (libvirt 1.0.1) do not say: then the memory is where the disks' data is. */
function memoryFrom(kind: string | null, file: string | null, vmState: Snapshot['vmState']): SnapshotMemory {
  if (kind === 'external') return { kind: 'external', file: file ?? '' };
  if (kind === 'internal') return { kind: 'internal' };
  if (kind === null && (vmState === 'running' || vmState === 'paused')) return { kind: 'internal' };
  return { kind: 'none' };
}

function disksFrom(
  elements: readonly XmlElement[],
  domain: Domain | null,
  memory: SnapshotMemory,
): readonly SnapshotRecordDisk[] {
  if (elements.length === 0 && memory.kind !== 'external') {
    // Without <disks> an internal snapshot holds every disk that can be written.
    return (domain?.disks ?? [])
      .filter((disk) => !disk.readOnly && disk.source.kind !== 'empty')
      .map(({ target }) => ({ target, kind: 'internal', overlay: null }));
  }
  return elements.flatMap((element): readonly SnapshotRecordDisk[] => {
    const named = attribute(element, 'name');
    if (named === null) return [];
    // The name is the target, or, in what users wrote themselves, the path of the source.
    const bySource = domain?.disks.find(({ source }) => source.kind === 'image' && source.reference === named);
    const isTarget = domain?.disks.some(({ target }) => target === named) ?? true;
    const target = isTarget ? named : (bySource?.target ?? named);
    const kind = attribute(element, 'snapshot');
    if (kind === 'external') {
      const overlay = sourceOf(attribute(element, 'type') ?? 'file', child(element, 'source'));
      return [{ target, kind, overlay: { source: overlay, format: attribute(child(element, 'driver'), 'type') } }];
    }
    return [{ target, kind: kind === 'internal' ? kind : 'none', overlay: null }];
  });
}

/** libvirt's rule (`virDomainSnapshotIsExternal`): external where memory or any disk is; otherwise internal. */
function kindOf(memory: SnapshotMemory, disks: readonly SnapshotRecordDisk[]): SnapshotRecord['kind'] {
  const isExternal = memory.kind === 'external' || disks.some(({ kind }) => kind === 'external');
  const isInternal = memory.kind === 'internal' || disks.some(({ kind }) => kind === 'internal');
  if (isExternal) return isInternal ? 'mixed' : 'external';
  return 'internal';
}
