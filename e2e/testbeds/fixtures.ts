import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createImage, writeBootSector } from './virtual-machine.ts';
import { writeGuestDisk, writePattern } from './disks.ts';
import { paths } from './paths.ts';
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
import type { VirtualMachine, VirtualMachineSpec } from './virtual-machine.ts';

interface Fixture {
  readonly spec: VirtualMachineSpec;
  /** Runs when it is made to the end, whether or not it was started at once. */
  readonly runs?: boolean;
  /** What is in it, for `status`. */
  readonly about: string;
  /** Gives the new VM its snapshots. */
  readonly furnish?: (vm: VirtualMachine) => Promise<void>;
  /** Makes what the VM needs before it is defined. */
  readonly prepare?: () => Promise<void>;
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
export const thinBase = join(paths.images, 'snaptree-thin-base', 'base.qcow2');

async function takeSnapshot(vm: VirtualMachine, name: string, extra: readonly string[] = []): Promise<void> {
  await virsh(['snapshot-create-as', vm.uuid, `--name=${name}`, ...extra]);
}

async function waitForCount(vm: VirtualMachine): Promise<void> {
  const before = readSerialCounter(vm);
  await waitUntil(`the guest of ${vm.name} to count`, () => {
    const count = readSerialCounter(vm);
    return count !== undefined && count !== before;
  });
}

async function furnishTree(vm: VirtualMachine): Promise<void> {
  const fill = async (name: keyof typeof treePatterns) => writeGuestDisk(vm, 'vdb', treePatterns[name]);
  await fill('clean install');
  await takeSnapshot(vm, 'clean install', ['--description=Straight from the installer']);
  await virsh(['start', vm.uuid]);
  await waitForCount(vm);
  await fill('configured');
  await takeSnapshot(vm, 'configured', [`--description=${treeDescription}`]);
  await fill('before update');
  await takeSnapshot(vm, 'before update');
  await fill('after update');
  await takeSnapshot(vm, 'after update', ['--description=Worked']);
  await virsh(['snapshot-revert', vm.uuid, '--snapshotname=configured']);
  await fill('experiment');
  await takeSnapshot(vm, 'experiment');
  await virsh(['snapshot-revert', vm.uuid, '--snapshotname=clean install']);
  await fill('offline copy');
  await takeSnapshot(vm, 'offline copy');
  await virsh(['snapshot-revert', vm.uuid, '--snapshotname=experiment']);
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
    await virshWithXml(['snapshot-create', vm.uuid], xml);
  }
}

async function furnishRoots(vm: VirtualMachine): Promise<void> {
  await takeSnapshot(vm, 'first root');
  await takeSnapshot(vm, 'child of first');
  await takeSnapshot(vm, 'middle');
  await takeSnapshot(vm, 'second root');
  // Redefined without its parent it becomes a root. libvirt refuses to redefine it with a parent that does not exist.
  const { stdout } = await virsh(['snapshot-dumpxml', vm.uuid, '--snapshotname=second root', '--security-info']);
  const xml = stdout.replace(/<parent>.*?<\/parent>/s, '');
  await virshWithXml(['snapshot-create', vm.uuid], xml, ['--redefine']);
  // Removing the record of the current one leaves internal data without a record and, with its parent made
  // current by libvirt, needs a second step: the parent's record goes as well.
  await virsh(['snapshot-delete', vm.uuid, '--snapshotname=second root', '--metadata']);
  await virshWithXml(['snapshot-create', vm.uuid], xml, ['--redefine']);
}

async function prepareThinBase(): Promise<void> {
  mkdirSync(join(paths.images, 'snaptree-thin-base'), { recursive: true });
  const next = `${thinBase}.new`;
  rmSync(next, { force: true });
  await createImage(next, 'qcow2', 1024 ** 3);
  await writeBootSector(next, 'qcow2');
  await writePattern(next, 0x77, mebibyte);
  // Renamed over: a VM that has the old one open keeps it.
  renameSync(next, thinBase);
}

const thin = (name: string, byte: number): Fixture => ({
  spec: { name, disks: [{ target: 'vda', backing: thinBase }, { target: 'vdb' }] },
  about: `shut off; vda is an overlay on the base image that both thin VMs share`,
  prepare: prepareThinBase,
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

/** The handle of one of the testbed's VMs. */
export function fixtureVirtualMachine(name: string): VirtualMachine {
  return virtualMachine(fixtureOf(name).spec);
}

/** A file that says that the VM has been made to the end. */
function completeMark(vm: VirtualMachine): string {
  return join(vm.folder, '.complete');
}

/** Rebuilds one of the testbed's VMs: deletes it with all its files and makes it anew. */
export async function resetVirtualMachine(name: string): Promise<VirtualMachine> {
  const { spec, prepare, furnish } = fixtureOf(name);
  await deleteVirtualMachine(spec);
  await prepare?.();
  const vm = await createVirtualMachine(spec);
  await furnish?.(vm);
  writeFileSync(completeMark(vm), '');
  return vm;
}

/** Makes those VMs that do not exist, and starts those that should run and do not. */
export async function ensureVirtualMachines(): Promise<void> {
  for (const { spec, runs } of fixtures) {
    const vm = virtualMachine(spec);
    const state = await stateOf(vm.uuid);
    if (state === undefined || !existsSync(completeMark(vm))) await resetVirtualMachine(spec.name);
    else if (state === 'shut off' && (runs ?? spec.running) === true) await virsh(['start', vm.uuid]);
  }
}
