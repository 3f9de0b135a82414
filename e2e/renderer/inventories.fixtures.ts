/** Made-up hosts for looking at the window and testing it: many VMs, large and odd trees, hostile names, broken chains. */
import { hostWithId, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { HostWithSession, SessionState } from '../../shared/model/host.ts';
import type { Image, Inventory, ReadableVm, Snapshot, Vm } from '../../shared/model/inventory.ts';

const gibibyte = 1024 ** 3;
/** Half an hour ago by the clock of the test, so that ages read the same in every picture. */
export const now = Math.floor(Date.now() / 1000);

/** A UUID that is the same in every run. */
export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

export function snapshot(id: string, parentId: string | null, change: Partial<Snapshot> = {}): Snapshot {
  return {
    id,
    name: id,
    parentId,
    kind: 'internal',
    vmState: 'running',
    createdAt: now - 86_400,
    description: '',
    memory: { kind: 'internal' },
    disks: [
      { target: 'vda', kind: 'internal', dataImageId: '/var/lib/libvirt/images/web.qcow2', overlayImageId: null },
    ],
    ...change,
  };
}

export function vm(number: number, name: string, change: Partial<ReadableVm> = {}): ReadableVm {
  return {
    readable: true,
    uuid: uuid(1000 + number),
    name,
    state: 'running',
    stateReason: null,
    persistent: true,
    hasManagedSave: false,
    hasNvram: false,
    memoryBytes: 4 * gibibyte,
    cpuCount: 2,
    title: '',
    description: '',
    disks: [],
    snapshots: [],
    currentSnapshotId: null,
    problems: [],
    ...change,
  };
}

export function image(id: string, change: Partial<Image> = {}): Image {
  return {
    id,
    kind: 'file',
    status: 'ok',
    problem: null,
    format: 'qcow2',
    virtualBytes: 40 * gibibyte,
    allocatedBytes: 3.2 * gibibyte,
    parent: null,
    internalSnapshots: [],
    fill: null,
    corrupt: null,
    otherPaths: [],
    modifiedAt: null,
    ...change,
  };
}

export function backing(imageId: string | null, reference = imageId ?? ''): Image['parent'] {
  return { relation: 'backing', reference, imageId, format: 'qcow2' };
}

export function disk(target: string, imageId: string): ReadableVm['disks'][number] {
  return { target, device: 'disk', imageId, source: imageId, format: 'qcow2', readOnly: false, shareable: false };
}

const folder = '/var/lib/libvirt/images';

/** A VM with the life of a real one: patches, a release that went wrong, a try that was left behind. */
function webServer(): ReadableVm {
  const day = 86_400;
  const external = (overlay: string, data: string): Partial<Snapshot> => ({
    kind: 'external',
    vmState: 'disk-only',
    memory: { kind: 'none' },
    disks: [{ target: 'vda', kind: 'external', dataImageId: data, overlayImageId: overlay }],
  });
  return vm(1, 'web-01.example.org', {
    memoryBytes: 8 * gibibyte,
    cpuCount: 4,
    title: 'Customer portal',
    description: 'Owned by the web team.\nCall before a revert in working hours.',
    disks: [
      disk('vda', `${folder}/web-01.release-5.qcow2`),
      disk('vdb', `${folder}/web-01-data.qcow2`),
      { ...disk('sda', ''), device: 'cdrom', imageId: null, source: null, readOnly: true },
    ],
    snapshots: [
      snapshot('fresh install', null, {
        createdAt: now - 400 * day,
        vmState: 'shutoff',
        memory: { kind: 'none' },
        description: 'Debian 12, nothing on it yet',
      }),
      snapshot('base configuration', 'fresh install', { createdAt: now - 380 * day, description: 'Ansible run 1' }),
      snapshot('before release 4', 'base configuration', {
        createdAt: now - 90 * day,
        description: 'Taken by hand before the release of the portal, see change 4711',
      }),
      snapshot('try new kernel', 'before release 4', { createdAt: now - 60 * day, description: 'Left behind' }),
      snapshot('kernel 6.12 with DRBD', 'try new kernel', { createdAt: now - 59 * day }),
      snapshot('release 4', 'before release 4', { createdAt: now - 58 * day }),
      snapshot('october patches', 'release 4', { createdAt: now - 40 * day, description: 'All green' }),
      snapshot('before release 5', 'october patches', {
        createdAt: now - 9 * day,
        ...external(`${folder}/web-01.release-5.qcow2`, `${folder}/web-01.qcow2`),
        description: 'External, no memory: the portal was shut down for it',
      }),
      snapshot('release 5', 'before release 5', { createdAt: now - 9 * day + 1800, description: 'Works' }),
      snapshot('release 5.1 broken', 'release 5', {
        createdAt: now - 5 * 3600,
        description: 'Login loops. Kept for the developers',
      }),
      snapshot('debugging login', 'release 5.1 broken', { createdAt: now - 4 * 3600, vmState: 'paused' }),
      snapshot('rolled back', 'release 5', { createdAt: now - 2 * 3600 }),
    ],
    currentSnapshotId: 'rolled back',
    problems: [{ severity: 'warning', message: 'The disk vdb is in none of the snapshots.' }],
  });
}

function hostileVm(): ReadableVm {
  const names = [
    '<script>alert(1)</script>',
    "'; rm -rf / #",
    'two\nlines',
    'right\u202etfel ot',
    'zero\u200bwidth',
    '$(reboot) `id` "quotes"',
    'a name that goes on and on '.repeat(8).trim(),
    '日本語 ✓ émoji 🐧',
    'tab\tand\u0007bell',
  ];
  return vm(2, "hostile <b>'VM'</b> \u202egnp.exe\n; reboot", {
    state: 'paused',
    snapshots: names.map((name, index) =>
      snapshot(name, index === 0 ? null : (names[Math.floor((index - 1) / 2)] ?? null), {
        createdAt: now - 9000 + index * 100,
        description: `<img src=x onerror=alert(1)> ${name}`,
      }),
    ),
    currentSnapshotId: names[3] ?? null,
  });
}

function oddVm(): ReadableVm {
  return vm(3, 'odd-records', {
    state: 'shutoff',
    snapshots: [
      snapshot('root without anything', null, { createdAt: null, disks: [], kind: 'unknown', vmState: 'unknown' }),
      snapshot('orphan', 'a parent that is gone', { createdAt: now - 5000 }),
      snapshot('child of the orphan', 'orphan', { createdAt: now - 4000 }),
      snapshot('circle 1', 'circle 3', { createdAt: now - 3000 }),
      snapshot('circle 2', 'circle 1', { createdAt: now - 2900 }),
      snapshot('circle 3', 'circle 2', { createdAt: now - 2800 }),
    ],
    disks: [
      disk('vda', `${folder}/broken-top.qcow2`),
      disk('vdb', `${folder}/loop-a.qcow2`),
      disk('vdc', `${folder}/corrupt.qcow2`),
    ],
  });
}

/** A tree with a long trunk and branches all along it. */
export function largeTree(count: number): readonly Snapshot[] {
  const snapshots: Snapshot[] = [];
  let trunk: string | null = null;
  for (let index = 0; index < count; index += 1) {
    const id = `nightly ${String(index).padStart(5, '0')}`;
    const branches = index % 7 === 3 && trunk !== null;
    snapshots.push(snapshot(id, trunk, { createdAt: now - (count - index) * 3600, description: `Run ${index}` }));
    if (!branches) trunk = id;
  }
  return snapshots;
}

const capabilities: Inventory['hypervisor']['capabilities'] = [
  { id: 'revertToExternal', available: false, explanation: 'libvirt 9.0.0 is too old: it can since 9.9.' },
  { id: 'deleteExternal', available: true, explanation: 'Since libvirt 9.0.' },
];

export function busyInventory(): Inventory {
  const large = largeTree(2000);
  const vms: Vm[] = [
    webServer(),
    hostileVm(),
    oddVm(),
    vm(4, 'nightly-builds', {
      snapshots: [...large],
      currentSnapshotId: 'nightly 01998',
      disks: [disk('vda', `${folder}/nightly.qcow2`)],
    }),
    {
      readable: false,
      uuid: uuid(1005),
      name: 'mail-legacy',
      reason: 'virsh dumpxml failed: error: Domain not found: no domain with matching uuid (it was removed meanwhile)',
    },
    vm(6, 'app-blue', { disks: [disk('vda', `${folder}/app-blue.qcow2`)], description: 'Thin instance of golden-12' }),
    vm(7, 'app-green', { state: 'shutoff', disks: [disk('vda', `${folder}/app-green.qcow2`)] }),
    vm(8, 'no-snapshots', { state: 'crashed', stateReason: 'panicked', disks: [disk('vda', `${folder}/none.qcow2`)] }),
  ];
  return {
    hypervisor: { kind: 'libvirt', version: '9.0.0', emulator: 'QEMU 7.2.22', capabilities },
    hostName: 'kvm1.example.org',
    readAt: now - 40,
    vms,
    images: [
      image(`${folder}/web-01.release-5.qcow2`, {
        parent: backing(`${folder}/web-01.qcow2`),
        allocatedBytes: 1.4 * gibibyte,
        internalSnapshots: [
          { id: '1', name: 'release 5', createdAt: now - 9 * 86_400, memoryBytes: 6.1 * gibibyte },
          { id: '2', name: 'release 5.1 broken', createdAt: now - 5 * 3600, memoryBytes: 6.4 * gibibyte },
        ],
      }),
      image(`${folder}/web-01.qcow2`, {
        parent: backing(`${folder}/templates/golden-12.qcow2`),
        allocatedBytes: 21.7 * gibibyte,
      }),
      image(`${folder}/templates/golden-12.qcow2`, { allocatedBytes: 1.9 * gibibyte }),
      image(`${folder}/web-01-data.qcow2`, {
        virtualBytes: 200 * gibibyte,
        allocatedBytes: 143 * gibibyte,
      }),
      image(`${folder}/app-blue.qcow2`, {
        parent: backing(`${folder}/templates/golden-12.qcow2`),
        allocatedBytes: 0.4 * gibibyte,
      }),
      image(`${folder}/app-green.qcow2`, {
        parent: backing(`${folder}/templates/golden-12.qcow2`),
        allocatedBytes: 196_624,
      }),
      image(`${folder}/nightly.qcow2`),
      image(`${folder}/none.qcow2`),
      image(`${folder}/broken-top.qcow2`, { parent: backing(`${folder}/gone.qcow2`) }),
      image(`${folder}/gone.qcow2`, {
        status: 'missing',
        problem: 'No such file or directory',
        format: null,
        virtualBytes: null,
        allocatedBytes: null,
      }),
      image(`${folder}/loop-a.qcow2`, { parent: backing(`${folder}/loop-b.qcow2`) }),
      image(`${folder}/loop-b.qcow2`, { parent: backing(`${folder}/loop-a.qcow2`) }),
      image(`${folder}/corrupt.qcow2`, { corrupt: true }),
    ],
    filesystems: [
      { folder, freeBytes: 212 * gibibyte, totalBytes: 1800 * gibibyte },
      { folder: '/srv/vm', freeBytes: 31 * gibibyte, totalBytes: 900 * gibibyte },
    ],
    unknownDependents: [{ what: '/srv/private', reason: 'The folder cannot be listed by this user.', imageIds: null }],
    problems: [{ severity: 'warning', message: 'The folder /srv/private could not be listed: permission denied.' }],
  };
}

export function manyVms(count: number): Inventory {
  const states = ['running', 'shutoff', 'running', 'paused'] as const;
  return {
    ...busyInventory(),
    hostName: 'kvm2.example.org',
    vms: Array.from({ length: count }, (_, index) =>
      vm(2000 + index, `tenant-${String(index).padStart(4, '0')}`, {
        state: states[index % states.length] ?? 'running',
        snapshots: Array.from({ length: index % 4 }, (_none, number) =>
          snapshot(`auto ${number}`, number === 0 ? null : `auto ${number - 1}`),
        ),
      }),
    ),
    images: [],
    problems: [],
  };
}

export function host(number: number, name: string, session: SessionState): HostWithSession {
  return {
    host: hostWithId(uuid(number), { name, connection: sshConnection({ address: `${name}.example.org` }) }),
    session,
  };
}
