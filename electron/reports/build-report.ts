/** Makes the report, as data, of what was read from hosts. Every format is written from it. Pure. */
import type { Image, Inventory, ReadableVm, Snapshot, UnreadSubject } from '../../shared/model/inventory.ts';
import type { Finding, Report, ReportHost, ReportRow, ReportThresholds, Unread } from '../../shared/model/report.ts';
import { chainOfDisk, imagesById } from '../../shared/rules/chains/chains.ts';
import { isForMedia } from '../../shared/rules/inventory/disks.ts';
import { fileSystems } from '../../shared/rules/findings/findings-storage.ts';
import { folderOf } from '../../shared/rules/text/folders.ts';
import { compareFindings, compareText, findingsOf } from '../../shared/rules/findings/findings.ts';
import { snapshotForest } from '../../shared/rules/snapshots/snapshot-forest.ts';
import type { SnapshotNode } from '../../shared/rules/snapshots/snapshot-forest.ts';
import { unreadThings } from '../../shared/rules/findings/unread.ts';
import type { UnreadFact } from '../../shared/rules/findings/unread.ts';

/** What came of reading a host. The name is the one in the host book. */
export type HostReading =
  { readonly hostName: string; readonly inventory: Inventory } | { readonly hostName: string; readonly error: string };

/**
 * The report of `readings`. Hosts by name, VMs by name and UUID, snapshots in the order of their trees (parents before
 * children, the oldest first).
 *
 * @param now seconds since 1970: when the report is made, from which ages are counted
 */
export function buildReport(readings: readonly HostReading[], thresholds: ReportThresholds, now: number): Report {
  const sorted = [...readings].sort((a, b) => compareText(a.hostName, b.hostName));
  const parts = sorted.map((reading) => partOf(reading, thresholds, now));
  const findings = parts.flatMap((part) => part.findings).sort(compareFindings);
  const hosts = parts.map(({ host }) => host);
  const rows = parts.flatMap((part) => part.rows);
  const unread = parts.flatMap((part) => part.unread);
  const total = (count: (host: ReportHost) => number) => hosts.reduce((sum, host) => sum + count(host), 0);
  const bySeverity = (severity: Finding['severity']) => findings.filter((found) => found.severity === severity).length;
  return {
    schema: 'snaptree.report',
    version: 1,
    createdAt: isoTime(now),
    thresholds,
    hosts,
    rows,
    findings,
    unread,
    totals: {
      hosts: hosts.length,
      unreadHosts: hosts.filter(({ readAt }) => readAt === null).length,
      vms: total(({ counts }) => counts.vms),
      unreadableVms: total(({ counts }) => counts.unreadableVms),
      snapshots: total(({ counts }) => counts.snapshots),
      rows: rows.length,
      findings: {
        information: bySeverity('information'),
        warning: bySeverity('warning'),
        critical: bySeverity('critical'),
      },
      unread: unread.length,
    },
  };
}

/** UTC, ISO 8601, to the second. What is beyond the calendar of JavaScript gives the number of seconds. */
export function isoTime(epochSeconds: number): string {
  const date = new Date(Math.floor(epochSeconds) * 1000);
  return Number.isNaN(date.getTime()) ? `${epochSeconds} s` : date.toISOString().replace('.000Z', 'Z');
}

interface HostPart {
  readonly host: ReportHost;
  readonly rows: readonly ReportRow[];
  readonly findings: readonly Finding[];
  readonly unread: readonly Unread[];
}

