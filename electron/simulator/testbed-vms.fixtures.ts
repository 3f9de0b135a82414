/** The testbed's VMs (e2e/testbeds/fixtures.ts) on a simulated host. reading.integration.test.ts holds one to the other. */
import { gibibyte, uuidFor } from './furnish.ts';
import { newImage } from './images/disk-image.ts';
import { changeVm } from './libvirt/world.ts';
import type { SimulatedTestbed, SimulatedVm, SimulatedVmSpec } from './simulated-testbed.fixtures.ts';

const mebibyte = 1024 ** 2;
const images = '/var/lib/libvirt/images';
export const thinBase = `${images}/snaptree-thin-base/base.qcow2`;
export const hostileName = `quote'd "vm"; rm -rf $HOME & <b>`;
export const hostileSnapshotNames: readonly string[] = [
  'two\nlines',
  '--help',
  'ünïcödé 快照 🌳',
  `it's "quoted" & <i>marked`,
  '$(touch snaptree-injected)`id`;',
  ' spaces  around ',
];
export const treeDescription = 'Configured <b>&"é\nsecond line';

interface TestbedVm {
  readonly spec: SimulatedVmSpec;
  readonly furnish?: (bed: SimulatedTestbed, vm: SimulatedVm) => Promise<void>;
}

const take = (bed: SimulatedTestbed, { uuid }: SimulatedVm, name: string, ...more: string[]) =>
  bed.virsh(['snapshot-create-as', uuid, `--name=${name}`, ...more]);

async function furnishTree(bed: SimulatedTestbed, vm: SimulatedVm): Promise<void> {
  const keep = async (name: string, byte: number, ...more: string[]) => {
    await bed.writeGuestDisk(vm, 'vdb', byte);
    await take(bed, vm, name, ...more);
  };
  const revert = (name: string) => bed.virsh(['snapshot-revert', vm.uuid, `--snapshotname=${name}`]);
  await keep('clean install', 0x11, '--description=Straight from the installer');
  await bed.virsh(['start', vm.uuid]);
  await keep('configured', 0x22, `--description=${treeDescription}`);
  await keep('before update', 0x33);
  await keep('after update', 0x44, '--description=Worked');
  await revert('configured');
  await keep('experiment', 0x55);
  await revert('clean install');
  await keep('offline copy', 0x66);
  await revert('experiment');
}

async function furnishExternal(bed: SimulatedTestbed, vm: SimulatedVm): Promise<void> {
  for (const [index, name] of ['before upgrade', 'upgraded', 'latest'].entries()) {
    await bed.writeGuestDisk(vm, 'vda', 0xa1 + index, (index + 1) * mebibyte);
    await take(bed, vm, name, '--disk-only', '--atomic', '--diskspec', 'vdb,snapshot=no');
  }
}

async function furnishMixed(bed: SimulatedTestbed, vm: SimulatedVm): Promise<void> {
  await take(bed, vm, 'external 1', '--disk-only', '--atomic');
  await take(bed, vm, 'external 2', '--disk-only', '--atomic');
  await bed.writeGuestDisk(vm, 'vdb', 0x5a);
  await take(bed, vm, 'internal on top');
}

async function furnishHostile(bed: SimulatedTestbed, { uuid }: SimulatedVm): Promise<void> {
  const escape = (text: string) => text.replace(/[&<>"'\n]/g, (character) => `&#${character.charCodeAt(0)};`);
  for (const name of hostileSnapshotNames) {
    const described = `<name>${escape(name)}</name><description>${escape(`Described as ${name}`)}</description>`;
    await bed.virshWithXml(['snapshot-create', uuid], `<domainsnapshot>${described}</domainsnapshot>`);
  }
}

/** A second root and no current snapshot: on a real host this takes redefining a record. */
async function furnishRoots(bed: SimulatedTestbed, vm: SimulatedVm): Promise<void> {
  for (const name of ['first root', 'child of first', 'middle', 'second root']) await take(bed, vm, name);
  const { world } = bed.machine;
  const snapshots = world.state.vms.find(({ uuid }) => uuid === vm.uuid)?.snapshots ?? [];
  changeVm(world, vm.uuid, {
    snapshots: snapshots.map((each) => (each.name === 'second root' ? { ...each, parent: null } : each)),
    current: null,
  });
}

async function furnishMissingBacking(bed: SimulatedTestbed, { folder, images: of }: SimulatedVm): Promise<void> {
  await bed.createImage(of['vda'] ?? '', `${folder}/deleted-base.qcow2`);
}

async function furnishLoop(bed: SimulatedTestbed, { folder, images: of }: SimulatedVm): Promise<void> {
  const vda = of['vda'] ?? '';
  await bed.createImage(`${folder}/other.qcow2`, vda);
  await bed.createImage(vda, `${folder}/other.qcow2`);
}

const thin = (name: string, byte: number): TestbedVm => ({
  spec: { name, disks: [{ target: 'vda', backing: thinBase }, { target: 'vdb' }] },
  furnish: (bed, vm) => bed.writeGuestDisk(vm, 'vda', byte, 2 * mebibyte),
});

const testbedVms: readonly TestbedVm[] = [
  { spec: { name: 'snaptree-first', running: true } },
  { spec: { name: '1' } },
  { spec: { name: 'snaptree-fresh', running: true } },
  { spec: { name: 'snaptree-tree' }, furnish: furnishTree },
  { spec: { name: 'snaptree-external', running: true }, furnish: furnishExternal },
  { spec: { name: 'snaptree-mixed' }, furnish: furnishMixed },
  thin('snaptree-thin-a', 0x7a),
  thin('snaptree-thin-b', 0x7b),
  {
    // The interpreter (just-bash 3.4.2) finds no files by patterns in folders with one of ()[]|*?\ in their names.
    spec: { name: hostileName, folder: `hostile; $HOME "& 'folder'`, disks: [{ target: 'vda' }] },
    furnish: furnishHostile,
  },
  { spec: { name: 'snaptree-raw', disks: [{ target: 'vda' }, { target: 'vdb', format: 'raw' }] } },
  { spec: { name: 'snaptree-missing-backing' }, furnish: furnishMissingBacking },
  { spec: { name: 'snaptree-loop' }, furnish: furnishLoop },
  { spec: { name: 'snaptree-roots' }, furnish: furnishRoots },
];

export const testbedVmNames: readonly string[] = testbedVms.map(({ spec }) => spec.name);

/** Makes the VM of that name anew. */
export async function resetTestbedVm(bed: SimulatedTestbed, name: string): Promise<SimulatedVm> {
  const found = testbedVms.find(({ spec }) => spec.name === name);
  if (!found) throw new Error(`The testbed has no VM ${name}.`);
  const { spec, furnish } = found;
  await bed.deleteVirtualMachine({
    name,
    uuid: uuidFor(bed.machine, name),
    folder: `${images}/${spec.folder ?? name}`,
    images: {},
  });
  const vm = await bed.createVirtualMachine(spec);
  await furnish?.(bed, vm);
  return vm;
}

/** Makes all of them; gives their handles by name. */
export async function furnishTestbed(bed: SimulatedTestbed): Promise<ReadonlyMap<string, SimulatedVm>> {
  bed.machine.files.putImage(thinBase, newImage({ virtualBytes: gibibyte }));
  const made = new Map<string, SimulatedVm>();
  for (const name of testbedVmNames) made.set(name, await resetTestbedVm(bed, name));
  return made;
}
