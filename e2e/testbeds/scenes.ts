import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createImage, writeBootSector } from './virtual-machine.ts';
import { writeGuestDisk, writePattern } from './disks.ts';
import { ownVersion, placeOf } from './places.ts';
import type { LibvirtVersion } from './places.ts';
import { run, waitUntil } from './run.ts';
import {
  createVirtualMachine,
  deleteVirtualMachine,
  escapeXml,
  readSerialCounter,
  stateOf,
  virsh,
  virshWithXml,
  virtualMachine,
} from './virtual-machine.ts';
import type { DiskSpec, VirtualMachine, VirtualMachineSpec } from './virtual-machine.ts';

interface Fixture {
  readonly spec: Omit<VirtualMachineSpec, 'version' | 'disks'> & { readonly disks?: readonly DiskSpec[] };
  /** vda is an overlay on the image that all these VMs share. */
  readonly thin?: boolean;
  /** Runs when it is made to the end, whether or not it was started at once. */
  readonly runs?: boolean;
  /** What is in it, for `status`. */
  readonly about: string;
  /** Gives the new VM its snapshots. */
  readonly furnish?: (vm: VirtualMachine) => Promise<void>;
}

export const hostileName = `quote'd "vm"; rm -rf $HOME & <b>`;

/** Snapshot names of the hostile VM, oldest first. libvirt refuses only '/' and a leading '.'. */
export const hostileSnapshotNames: readonly string[] = [
  'two\nlines',
  '--help',
  'ünïcödé 快照 🌳',
  `it's "quoted" & <i>marked`,
  '$(touch snaptree-injected)`id`;',
  ' spaces  around ',
];

/** The byte that fills the first MiB of vdb at each snapshot of the VM `snaptree-tree`. */
export const treePatterns = {
  'clean install': 0x11,
  configured: 0x22,
  'before update': 0x33,
  'after update': 0x44,
  experiment: 0x55,
  'offline copy': 0x66,
} as const;

/** The description of the snapshot "configured". */
export const treeDescription = 'Configured <b>&"é\nsecond line';

/** The byte that fills a MiB of vda (at 1, 2, 3 MiB) before each snapshot of `snaptree-external`. */
export const externalPatterns = { 'before upgrade': 0xa1, upgraded: 0xa2, latest: 0xa3 } as const;

const mebibyte = 1024 ** 2;
/** The image that the thin VMs share. */
export const thinBaseAt = (version?: LibvirtVersion): string =>
  join(placeOf(version).images, 'snaptree-thin-base', 'base.qcow2');
export const thinBase = thinBaseAt();

async function takeSnapshot(vm: VirtualMachine, name: string, extra: readonly string[] = []): Promise<void> {
  await virsh(['snapshot-create-as', vm.uuid, `--name=${name}`, ...extra], vm);
}

async function waitForCount(vm: VirtualMachine): Promise<void> {
  const before = readSerialCounter(vm);
  await waitUntil(`the guest of ${vm.name} to count`, () => {
    const count = readSerialCounter(vm);
    return count !== undefined && count !== before;
  });
}

/**
 * The name that a snapshot of `snaptree-tree` has on a version. Newer libvirts make a QEMU job named after an internal
 * snapshot of a running VM, and QEMU refuses other characters in it ("Invalid job ID").
 */
export function treeName(name: keyof typeof treePatterns, version?: LibvirtVersion): string {
  const own = placeOf(version).version ?? ownVersion();
  const [major = 0, minor = 0] = own.split('.').map(Number);
  return own === 'newest' || major > 10 || (major === 10 && minor >= 9) ? name.replaceAll(' ', '-') : name;
}