function partOf(reading: HostReading, thresholds: ReportThresholds, now: number): HostPart {
  const { hostName } = reading;
  if ('error' in reading) {
    return {
      host: {
        hostName,
        hypervisor: null,
        readAt: null,
        counts: { vms: 0, unreadableVms: 0, snapshots: 0, images: 0, allocatedBytes: 0 },
        filesystems: [],
      },
      rows: [],
      findings: [],
      unread: [{ hostName, what: 'the whole host', reason: reading.error }],
    };
  }
  const { inventory } = reading;
  const images = imagesById(inventory.images);
  const findings = findingsOf(hostName, inventory, thresholds, now);
  const vms = inventory.vms
    .filter((vm): vm is ReadableVm => vm.readable)
    .sort((a, b) => compareText(a.name, b.name) || compareText(a.uuid, b.uuid));
  const ofVm = Map.groupBy(findings, ({ vmUuid }) => vmUuid);
  const { kind, version, emulator } = inventory.hypervisor;
  return {
    host: {
      hostName,
      hypervisor: { kind, version, emulator },
      readAt: inventory.readAt,
      counts: {
        vms: inventory.vms.length,
        unreadableVms: inventory.vms.length - vms.length,
        snapshots: vms.reduce((sum, vm) => sum + vm.snapshots.length, 0),
        images: inventory.images.length,
        allocatedBytes: inventory.images.reduce((sum, image) => sum + (image.allocatedBytes ?? 0), 0),
      },
      filesystems: fileSystems(inventory.filesystems).map(({ folders, freeBytes, totalBytes }) => ({
        folder: folders[0] ?? '',
        folders: [...folders],
        freeBytes,
        totalBytes,
      })),
    },
    rows: vms.flatMap((vm) => rowsOf(hostName, vm, images, ofVm.get(vm.uuid) ?? [], now)),
    findings,
    unread: unreadOf(hostName, inventory, images),
  };
}

function rowsOf(
  hostName: string,
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
  findings: readonly Finding[],
  now: number,
): readonly ReportRow[] {
  const names = new Map(vm.snapshots.map(({ id, name }) => [id, name]));
  // A snapshot that has data but no record is no row of its own: it is told with the VM.
  const known = new Set(names.values());
  const isOfVm = ({ snapshotName, code }: Finding): boolean =>
    snapshotName === null || !known.has(snapshotName) || code === 'fileWithoutRecord';
  const codes = (chosen: readonly Finding[]) => [...new Set(chosen.map(({ code }) => code))];
  const common = {
    hostName,
    vmName: vm.name,
    vmUuid: vm.uuid,
    vmState: vm.state,
    chainDepth: chainDepthOf(vm, images),
    vmFindings: codes(findings.filter(isOfVm)),
  };
  const ofSnapshot = Map.groupBy(
    findings.filter((found) => !isOfVm(found)),
    ({ snapshotName }) => snapshotName,
  );
  if (vm.snapshots.length === 0) {
    return [
      {
        ...common,
        snapshotId: null,
        snapshotName: null,
        parentId: null,
        parentName: null,
        kind: null,
        snapshotState: null,
        createdAt: null,
        ageDays: null,
        sizeBytes: null,
        sizeIsLowerBound: false,
        current: false,
        findings: [],
      },
    ];
  }
  return inTreeOrder(vm.snapshots).map((snapshot) => ({
    ...common,
    snapshotId: snapshot.id,
    snapshotName: snapshot.name,
    parentId: snapshot.parentId,
    parentName: snapshot.parentId === null ? null : (names.get(snapshot.parentId) ?? snapshot.parentId),
    kind: snapshot.kind,
    snapshotState: snapshot.vmState,
    createdAt: snapshot.createdAt === null ? null : isoTime(snapshot.createdAt),
    ageDays: snapshot.createdAt === null ? null : Math.floor(((now - snapshot.createdAt) / 86_400) * 10) / 10,
    ...sizeOf(snapshot, images),
    current: snapshot.id === vm.currentSnapshotId,
    findings: codes(ofSnapshot.get(snapshot.name) ?? []),
  }));
}

/** Parents before children, siblings as the forest has them. */
function inTreeOrder(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const ordered: Snapshot[] = [];
  const open: SnapshotNode[] = [...snapshotForest(snapshots)].reverse();
  for (let node = open.pop(); node; node = open.pop()) {
    ordered.push(node.snapshot);
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      const child = node.children[index];
      if (child) open.push(child);
    }
  }
  return ordered;
}

function chainDepthOf(vm: ReadableVm, images: ReadonlyMap<string, Image>): number | null {
  const depths = vm.disks.flatMap((disk) => {
    if (isForMedia(disk)) return [];
    const chain = chainOfDisk(disk, images);
    return chain?.end === 'base' ? [chain.images.length] : [];
  });
  return depths.length === 0 ? null : Math.max(...depths);
}

