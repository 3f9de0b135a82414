/** cedar: sixty VMs, as dense as hosts of a laboratory are. */
import { addVm, daysAgo, gibibyte, snapshot, uuidFor } from '../furnish.ts';
import { changeVm } from '../libvirt/world.ts';
import { createMachine, type Machine, type Speed } from '../machine.ts';

const images = '/var/lib/libvirt/images';
const roles = ['node', 'worker', 'cache', 'proxy', 'queue', 'metrics'] as const;

export function createCedar({ pace, clockRate }: Speed): Machine {
  const machine = createMachine({
    name: 'cedar',
    pace,
    clockRate,
    filesystems: [
      { mountPoint: '/', device: '/dev/nvme0n1p2', totalBytes: 80 * gibibyte, otherBytes: 12 * gibibyte },
      { mountPoint: images, device: '/dev/nvme1n1p1', totalBytes: 3500 * gibibyte, otherBytes: 40 * gibibyte },
    ],
  });
  const pool = { name: 'default', uuid: uuidFor(machine, 'pool default'), path: images, active: true };
  machine.world.state = { ...machine.world.state, pools: [pool] };
  for (let number = 0; number < 60; number += 1) {
    const role = roles[number % roles.length] ?? 'node';
    const { uuid } = addVm(machine, {
      name: `${role}-${String(Math.floor(number / roles.length) + 1).padStart(2, '0')}`,
      memoryMiB: 512 * (1 + (number % 8)),
      cpus: 1 + (number % 4),
      running: number % 5 !== 4,
      disks: [{ target: 'vda', virtualBytes: 20 * gibibyte, usedBytes: (1 + (number % 9)) * 0.7 * gibibyte }],
    });
    for (let index = 0; index < number % 4; index += 1) {
      daysAgo(machine, 3 + ((number * 7 + index * 11) % 120), () => {
        snapshot(machine, uuid, ['before update', 'known good', 'experiment'][index] ?? 'snapshot', {
          diskOnly: number % 10 === 3,
        });
      });
    }
  }
  // What cannot be read may depend on anything, so that Snaptree deletes nothing on this host.
  const stuck = addVm(machine, { name: 'stuck-01', running: true });
  changeVm(machine.world, stuck.uuid, {
    unreadable:
      'Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainBlockJobAbort)',
  });
  return machine;
}