async function furnishTree(vm: VirtualMachine): Promise<void> {
  const take = async (name: keyof typeof treePatterns, description?: string) => {
    await writeGuestDisk(vm, 'vdb', treePatterns[name]);
    const extra = description === undefined ? [] : [`--description=${description}`];
    await takeSnapshot(vm, treeName(name, vm.version), extra);
  };
  const revert = (name: keyof typeof treePatterns) =>
    virsh(['snapshot-revert', vm.uuid, `--snapshotname=${treeName(name, vm.version)}`], vm);
  await take('clean install', 'Straight from the installer');
  await virsh(['start', vm.uuid], vm);
  await waitForCount(vm);
  await take('configured', treeDescription);
  await take('before update');
  await take('after update', 'Worked');
  await revert('configured');
  await take('experiment');
  await revert('clean install');
  await take('offline copy');
  await revert('experiment');
}

async function furnishExternal(vm: VirtualMachine): Promise<void> {
  let offset = mebibyte;
  for (const [name, byte] of Object.entries(externalPatterns)) {
    await writeGuestDisk(vm, 'vda', byte, offset);
    offset += mebibyte;
    await takeSnapshot(vm, name, ['--disk-only', '--atomic', '--diskspec', 'vdb,snapshot=no']);
  }
}

async function furnishMixed(vm: VirtualMachine): Promise<void> {
  await takeSnapshot(vm, 'external 1', ['--disk-only', '--atomic']);
  await takeSnapshot(vm, 'external 2', ['--disk-only', '--atomic']);
  await writeGuestDisk(vm, 'vdb', 0x5a);
  await takeSnapshot(vm, 'internal on top');
}

async function furnishHostile(vm: VirtualMachine): Promise<void> {
  for (const name of hostileSnapshotNames) {
    const description = `Described as ${name}`;
    // As XML: `snapshot-create-as` cannot tell a name with a line break or spaces around it from a mistake.
    const xml = `<domainsnapshot><name>${escapeXml(name)}</name><description>${escapeXml(description)}</description></domainsnapshot>`;
    await virshWithXml(['snapshot-create', vm.uuid], xml, [], vm);
  }
}

async function furnishRoots(vm: VirtualMachine): Promise<void> {
  await takeSnapshot(vm, 'first root');
  await takeSnapshot(vm, 'child of first');
  await takeSnapshot(vm, 'middle');
  await takeSnapshot(vm, 'second root');
  // Redefined without its parent it becomes a root. libvirt refuses to redefine it with a parent that does not exist.
  const record = ['snapshot-dumpxml', vm.uuid, '--snapshotname=second root', '--security-info'];
  const { stdout } = await virsh(record, vm);
  const xml = stdout.replace(/<parent>.*?<\/parent>/s, '');
  await virshWithXml(['snapshot-create', vm.uuid], xml, ['--redefine'], vm);
  // Removing the record of the current one leaves internal data without a record and, with its parent made
  // current by libvirt, needs a second step: the parent's record goes as well.
  await virsh(['snapshot-delete', vm.uuid, '--snapshotname=second root', '--metadata'], vm);
  await virshWithXml(['snapshot-create', vm.uuid], xml, ['--redefine'], vm);
}

async function prepareThinBase(base: string): Promise<void> {
  mkdirSync(dirname(base), { recursive: true });
  const next = `${base}.new`;
  rmSync(next, { force: true });
  await createImage(next, 'qcow2', 1024 ** 3);
  await writeBootSector(next, 'qcow2');
  await writePattern(next, 0x77, mebibyte);
  // Renamed over: a VM that has the old one open keeps it.
  renameSync(next, base);
}

const thin = (name: string, byte: number): Fixture => ({
  spec: { name },
  thin: true,
  about: `shut off; vda is an overlay on the base image that both thin VMs share`,
  furnish: (vm) => writeGuestDisk(vm, 'vda', byte, 2 * mebibyte),
});