/** See `sizeBytes` of the report's rows. */
export function sizeOf(
  snapshot: Snapshot,
  images: ReadonlyMap<string, Image>,
): { sizeBytes: number | null; sizeIsLowerBound: boolean } {
  let bytes = 0;
  let anyKnown = false;
  let allKnown = true;
  const counted = new Set<string>();
  const add = (imageId: string | null): void => {
    const image = imageId === null ? undefined : images.get(imageId);
    if (image?.status !== 'ok' || image.allocatedBytes === null) {
      allKnown = false;
      return;
    }
    anyKnown = true;
    // Two disks may share an image.
    if (!counted.has(image.id)) bytes += image.allocatedBytes;
    counted.add(image.id);
  };
  for (const disk of snapshot.disks) {
    switch (disk.kind) {
      case 'none':
        break;
      case 'external':
        add(disk.overlayImageId);
        break;
      case 'volume':
        add(disk.dataImageId);
        break;
      case 'internal': {
        // The image does not tell which of its clusters belong to which snapshot; of the memory it does.
        allKnown = false;
        const image = disk.dataImageId === null ? undefined : images.get(disk.dataImageId);
        const memory = image?.internalSnapshots.find(({ name }) => name === snapshot.name)?.memoryBytes ?? 0;
        if (memory > 0) anyKnown = true;
        bytes += memory;
        break;
      }
      case 'copy':
        // Extents that copies share are counted in each of them: no honest number can be given.
        allKnown = false;
        break;
    }
  }
  if (snapshot.memory.kind === 'external') add(snapshot.memory.file);
  return anyKnown ? { sizeBytes: bytes, sizeIsLowerBound: !allKnown } : { sizeBytes: null, sizeIsLowerBound: false };
}

/** Everything on a host that was not read or is not certain, each thing once. */
function unreadOf(hostName: string, inventory: Inventory, images: ReadonlyMap<string, Image>): readonly Unread[] {
  const facts: UnreadFact[] = [];
  const note = (what: string, reason: string, subject?: UnreadSubject): void => {
    facts.push({ what, reason, ...(subject && { subject }) });
  };
  for (const vm of inventory.vms) {
    if (!vm.readable) {
      note(`VM “${vm.name ?? 'without a known name'}” (${vm.uuid})`, vm.reason, { kind: 'vm', uuid: vm.uuid });
      continue;
    }
    for (const { message } of vm.problems) note(`VM “${vm.name}”`, message);
    for (const disk of vm.disks) {
      if (disk.imageId === null && disk.source !== null) {
        const subject = { kind: 'source', reference: disk.source } as const;
        note(`disk ${disk.target} of VM “${vm.name}”`, `Its image (${disk.source}) could not be found.`, subject);
      }
    }
    for (const snapshot of vm.snapshots) {
      const whose = `snapshot “${snapshot.name}” of VM “${vm.name}”`;
      if (snapshot.createdAt === null) note(whose, 'Its record has no time, so that its age is not known.');
      for (const disk of snapshot.disks) {
        if (disk.kind !== 'none' && (disk.dataImageId === null || !images.has(disk.dataImageId))) {
          note(whose, `Which image holds its data of disk ${disk.target} is not known, nor whether it is there.`);
        }
      }
    }
  }
  const folders = new Set(inventory.filesystems.map(({ folder }) => folder));
  const withoutRoom = new Set<string>();
  for (const image of inventory.images) {
    if (image.status === 'unreadable') {
      const subject = { kind: 'image', id: image.id, part: 'whole' } as const;
      note(`image ${image.id}`, image.problem ?? 'No reason was given.', subject);
    }
    const baseId = image.parent?.relation === 'backing' ? image.parent.imageId : null;
    const base = baseId === null ? undefined : images.get(baseId);
    if (base?.kind === 'file' && base.status === 'ok' && !folders.has(folderOf(base.id))) {
      withoutRoom.add(folderOf(base.id));
    }
  }
  for (const folder of [...withoutRoom].sort()) {
    note(`folder ${folder}`, 'Its free space is not known, so that merges into it were not checked.');
  }
  const seen = new Set<string>();
  return unreadThings(facts, inventory.unknownDependents, inventory.problems)
    .map(({ what, reason, mayDepend }) => ({
      hostName,
      what,
      reason: mayDepend === true ? `It may depend on images. ${reason}` : reason,
    }))
    .filter(({ what, reason }) => !seen.has(`${what}\n${reason}`) && seen.add(`${what}\n${reason}`))
    .sort((a, b) => compareText(a.what, b.what) || compareText(a.reason, b.reason));
}
