/** alder: an office's host that grew over the years, with something of everything that needs a look. */
import { fill } from '../images/content.ts';
import { newImage } from '../images/disk-image.ts';
import * as lifecycle from '../libvirt/lifecycle.ts';
import { vmOf } from '../libvirt/world.ts';
import { addVm, daysAgo, gibibyte, revert, snapshot, uuidFor, writeDisk } from '../furnish.ts';
import { createMachine, type Machine, type Speed } from '../machine.ts';

const images = '/var/lib/libvirt/images';

export function createAlder({ pace, clockRate }: Speed): Machine {
  const machine = createMachine({
    name: 'alder',
    pace,
    clockRate,
    filesystems: [
      { mountPoint: '/', device: '/dev/mapper/alder-root', totalBytes: 60 * gibibyte, otherBytes: 14 * gibibyte },
      { mountPoint: images, device: '/dev/mapper/alder-vms', totalBytes: 2000 * gibibyte, otherBytes: 120 * gibibyte },
    ],
  });
  const pool = { name: 'default', uuid: uuidFor(machine, 'pool default'), path: images, active: true };
  machine.world.state = { ...machine.world.state, pools: [pool] };
  addFrontend(machine);
  addDatabase(machine);
  addWiki(machine);
  addMonitoring(machine);
  addOldSnapshots(machine);
  addMixed(machine);
  addBroken(machine);
  addOthers(machine);
  return machine;
}

/** A running VM's tree of internal snapshots, with two tries side by side. */
function addFrontend(machine: Machine): void {
  const { uuid } = addVm(machine, {
    name: 'web-frontend',
    title: 'Public web site',
    memoryMiB: 4096,
    disks: [
      { target: 'vda', virtualBytes: 40 * gibibyte, usedBytes: 11 * gibibyte },
      { target: 'vdb', virtualBytes: 100 * gibibyte, usedBytes: 23 * gibibyte },
    ],
  });
  const write = (byte: number) => {
    writeDisk(machine, uuid, 'vda', { start: (byte % 16) * gibibyte, end: (byte % 16) * gibibyte + gibibyte, byte });
  };
  daysAgo(machine, 92, () => {
    snapshot(machine, uuid, 'clean install', { description: 'Straight from the installer' });
    lifecycle.start(machine.world, vmOf(machine.world, uuid));
  });
  daysAgo(machine, 61, () => {
    write(0x11);
    snapshot(machine, uuid, 'configured', { description: 'nginx and certificates in place' });
  });
  daysAgo(machine, 12, () => {
    write(0x22);
    snapshot(machine, uuid, 'before update');
  });
  daysAgo(machine, 11.9, () => {
    write(0x33);
    snapshot(machine, uuid, 'after update', { description: 'Pages load slowly' });
    revert(machine, uuid, 'before update');
  });
  daysAgo(machine, 3, () => {
    write(0x44);
    snapshot(machine, uuid, 'update, second try', { description: 'With the new PHP' });
  });
}

/** A backup job has taken an external snapshot every few days and nobody merges them: twelve images. */
function addDatabase(machine: Machine): void {
  const { uuid } = addVm(machine, {
    name: 'database',
    title: 'PostgreSQL',
    agent: 'answers',
    memoryMiB: 16_384,
    cpus: 8,
    running: true,
    disks: [
      { target: 'vda', virtualBytes: 30 * gibibyte, usedBytes: 9 * gibibyte },
      { target: 'vdb', virtualBytes: 400 * gibibyte, usedBytes: 212 * gibibyte },
    ],
  });
  for (let number = 1; number <= 11; number += 1) {
    daysAgo(machine, 48 - number * 4, () => {
      snapshot(machine, uuid, `backup-${String(number).padStart(2, '0')}`, {
        diskOnly: true,
        description: 'nightly backup',
        disks: [{ target: 'vda', kind: 'no', file: null }],
      });
      const start = number * 20 * gibibyte;
      writeDisk(machine, uuid, 'vdb', { start, end: start + (2 + number) * gibibyte, byte: number });
    });
  }
}