/** The VMs of the testbed. The first one is started first and so gets the domain id 1. */
export const fixtures: readonly Fixture[] = [
  {
    spec: { name: 'snaptree-first', running: true },
    about: 'running, never changed by tests; has the domain id 1 on a fresh libvirtd',
  },
  { spec: { name: '1' }, about: 'shut off; its name is the domain id of another VM' },
  { spec: { name: 'snaptree-fresh', running: true }, about: 'running, no snapshots' },
  {
    spec: { name: 'snaptree-tree' },
    about: 'running, a tree of internal snapshots with and without memory, vdb filled with a byte per snapshot',
    furnish: furnishTree,
    runs: true,
  },
  {
    spec: { name: 'snaptree-external', running: true },
    about: 'running, a chain of three external disk-only snapshots of vda',
    furnish: furnishExternal,
  },
  {
    spec: { name: 'snaptree-mixed' },
    about: 'shut off, two external snapshots and an internal one that lives in the top overlay',
    furnish: furnishMixed,
  },
  thin('snaptree-thin-a', 0x7a),
  thin('snaptree-thin-b', 0x7b),
  {
    spec: { name: hostileName, folder: `hostile; $(touch x) 'folder'`, disks: [{ target: 'vda' }] },
    about: 'shut off; hostile names of the VM, its folder and its snapshots',
    furnish: furnishHostile,
  },
  {
    spec: { name: 'snaptree-raw', disks: [{ target: 'vda' }, { target: 'vdb', format: 'raw' }] },
    about: 'shut off; vdb is raw, so that internal snapshots are impossible',
  },
  {
    spec: { name: 'snaptree-missing-backing' },
    about: 'shut off; the backing image of vda is gone',
    furnish: async (vm) => {
      const base = join(vm.folder, 'deleted-base.qcow2');
      const vda = vm.images['vda'] ?? '';
      await createImage(base, 'qcow2', 1024 ** 3);
      rmSync(vda);
      await createImage(vda, 'qcow2', 0, base);
      rmSync(base);
    },
  },
  {
    spec: { name: 'snaptree-loop' },
    about: 'shut off; vda backs on an image that backs on vda',
    furnish: async (vm) => {
      const other = join(vm.folder, 'other.qcow2');
      const vda = vm.images['vda'] ?? '';
      await createImage(other, 'qcow2', 0, vda);
      await run('qemu-img', ['rebase', '-u', '-F', 'qcow2', '-b', other, vda]);
    },
  },
  {
    spec: { name: 'snaptree-roots' },
    about: 'shut off; two root snapshots and no current one',
    furnish: furnishRoots,
  },
];

function fixtureOf(name: string): Fixture {
  const fixture = fixtures.find((each) => each.spec.name === name);
  if (fixture === undefined) throw new Error(`The testbed has no VM ${name}.`);
  return fixture;
}

function specOf({ spec, thin }: Fixture, version: LibvirtVersion | undefined): VirtualMachineSpec {
  const overlay: readonly DiskSpec[] = [{ target: 'vda', backing: thinBaseAt(version) }, { target: 'vdb' }];
  return { ...spec, ...(thin === true && { disks: overlay }), version };
}

/** The handle of one of the testbed's VMs. */
export function fixtureVirtualMachine(name: string, version?: LibvirtVersion): VirtualMachine {
  return virtualMachine(specOf(fixtureOf(name), version));
}

/** A file that says that the VM has been made to the end. */
function completeMark(vm: VirtualMachine): string {
  return join(vm.folder, '.complete');
}

/** Rebuilds one of the testbed's VMs: deletes it with all its files and makes it anew. */
export async function resetVirtualMachine(name: string, version?: LibvirtVersion): Promise<VirtualMachine> {
  const fixture = fixtureOf(name);
  const spec = specOf(fixture, version);
  await deleteVirtualMachine(spec);
  if (fixture.thin === true) await prepareThinBase(thinBaseAt(version));
  const vm = await createVirtualMachine(spec);
  await fixture.furnish?.(vm);
  writeFileSync(completeMark(vm), '');
  return vm;
}

/** Makes those VMs that do not exist, and starts those that should run and do not. */
export async function ensureVirtualMachines(version?: LibvirtVersion): Promise<void> {
  for (const { spec, runs } of fixtures) {
    const vm = fixtureVirtualMachine(spec.name, version);
    const state = await stateOf(vm.uuid, version);
    if (state === undefined || !existsSync(completeMark(vm))) await resetVirtualMachine(spec.name, version);
    else if (state === 'shut off' && (runs ?? spec.running) === true) await virsh(['start', vm.uuid], { version });
  }
}
