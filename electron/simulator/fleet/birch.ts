/** birch: thin instances on shared templates, on a store that is nearly full. */
import { newImage } from '../images/disk-image.ts';
import { addVm, daysAgo, gibibyte, revert, snapshot, uuidFor, writeDisk } from '../furnish.ts';
import { createMachine, type Machine, type Speed } from '../machine.ts';

const store = '/srv/vmstore';
const template = `${store}/templates/debian-12.qcow2`;
const oldTemplate = `${store}/templates/debian-11.qcow2`;

export function createBirch({ pace, clockRate }: Speed): Machine {
  const machine = createMachine({
    name: 'birch',
    pace,
    clockRate,
    filesystems: [
      { mountPoint: '/', device: '/dev/sda2', totalBytes: 40 * gibibyte, otherBytes: 9 * gibibyte },
      { mountPoint: store, device: '/dev/mapper/vg0-vmstore', totalBytes: 300 * gibibyte, otherBytes: 143 * gibibyte },
    ],
  });
  const pools = ['instances', 'templates'].map((name) => ({
    name,
    uuid: uuidFor(machine, `pool ${name}`),
    path: `${store}/${name}`,
    active: true,
  }));
  machine.world.state = { ...machine.world.state, pools };
  addTemplates(machine);
  addGolden(machine);
  addReports(machine);
  return machine;
}

function addTemplates(machine: Machine): void {
  const { files } = machine;
  const content = [{ start: 0, end: 6 * gibibyte, byte: 0x12 }];
  daysAgo(machine, 320, () => {
    files.putImage(template, newImage({ virtualBytes: 20 * gibibyte, content }));
    files.putImage(oldTemplate, newImage({ virtualBytes: 20 * gibibyte, content }));
  });
  addVm(machine, {
    name: 'debian-12-template',
    title: 'What the instances hang on: leave it shut off',
    memoryMiB: 1024,
    cpus: 1,
    disks: [{ target: 'vda', path: template, exists: true }],
  });
  const name = (number: number) => `app-${String(number).padStart(2, '0')}`;
  for (let number = 1; number <= 10; number += 1) {
    const { uuid } = addVm(machine, {
      name: name(number),
      folder: `${store}/instances`,
      memoryMiB: 1024,
      cpus: 1,
      running: number % 3 !== 0,
      disks: [{ target: 'vda', backing: number > 8 ? oldTemplate : template, usedBytes: number * 0.4 * gibibyte }],
    });
    if (number % 4 === 1) {
      daysAgo(machine, 14 + number, () => {
        snapshot(machine, uuid, 'before rollout', { diskOnly: number === 5 });
        writeDisk(machine, uuid, 'vda', { start: 0, end: gibibyte, byte: number });
      });
    }
  }
  // Instances of VMs that were undefined long ago.
  for (const number of [21, 22, 23]) {
    files.putImage(
      `${store}/instances/${name(number)}.qcow2`,
      newImage({
        virtualBytes: 20 * gibibyte,
        // As people record it who stand in that folder.
        backing: { file: '../templates/debian-12.qcow2', format: 'qcow2' },
        content: [{ start: 0, end: 4 * gibibyte, byte: number }],
      }),
    );
  }
}

/** What it wrote since its snapshot finds no room in the image below. */
function addReports(machine: Machine): void {
  const { uuid } = addVm(machine, {
    name: 'reports',
    folder: `${store}/instances`,
    running: true,
    disks: [{ target: 'vda', virtualBytes: 40 * gibibyte, usedBytes: 3 * gibibyte }],
  });
  daysAgo(machine, 17, () => {
    snapshot(machine, uuid, 'before import', { diskOnly: true });
    writeDisk(machine, uuid, 'vda', { start: 8 * gibibyte, end: 17 * gibibyte, byte: 0x52 });
  });
}

/** Somebody tries things out: three dozen snapshots in branches. */
function addGolden(machine: Machine): void {
  const { uuid } = addVm(machine, {
    name: 'golden-image',
    title: 'Where the templates are made',
    folder: `${store}/instances`,
    disks: [{ target: 'vda', virtualBytes: 20 * gibibyte, usedBytes: 5 * gibibyte }],
  });
  let number = 0;
  const take = (name: string) => {
    number += 1;
    daysAgo(machine, 150 - number * 4, () => {
      writeDisk(machine, uuid, 'vda', {
        start: (number % 20) * 64 * 1024 ** 2,
        end: (number % 20) * 64 * 1024 ** 2 + 48 * 1024 ** 2,
        byte: number,
      });
      snapshot(machine, uuid, name);
    });
  };
  const back = (name: string) => {
    daysAgo(machine, 150 - number * 4 - 1, () => {
      revert(machine, uuid, name);
    });
  };
  take('base');
  for (const release of ['12.1', '12.2', '12.4', '12.5', '12.7']) {
    take(`release ${release}`);
    for (const step of ['packages', 'hardening', 'monitoring']) take(`${release} ${step}`);
    back(`${release} packages`);
    take(`${release} without hardening`);
    take(`${release} without hardening, smaller`);
    back(`release ${release}`);
  }
  take('candidate');
}
