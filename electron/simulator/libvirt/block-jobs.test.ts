/** Block jobs in the words of libvirt 9.0, by a clock that the test moves. */
import { beforeEach, describe, expect, it } from 'vitest';
import { addVm, diskHolds, imageHolds, snapshot, uuidFor, writeDisk } from '../furnish.ts';
import { createMachine, type Machine } from '../machine.ts';
import { virshOn } from './virsh-under-test.fixtures.ts';

const mebibyte = 1024 ** 2;
const size = 256 * mebibyte;
const began = 1_700_000_000;
let machine: Machine;
let uuid: string;

const image = (number: number) => (number === 0 ? '/vms/v.qcow2' : `/vms/v.s${number}`);
const range = (number: number) => ({
  start: number * 20 * mebibyte,
  end: (number + 1) * 20 * mebibyte,
  byte: 0xa0 + number,
});

async function virsh(...argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await virshOn(machine, argv);
  return stdout + stderr;
}
const job = (...more: readonly string[]) => virsh('blockjob', 'v', 'vda', ...more);
const after = (seconds: number) => {
  machine.setClock(began + seconds);
};
/** The disk of a definition without what is not its chain. */
const chain = async (...more: readonly string[]) =>
  (await virsh('dumpxml', 'v', ...more)).split('\n').filter((line) => /<(source|backingStore|mirror)\b/.test(line));
const source = (number: number) => expect.stringContaining(`file='${image(number)}'`) as string;

/** Four images, each with 20 MiB of its own. */
beforeEach(() => {
  machine = createMachine({
    name: 'alder',
    pace: 1,
    filesystems: [{ mountPoint: '/', device: '/dev/vda1', totalBytes: 1e12, otherBytes: 0 }],
  });
  after(0);
  uuid = uuidFor(machine, 'v');
  addVm(machine, { name: 'v', folder: '/vms', running: true, disks: [{ target: 'vda', virtualBytes: size }] });
  writeDisk(machine, uuid, 'vda', range(0));
  for (const number of [1, 2, 3]) {
    snapshot(machine, uuid, `s${number}`, { diskOnly: true });
    writeDisk(machine, uuid, 'vda', range(number));
  }
});

const readsTheSame = () => [0, 1, 2, 3].every((number) => diskHolds(machine, uuid, 'vda', range(number)));

describe('a commit of the middle', () => {
  const commit = () =>
    virsh('blockcommit', 'v', 'vda', `--base=${image(1)}`, `--top=${image(2)}`, '--bandwidth=4194304', '--bytes');

  it('goes on by its limit, and shows how far in the disk it is', async () => {
    expect(await commit()).toBe('Block Commit started\n');
    after(1);
    expect(await job('--info', '--raw')).toBe(
      ` type=Block Commit\n bandwidth=4\n cur=${Math.floor(size / 5)}\n end=${size}\n\n`,
    );
    expect(await job('--info')).toBe('Block Commit: [ 19 %]    Bandwidth limit: 4194304 bytes/s (4.000 MiB/s)\n\n');
    await job('--bandwidth=8');
    after(2);
    expect(await job('--raw')).toContain(` bandwidth=8\n cur=${Math.floor((size * 3) / 5)}\n`);
    expect(await job('--raw', '--bytes')).toContain(` bandwidth=${8 * mebibyte}\n`);
    after(3.1);
    expect(await job('--raw')).toBe('\n');
    expect(await job()).toBe('No current block job for vda\n');
    expect(await chain()).toEqual([
      source(3),
      expect.stringContaining("<backingStore type='file'"),
      source(1),
      expect.stringContaining("<backingStore type='file'"),
      source(0),
      expect.stringContaining('<backingStore/>'),
    ]);
    expect((await chain('--inactive')).filter((line) => line.includes('<source'))).toEqual([
      source(3),
      source(1),
      source(0),
    ]);
    expect(readsTheSame()).toBe(true);
    expect(imageHolds(machine, image(1), range(2))).toBe(true);
  });

  it('stands in the way of other things, in libvirt’s words', async () => {
    await commit();
    after(1);
    const busy = "error: Operation not supported: disk 'vda' already in active block job\n";
    expect(await commit()).toBe(busy);
    expect(await virsh('snapshot-create-as', 'v', 'x', '--disk-only')).toBe(busy);
    expect(await job('--pivot')).toMatch(/^error: block copy still active: block job '.*' not ready for pivot yet\n$/);
    expect(await virsh('managedsave', 'v')).toBe(
      "error: Failed to save domain 'v' state\nerror: Requested operation is not valid: domain has active block job\n",
    );
    expect(await virsh('snapshot-revert', 'v', 's1')).toContain('domain has active block job');
    expect(await virsh('snapshot-delete', 'v', 's3')).toContain(
      'cannot delete external snapshots when there is another active block job',
    );
    expect(await virsh('snapshot-delete', 'v', 's3', '--metadata')).toBe('Domain snapshot s3 deleted\n');
  });

  it('leaves the chain when it is given up, and what it copied so far', async () => {
    await commit();
    after(1);
    expect(await job('--abort')).toBe('\n');
    expect(await job('--abort')).toBe('error: invalid argument: disk vda does not have an active block job\n');
    expect((await chain()).filter((line) => line.includes('<source'))).toHaveLength(4);
    expect(readsTheSame()).toBe(true);
    const { start, byte } = range(2);
    expect(imageHolds(machine, image(1), { start, end: start + 4 * mebibyte, byte })).toBe(true);
    expect(imageHolds(machine, image(1), { start: start + 4 * mebibyte, end: start + 5 * mebibyte, byte: 0 })).toBe(
      true,
    );
  });

  it('ends with the VM', async () => {
    await commit();
    await virsh('destroy', 'v');
    expect(await job()).toBe('error: Requested operation is not valid: domain is not running\n');
    await virsh('start', 'v');
    expect(await job()).toBe('No current block job for vda\n');
    expect(readsTheSame()).toBe(true);
  });

  it('fails half-way where a test says so', async () => {
    const fault = machine.faults.addToBlockJobs({ vm: uuid });
    await commit();
    expect(fault.count()).toBe(1);
    after(2);
    expect(await job('--raw')).not.toBe('\n');
    after(2.6);
    expect(await job('--raw')).toBe('\n');
    expect((await chain()).filter((line) => line.includes('<source'))).toHaveLength(4);
    expect(readsTheSame()).toBe(true);
  });
});