/**
 * A chain of which a merge takes 12 seconds an image, and a test VM that somebody hung on the image below "with search": what would change
 * what that reads is refused, and what lies above may be merged.
 */
function addWiki(machine: Machine): void {
  const { uuid } = addVm(machine, {
    name: 'wiki',
    title: 'Documentation',
    agent: 'notConnected',
    memoryMiB: 4096,
    running: true,
    disks: [{ target: 'vda', virtualBytes: 40 * gibibyte, usedBytes: 8 * gibibyte }],
  });
  for (const [index, name] of ['before upgrade', 'upgraded', 'with search', 'new theme', 'spam filter'].entries()) {
    daysAgo(machine, 24 - index * 5, () => {
      snapshot(machine, uuid, name, { diskOnly: true });
      const start = (8 + index * 3) * gibibyte;
      writeDisk(machine, uuid, 'vda', { start, end: start + 3 * gibibyte, byte: 0x31 + index });
    });
  }
  daysAgo(machine, 11, () => {
    addVm(machine, {
      name: 'wiki-search-test',
      description: 'Tries a search engine on the data of the wiki. Delete when done.',
      memoryMiB: 4096,
      disks: [{ target: 'vda', usedBytes: gibibyte, backing: `${images}/wiki.upgraded` }],
    });
  });
}

/** Its guest writes more than a merge of what it writes to can copy: that ends only where the guest stands still for a while. */
function addMonitoring(machine: Machine): void {
  const { uuid } = addVm(machine, {
    name: 'monitoring',
    title: 'Collects from everywhere, and writes all the time',
    memoryMiB: 8192,
    disks: [{ target: 'vda', virtualBytes: 40 * gibibyte, usedBytes: 6 * gibibyte }],
    writes: [{ target: 'vda', start: gibibyte, bytes: 2 * gibibyte, bytesPerSecond: 320 * 1024 ** 2 }],
  });
  daysAgo(machine, 30, () => {
    lifecycle.start(machine.world, vmOf(machine.world, uuid));
  });
  daysAgo(machine, 6, () => {
    snapshot(machine, uuid, 'before more sensors', { memoryFile: `${images}/monitoring.before more sensors.memory` });
    writeDisk(machine, uuid, 'vda', { start: 10 * gibibyte, end: 11 * gibibyte, byte: 0x3a });
  });
}

function addOldSnapshots(machine: Machine): void {
  const payroll = addVm(machine, {
    name: 'payroll',
    description: 'Ask accounting before any change.',
    disks: [{ target: 'vda', virtualBytes: 60 * gibibyte, usedBytes: 31 * gibibyte }],
  });
  for (const [days, name, description] of [
    [731, '2 years ago', 'before the move to the new server'],
    [402, 'year end', 'keep until the audit is over'],
    [188, 'DO NOT DELETE', ''],
  ] as const) {
    daysAgo(machine, days, () => {
      snapshot(machine, payroll.uuid, name, { description });
      writeDisk(machine, payroll.uuid, 'vda', { start: 0, end: (days % 7) * gibibyte, byte: days % 250 });
    });
  }
  const mail = addVm(machine, {
    name: 'mail server',
    memoryMiB: 8192,
    running: true,
    disks: [{ target: 'vda', virtualBytes: 200 * gibibyte, usedBytes: 87 * gibibyte }],
  });
  daysAgo(machine, 37, () => {
    snapshot(machine, mail.uuid, 'before Exim 4.98');
  });
  lifecycle.pause(machine.world, vmOf(machine.world, mail.uuid));
}

