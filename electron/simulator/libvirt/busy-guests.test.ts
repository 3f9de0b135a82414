/** Guests that write all the time, and file systems that fill up, by a clock that the test moves. */
import { beforeEach, describe, expect, it } from 'vitest';
import { addVm, diskHolds, imageHolds, snapshot, uuidFor, writeDisk } from '../furnish.ts';
import { runQemuImg } from '../images/qemu-img.ts';
import { createMachine, qemuImgHost, type Machine } from '../machine.ts';
import { virshOn } from './virsh-under-test.fixtures.ts';

const mebibyte = 1024 ** 2;
const began = 1_700_000_000;
let machine: Machine;
let uuid: string;

async function virsh(...argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await virshOn(machine, argv);
  return stdout + stderr;
}
const at = (seconds: number) => {
  machine.setClock(began + seconds);
};
const range = (start: number, end: number, byte: number) => ({ start: start * mebibyte, end: end * mebibyte, byte });
/** `cur` and what is left, in MiB. */
async function job(): Promise<readonly number[]> {
  const [, cur = 0, end = 0] = (/cur=(\d+)\n end=(\d+)/.exec(await virsh('blockjob', 'v', 'vda', '--raw')) ?? []).map(
    Number,
  );
  return [cur / mebibyte, (end - cur) / mebibyte];
}

/** @param freeMiB what is left on the file system besides what the test writes */
function make(freeMiB: number, bytesPerSecond: number): void {
  machine = createMachine({
    name: 'alder',
    pace: 1,
    filesystems: [{ mountPoint: '/', device: '/dev/vda1', totalBytes: freeMiB * mebibyte, otherBytes: 0 }],
  });
  at(0);
  uuid = uuidFor(machine, 'v');
  // Round and round over 100 MiB.
  const writes = [{ target: 'vda', start: 0, bytes: 100 * mebibyte, bytesPerSecond }];
  addVm(machine, { name: 'v', folder: '/vms', running: true, disks: [{ target: 'vda' }], writes });
}

describe('a guest that writes 10 MiB a second', () => {
  beforeEach(() => {
    make(1e6, 10 * mebibyte);
    snapshot(machine, uuid, 's1', { diskOnly: true });
    writeDisk(machine, uuid, 'vda', range(500, 560, 7));
  });

  it('has written, in rounds, what it came to, and nothing while it stands still', async () => {
    at(25);
    await virsh('domstate', 'v');
    // Two rounds and a half.
    expect(diskHolds(machine, uuid, 'vda', range(0, 50, 0x82))).toBe(true);
    expect(diskHolds(machine, uuid, 'vda', range(50, 100, 0x81))).toBe(true);
    expect(diskHolds(machine, uuid, 'vda', range(100, 101, 0))).toBe(true);
    at(27);
    await virsh('suspend', 'v');
    at(90);
    await virsh('resume', 'v');
    at(91);
    await virsh('domstate', 'v');
    expect(diskHolds(machine, uuid, 'vda', range(0, 80, 0x82))).toBe(true);
    expect(diskHolds(machine, uuid, 'vda', range(80, 100, 0x81))).toBe(true);
  });

  it('is not caught up with by a merge that is slower, until that is told to be faster', async () => {
    await virsh('blockcommit', 'v', 'vda', '--active', '--bandwidth=5');
    // 60 MiB that nobody writes to are copied first.
    at(12);
    expect(await job()).toEqual([60, 100]);
    at(100);
    expect(await job()).toEqual([500, 100]);
    expect(await virsh('blockjob', 'v', 'vda', '--pivot')).toContain('not ready for pivot yet');
    await virsh('blockjob', 'v', 'vda', '--bandwidth', '30');
    at(103);
    expect(await job()).toEqual([590, 40]);
    at(105);
    expect((await job())[1]).toBe(0);
    expect(await virsh('blockjob', 'v', 'vda', '--pivot')).toBe('\n');
    expect(await virsh('domblklist', 'v')).toContain('/vms/v.qcow2');
    // 105 seconds: it is in the middle of its eleventh round.
    expect(imageHolds(machine, '/vms/v.qcow2', range(0, 50, 0x8a))).toBe(true);
    expect(imageHolds(machine, '/vms/v.qcow2', range(50, 100, 0x89))).toBe(true);
    expect(imageHolds(machine, '/vms/v.qcow2', range(500, 560, 7))).toBe(true);
  });

  it('is caught up with while it is paused; and pivots when it has, where it was told to before', async () => {
    await virsh('blockcommit', 'v', 'vda', '--active', '--bandwidth=10');
    at(20);
    await virsh('suspend', 'v');
    expect(await job()).toEqual([200, 60]);
    at(26);
    expect(await virsh('dumpxml', 'v')).toContain("<mirror type='file' job='active-commit' ready='yes'>");
    await virsh('resume', 'v');
    await virsh('blockjob', 'v', 'vda', '--bandwidth', '5');
    at(30);
    expect((await job())[1]).toBe(20);
    await virsh('blockjob', 'v', 'vda', '--pivot');
    expect(await virsh('dumpxml', 'v')).toContain("ready='pivot'");
    await virsh('suspend', 'v');
    at(34);
    expect(await virsh('blockjob', 'v', 'vda', '--raw')).toBe('\n');
    expect(await virsh('domblklist', 'v')).toContain('/vms/v.qcow2');
  });
});

describe('a file system that fills up', () => {
  it('pauses the guest that writes to it', async () => {
    make(31, 10 * mebibyte);
    at(2);
    expect(await virsh('domstate', 'v', '--reason')).toBe('running (booted)\n\n');
    at(4);
    expect(await virsh('domstate', 'v', '--reason')).toBe('paused (I/O error)\n\n');
  });

  it('ends a merge, and what the guest reads stays', async () => {
    make(160, 0);
    snapshot(machine, uuid, 's1', { diskOnly: true });
    writeDisk(machine, uuid, 'vda', range(0, 100, 7));
    await virsh('blockcommit', 'v', 'vda', '--active', '--bandwidth=10');
    at(5);
    expect(await job()).toEqual([50, 50]);
    at(7);
    expect(await virsh('blockjob', 'v', 'vda', '--raw')).toBe('\n');
    expect(await virsh('domblklist', 'v')).toContain('/vms/v.s1');
    expect(diskHolds(machine, uuid, 'vda', range(0, 100, 7))).toBe(true);
    expect(imageHolds(machine, '/vms/v.qcow2', range(0, 59, 7))).toBe(true);
    expect(imageHolds(machine, '/vms/v.qcow2', range(61, 100, 0))).toBe(true);
  });

  it('ends what qemu-img copies', async () => {
    make(160, 0);
    snapshot(machine, uuid, 's1', { diskOnly: true });
    writeDisk(machine, uuid, 'vda', range(0, 100, 7));
    await virsh('destroy', 'v');
    const run = (...argv: readonly string[]) => runQemuImg(qemuImgHost(machine), argv, '/');
    expect(run('commit', '-d', '-b', '/vms/v.qcow2', '--', '/vms/v.s1')).toMatchObject({
      exitCode: 1,
      stderr: 'qemu-img: Block job failed: No space left on device\n',
    });
    expect(diskHolds(machine, uuid, 'vda', range(0, 100, 7))).toBe(true);
    expect(run('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', '/vms/v.s1', '/vms/more')).toMatchObject({
      exitCode: 0,
    });
    expect(run('rebase', '-f', 'qcow2', '-b', '', '--', '/vms/more')).toMatchObject({
      exitCode: 1,
      stderr: 'qemu-img: Error while writing to COW image: No space left on device\n',
    });
  });
});
