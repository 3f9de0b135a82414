/** For tests: hosts with something of everything that a report tells. */
import type { Image, Inventory, ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import { disk, held, image, overlay, vm } from '../../shared/model/inventory.fixtures.ts';
import type { HostReading } from './build-report.ts';

const GiB = 1024 ** 3;
const day = 86_400;
/** 2026-11-20T12:00:00Z. */
export const reportTime = 1_795_176_000;

const folder = '/var/lib/libvirt/images';

function external(name: string, parentId: string | null, ageDays: number, data: string, top: string): Snapshot {
  return {
    id: name,
    name,
    parentId,
    kind: 'external',
    vmState: 'disk-only',
    createdAt: reportTime - ageDays * day,
    description: '',
    memory: { kind: 'none' },
    disks: [{ target: 'vda', kind: 'external', dataImageId: data, overlayImageId: top }],
  };
}

function internal(name: string, parentId: string | null, ageDays: number, imageId: string): Snapshot {
  return {
    id: name,
    name,
    parentId,
    kind: 'internal',
    vmState: 'running',
    createdAt: reportTime - ageDays * day,
    description: '',
    memory: { kind: 'internal' },
    disks: [held('vda', imageId)],
  };
}

const tags = (...names: readonly string[]): Image['internalSnapshots'] =>
  names.map((name, index) => ({
    id: String(index + 1),
    name,
    createdAt: reportTime - 10 * day,
    memoryBytes: (index + 1) * 700_000_000,
  }));

function vmOf(name: string, number: number, imageId: string, parts: Partial<ReadableVm> = {}): ReadableVm {
  const uuid = `${String(number).padStart(8, '0')}-1111-4111-8111-111111111111`;
  return vm({ name, uuid, disks: [disk('vda', imageId)], ...parts });
}

/** A VM with a chain of `length` external snapshots, and its images. */
function deepChain(name: string, number: number, length: number): { vm: ReadableVm; images: Image[] } {
  const path = (at: number): string => (at === 0 ? `${folder}/${name}.qcow2` : `${folder}/${name}.snap-${at}`);
  const images = [image(path(0), { allocatedBytes: 18 * GiB, virtualBytes: 40 * GiB })];
  const snapshots: Snapshot[] = [];
  for (let at = 1; at <= length; at += 1) {
    images.push(
      overlay(path(at), path(at - 1), { allocatedBytes: (at % 5) * 430_000_000 + 2 ** 20, virtualBytes: 40 * GiB }),
    );
    const parent = at === 1 ? null : `before update ${at - 1}`;
    snapshots.push(external(`before update ${at}`, parent, (length - at) * 9 + 2, path(at - 1), path(at)));
  }
  return { vm: vmOf(name, number, path(length), { snapshots, currentSnapshotId: `before update ${length}` }), images };
}

function firstHost(): Inventory {
  const deep = deepChain('mail', 1, 12);
  const web = `${folder}/web.qcow2`;
  const names = ['clean install', 'with database', 'broken try', 'second try', 'patched', '日本語 ☃ Ωμέγα'];
  const parents = [null, 'clean install', 'with database', 'with database', 'second try', 'clean install'];
  return {
    hypervisor: { kind: 'libvirt', version: '9.0.0', emulator: 'QEMU 7.2.22', capabilities: [] },
    hostName: 'alder',
    readAt: reportTime - 20,
    vms: [
      deep.vm,
      vmOf('web', 2, web, {
        snapshots: names.map((name, index) => internal(name, parents[index] ?? null, 400 - index * 70, web)),
        currentSnapshotId: 'patched',
      }),
      vmOf('no-snapshots', 3, `${folder}/plain.qcow2`, { state: 'shutoff' }),
      vmOf('broken', 4, `${folder}/broken.top`, {
        state: 'shutoff',
        snapshots: [external('last good', null, 45, `${folder}/broken.base`, `${folder}/broken.top`)],
      }),
      vmOf('merged-by-hand', 5, `${folder}/merged.qcow2`, {
        snapshots: [external('stale', null, 3, `${folder}/merged.qcow2`, `${folder}/merged.snap`)],
        currentSnapshotId: 'stale',
      }),
      {
        readable: false,
        uuid: '00000009-1111-4111-8111-111111111111',
        name: 'locked',
        reason: 'Its definition could not be read: timed out.',
      },
    ],
    images: [
      ...deep.images,
      image(web, {
        allocatedBytes: 30 * GiB,
        internalSnapshots: tags(...names.filter((name) => name !== 'broken try'), 'forgotten'),
      }),
      image(`${folder}/plain.qcow2`, { allocatedBytes: 3 * GiB, corrupt: true }),
      image(`${folder}/broken.base`, { status: 'missing', problem: 'No such file' }),
      overlay(`${folder}/broken.top`, `${folder}/broken.base`, { internalSnapshots: tags('inside') }),
      image(`${folder}/merged.qcow2`, { allocatedBytes: GiB }),
      overlay(`${folder}/stray.qcow2`, `${folder}/plain.qcow2`, { allocatedBytes: 2 * GiB }),
      image(`${folder}/template-debian.qcow2`, { allocatedBytes: GiB }),
      image('/srv/other/locked.qcow2', { status: 'unreadable', problem: 'Permission denied.' }),
    ],
    filesystems: [
      { folder, freeBytes: 322_000_000, totalBytes: 500 * GiB },
      { folder: '/var/lib/libvirt/templates', freeBytes: 322_000_000, totalBytes: 500 * GiB },
      { folder: '/srv/other', freeBytes: 700 * GiB, totalBytes: 1000 * GiB },
    ],
    unknownDependents: [{ what: 'folder /srv/private', reason: 'Permission denied.', imageIds: null }],
    problems: [{ severity: 'warning', message: 'The pool “nfs” is not started; its volumes were not read.' }],
  };
}

function secondHost(): Inventory {
  const long = 'a-very-long-name-of-a-virtual-machine-that-somebody-typed-in-full-'.repeat(3);
  const path = '/data/images/evil.qcow2';
  const hostile = [
    '=1+1',
    '@SUM(A1)',
    '<script>alert(1)</script>',
    'a\u202egnp.exe',
    'line\nbreak "quoted", comma',
    '＝cmd',
  ];
  return {
    hypervisor: { kind: 'libvirt', version: '11.3.0', emulator: 'QEMU 10.0.2', capabilities: [] },
    hostName: 'birch',
    readAt: reportTime - 12,
    vms: [
      vmOf(long, 11, path, {
        snapshots: hostile.map((name, index) => internal(name, hostile[index - 1] ?? null, index * 3, path)),
        currentSnapshotId: hostile.at(-1) ?? null,
      }),
    ],
    images: [image(path, { allocatedBytes: 4 * GiB, internalSnapshots: tags(...hostile) })],
    filesystems: [{ folder: '/data/images', freeBytes: 300 * GiB, totalBytes: 900 * GiB }],
    unknownDependents: [],
    problems: [],
  };
}

/** Three hosts: one with trouble, one with hostile names, one that could not be reached. */
export function demoReadings(): readonly HostReading[] {
  return [
    { hostName: 'Demo alder', inventory: firstHost() },
    { hostName: 'Demo birch', inventory: secondHost() },
    {
      hostName: 'Demo cedar',
      error: 'Demo cedar did not answer at cedar.example:22 within 20 seconds. Is it switched on?',
    },
  ];
}