describe('a commit of the active layer', () => {
  const commit = () =>
    virsh('blockcommit', 'v', 'vda', `--base=${image(0)}`, '--active', '--bandwidth=10485760', '--bytes');

  it('has a mirror, is ready when all is copied, and the VM goes on in the base by a pivot only', async () => {
    expect(await commit()).toBe('Active Block Commit started\n');
    after(3);
    expect(await job('--raw')).toBe(
      ` type=Active Block Commit\n bandwidth=10\n cur=${30 * mebibyte}\n end=${60 * mebibyte}\n\n`,
    );
    expect(await virsh('dumpxml', 'v')).toContain(
      `      <mirror type='file' job='active-commit'>\n        <format type='qcow2'/>\n        <source file='${image(0)}'/>\n      </mirror>\n      <target dev='vda'`,
    );
    expect(await job('--pivot')).toContain('not ready for pivot yet');
    expect(await virsh('snapshot-create-as', 'v', 'x')).toBe(
      "error: block copy still active: disk 'vda' already in active block job\n",
    );
    after(7);
    expect(await virsh('dumpxml', 'v')).toContain("<mirror type='file' job='active-commit' ready='yes'>");
    expect(await virsh('dumpxml', 'v', '--inactive')).not.toContain('<mirror');
    writeDisk(machine, uuid, 'vda', range(5));
    expect(await job('--pivot')).toBe('\n');
    expect(await chain()).toEqual([source(0), expect.stringContaining('<backingStore/>')]);
    expect(await chain('--inactive')).toEqual([source(0)]);
    expect(readsTheSame()).toBe(true);
    expect(diskHolds(machine, uuid, 'vda', range(5))).toBe(true);
  });

  it('is not begun where it is none', async () => {
    expect(await virsh('blockcommit', 'v', 'vda', `--base=${image(3)}`, '--active')).toBe(
      `error: invalid argument: could not find image '${image(3)}' beneath '${image(3)}' in chain for 'vda'\n`,
    );
    expect(await virsh('blockcommit', 'v', 'vda', '--top=/x')).toBe(
      "error: invalid argument: could not find image '/x' in chain for 'vda'\n",
    );
    expect(await virsh('blockcommit', 'v', 'vdz')).toBe("error: invalid argument: disk 'vdz' not found in domain\n");
    expect(await virsh('blockpull', 'v', 'vdz')).toBe("error: invalid argument: disk 'vdz' not found in domain\n");
  });
});

it('a pull takes what lies below into the active layer', async () => {
  expect(await virsh('blockpull', 'v', 'vda', `--base=${image(0)}`)).toBe('Block Pull started\n');
  after(1);
  expect((await chain()).filter((line) => line.includes('<source'))).toEqual([source(3), source(0)]);
  expect(imageHolds(machine, image(2), range(2))).toBe(true);
  await virsh('blockpull', 'v', 'vda');
  after(2);
  expect(await chain()).toEqual([source(3), expect.stringContaining('<backingStore/>')]);
  expect(readsTheSame()).toBe(true);
});

it('a record is put in the place of the one of its name, and stays current', async () => {
  const xml = (await virsh('snapshot-dumpxml', 'v', 's2')).replaceAll(image(1), '/vms/other');
  machine.files.putText('/record.xml', xml);
  expect(await virsh('snapshot-create', 'v', '--xmlfile=/record.xml', '--redefine')).toBe(
    "Domain snapshot s2 created from '/record.xml'\n",
  );
  expect(await virsh('snapshot-dumpxml', 'v', 's2')).toBe(xml);
  expect(await virsh('-q', 'snapshot-current', 'v', '--name')).toBe('s3');
  machine.files.putText('/domain.xml', await virsh('dumpxml', 'v'));
  expect(await virsh('snapshot-create', 'v', '--xmlfile=/domain.xml', '--redefine')).toBe(
    "error: XML error: expecting root element of 'domainsnapshot', not 'domain'\n",
  );
});