/** Internal and external snapshots in one tree: an internal one lives in an overlay and would go with it. */
function addMixed(machine: Machine): void {
  const { uuid } = addVm(machine, {
    name: 'lab',
    title: 'Everybody’s play ground',
    agent: 'stuck',
    ignoresPowerButton: true,
    running: true,
    disks: [{ target: 'vda', virtualBytes: 20 * gibibyte, usedBytes: 4 * gibibyte }],
  });
  daysAgo(machine, 30, () => {
    snapshot(machine, uuid, 'ext 1', { diskOnly: true });
  });
  daysAgo(machine, 29, () => {
    snapshot(machine, uuid, 'ext 2', { diskOnly: true });
    writeDisk(machine, uuid, 'vda', { start: 0, end: gibibyte, byte: 0x77 });
  });
  daysAgo(machine, 8, () => {
    snapshot(machine, uuid, "it's inside", { description: 'lives in the overlay of "ext 2"' });
  });
}

function addBroken(machine: Machine): void {
  const { files } = machine;
  // The template was tidied away.
  files.putImage(`${images}/crm-template.qcow2`, newImage({ virtualBytes: 40 * gibibyte }));
  addVm(machine, {
    name: 'legacy-crm',
    disks: [{ target: 'vda', backing: `${images}/crm-template.qcow2`, usedBytes: 3 * gibibyte }],
  });
  files.remove(`${images}/crm-template.qcow2`);

  // Somebody rebased the wrong way round.
  const loop = (other: string) =>
    newImage({ virtualBytes: 10 * gibibyte, backing: { file: `${images}/${other}`, format: 'qcow2' } });
  files.putImage(`${images}/archive.qcow2`, loop('archive-2021.qcow2'));
  files.putImage(`${images}/archive-2021.qcow2`, loop('archive.qcow2'));
  addVm(machine, { name: 'archive', disks: [{ target: 'vda', path: `${images}/archive.qcow2`, exists: true }] });

  // Overlays that no VM names.
  for (const [name, base, usedGiB] of [
    ['files.old-clone.qcow2', 'files.qcow2', 6],
    ['payroll-test.qcow2', 'payroll.qcow2', 2],
  ] as const) {
    files.putImage(
      `${images}/${name}`,
      newImage({
        virtualBytes: 60 * gibibyte,
        backing: { file: name.startsWith('payroll') ? base : `${images}/${base}`, format: 'qcow2' },
        content: fill([], { start: 0, end: usedGiB * gibibyte, byte: 0x13 }),
      }),
    );
  }
}

function addOthers(machine: Machine): void {
  const windows = addVm(machine, {
    name: 'windows-2022',
    title: 'Terminal server',
    memoryMiB: 16_384,
    cpus: 6,
    firmware: 'uefi',
    agent: 'refuses',
    running: true,
    disks: [
      { target: 'vda', virtualBytes: 120 * gibibyte, usedBytes: 71 * gibibyte },
      { target: 'sda', device: 'cdrom', format: 'raw', source: null },
    ],
  });
  daysAgo(machine, 5, () => {
    snapshot(machine, windows.uuid, 'before patch day', { diskOnly: true, description: 'KB5034129' });
  });
  addVm(machine, {
    name: 'files',
    agent: 'silent',
    running: true,
    disks: [
      { target: 'vda', virtualBytes: 16 * gibibyte, usedBytes: 5 * gibibyte },
      { target: 'vdb', format: 'raw', virtualBytes: 300 * gibibyte, usedBytes: 260 * gibibyte },
    ],
  });
  const unicode = addVm(machine, { name: 'Büro-Server München 東京' });
  daysAgo(machine, 20, () => {
    snapshot(machine, unicode.uuid, 'Stand März – „fertig“ ✓');
  });
  const quoted = addVm(machine, { name: `build "agent" 7's; $HOME & <co>` });
  daysAgo(machine, 2, () => {
    snapshot(machine, quoted.uuid, `$(date) 'quoted' & "more"`);
  });
  const saved = addVm(machine, { name: 'test-saved', running: true });
  lifecycle.saveManaged(machine.world, vmOf(machine.world, saved.uuid));
}
