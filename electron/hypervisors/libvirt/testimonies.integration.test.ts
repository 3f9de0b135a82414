/** What definitions, records, saved memory and headers say of an image, on real libvirts: who is found to need it. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../e2e/testbeds/index.ts';
import { run } from '../../../e2e/testbeds/run.ts';
import type { Inventory, ReadableVm } from '../../../shared/model/inventory.ts';
import type { Finding } from '../../../shared/model/report.ts';
import { chainOfDisk, dependentsIndex, dependentsOf, imagesById } from '../../../shared/rules/chains/chains.ts';
import { wordsOfUse } from '../../../shared/rules/chains/dependents.ts';
import { findingsOf } from '../../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../../shared/rules/findings/report-thresholds.ts';
import { forgetBackingFormat } from '../../images/scan/images.fixtures.ts';
import { createLocalRunner } from '../../hosts/commands/local-runner.fixtures.ts';
import { planLibvirt } from './plan/plan.ts';
import { readLibvirt } from './read/read.ts';

const uri = 'qemu:///system';

onEachLibvirt(suite, { sampled: true });

function suite(version: testbed.LibvirtVersion): void {
  const place = testbed.placeOf(version);
  const runner = createLocalRunner(place.root);
  const folder = join(place.images, 'snaptree-truth');
  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const made: testbed.VirtualMachine[] = [];
  let base: testbed.VirtualMachine;

  beforeAll(async () => {
    await testbed.up();
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    for (const vm of made.splice(0)) await testbed.deleteVirtualMachine(vm);
    rmSync(folder, { recursive: true, force: true });
  });

  async function create(name: string, spec: Partial<testbed.VirtualMachineSpec> = {}) {
    const vm = await testbed.createVirtualMachine({
      name: `snaptree-truth-${name}`,
      disks: [{ target: 'vda', size: 64 * 1024 ** 2 }],
      version,
      ...spec,
    });
    made.push(vm);
    return vm;
  }

  /** The VM `a` with the internal snapshot `s0`, and data of its own on both sides of it. */
  async function createBase() {
    base = await create('a');
    await testbed.writeGuestDisk(base, 'vda', 0xaa, 1024 ** 2);
    await virsh('snapshot-create-as', base.uuid, 's0');
    await testbed.writeGuestDisk(base, 'vda', 0xbb, 1024 ** 2);
    return base.images['vda'] ?? '';
  }

  /** Defines the VM `name` anew with another disk. */
  async function redefine(vm: testbed.VirtualMachine, disk: string, more = ''): Promise<void> {
    const { stdout } = await virsh('dumpxml', '--inactive', vm.uuid);
    const xml = stdout.replace(/<disk [^]*<\/disk>/, disk).replace('</devices>', `${more}</devices>`);
    await testbed.virshWithXml(['define'], xml, [], { version });
  }

  const read = () => readLibvirt(runner, uri, { priority: 'user' });
  const vmIn = ({ vms }: Inventory, { uuid }: { readonly uuid: string }): ReadableVm => {
    const found = vms.find((vm) => vm.uuid === uuid);
    if (!found?.readable) throw new Error(`${uuid} was not read`);
    return found;
  };
  const revertOf = (inventory: Inventory) =>
    planLibvirt(uri, { action: 'revertToSnapshot', saveAs: null, vmUuid: base.uuid, snapshotId: 's0' }, inventory);
  const dependents = (inventory: Inventory, imageId: string) => dependentsOf(imageId, dependentsIndex(inventory));
  const findings = (inventory: Inventory, path: string): readonly Finding[] =>
    findingsOf('host', inventory, defaultReportThresholds, inventory.readAt).filter((found) => found.path === path);

  describe('a clone whose definition names no format', () => {
    it('keeps its base from being changed, and is what a revert would have changed without a word', async () => {
      const image = await createBase();
      const clone = join(folder, 'clone.qcow2');
      mkdirSync(folder, { recursive: true });
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', clone]);
      const b = await create('b');
      await redefine(
        b,
        `<disk type='file' device='disk'><source file='${clone}'/><target dev='vda' bus='virtio'/></disk>`,
      );
      const inventory = await read();
      expect(vmIn(inventory, b).disks).toMatchObject([{ imageId: clone, format: 'raw' }]);
      expect(dependents(inventory, image)).toMatchObject({ childImageIds: [], possibleChildIds: [clone] });
      expect(revertOf(inventory).refusals.map(({ code }) => code)).toEqual(['imageMayHaveDependents']);
      expect(findings(inventory, image).filter(({ code }) => code === 'fileWithoutRecord')).toEqual([]);
      expect(findings(inventory, clone).map(({ code }) => code)).toContain('formatContradicted');

      // What the refusal is for: the overlay reads other data after what the plan would have done.
      expect(await testbed.hasPattern(clone, 0xbb, 1024 ** 2)).toBe(true);
      await virsh('snapshot-revert', base.uuid, 's0');
      expect(await testbed.hasPattern(clone, 0xbb, 1024 ** 2)).toBe(false);

      // The remedy that the finding names makes it an overlay like any other.
      await redefine(
        b,
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${clone}'/><target dev='vda' bus='virtio'/></disk>`,
      );
      const mended = await read();
      expect(dependents(mended, image)).toMatchObject({ childImageIds: [clone], possibleChildIds: [] });
      expect(revertOf(mended).refusals.map(({ code }) => code)).toContain('imageHasDependents');
      expect(findings(mended, clone).map(({ code }) => code)).not.toContain('formatContradicted');
    });
  });

  it('an overlay in a part of a file: what it hangs on is not known, and nothing that may be it is set back', async () => {
    const image = await createBase();
    mkdirSync(folder, { recursive: true });
    const inner = join(folder, 'inner.qcow2');
    const outer = join(folder, 'outer.img');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', inner]);
    await run('truncate', ['--size=4M', outer]);
    await run('dd', ['status=none', 'conv=notrunc', 'bs=1M', 'seek=1', `if=${inner}`, `of=${outer}`]);
    rmSync(inner);
    const b = await create('slice');
    await redefine(
      b,
      `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${outer}'><slices><slice type='storage' offset='1048576' size='2097152'/></slices></source><target dev='vda' bus='virtio'/></disk>`,
    );
    const inventory = await read();
    const { refusals } = revertOf(inventory);
    expect(refusals.map(({ code }) => code)).toEqual(['dependentsUnknown']);
    expect(refusals[0]?.message).toContain(`slice:${outer}`);
    expect(findings(inventory, outer)).toEqual([]);
  });

  it('a volume without a format is raw for libvirt, whatever its pool says of it', async () => {
    const image = await createBase();
    mkdirSync(folder, { recursive: true });
    const clone = join(folder, 'clone.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', clone]);
    const pool = 'snaptree-truth-pool';
    await virsh('pool-create-as', pool, 'dir', '--target', folder);
    try {
      expect((await virsh('vol-dumpxml', '--pool', pool, 'clone.qcow2')).stdout).toContain("<format type='qcow2'/>");
      const b = await create('b');
      await redefine(
        b,
        `<disk type='volume' device='disk'><source pool='${pool}' volume='clone.qcow2'/><target dev='vda' bus='virtio'/></disk>`,
      );
      const inventory = await read();
      expect(vmIn(inventory, b).disks).toMatchObject([{ imageId: clone, format: 'raw' }]);
      expect(revertOf(inventory).refusals.map(({ code }) => code)).toEqual(['imageMayHaveDependents']);
      expect(findings(inventory, clone)).toMatchObject([{ code: 'formatContradicted', severity: 'critical' }]);
      await virsh('start', b.uuid);
      expect((await virsh('dumpxml', b.uuid)).stdout).toContain("<driver name='qemu' type='raw'/>");
    } finally {
      await virsh('pool-destroy', pool);
    }
  });

  it.each([
    ['a format', (base: string) => `{"driver":"qcow2","file":{"driver":"file","filename":"${base}"}}`],
    [
      'a filter',
      (base: string) => `{"driver":"raw","file":{"driver":"qcow2","file":{"driver":"file","filename":"${base}"}}}`,
    ],
  ])(
    'a json: reference that names %s: libvirt will not start it, and does after what mends it',
    async (_, referenceTo) => {
      mkdirSync(folder, { recursive: true });
      const bottom = join(folder, 'base.qcow2');
      const overlay = join(folder, 'overlay.qcow2');
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', bottom, '64M']);
      const reference = `json:${referenceTo(bottom)}`;
      await run('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', '-b', reference, '-F', 'qcow2', overlay, '64M']);
      const vm = await create('json');
      await redefine(
        vm,
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${overlay}'/><target dev='vda' bus='virtio'/></disk>`,
      );
      const [found] = findings(await read(), overlay);
      expect(found).toMatchObject({ code: 'vmWillNotStart', severity: 'critical' });
      await expect(virsh('start', vm.uuid)).rejects.toThrow(/JSON backing volume driver 'qcow2'/);
      await run('sh', ['-c', /qemu-img rebase .*$/.exec(found?.remedy ?? '')?.[0] ?? 'false']);
      expect(findings(await read(), overlay)).toEqual([]);
      await virsh('start', vm.uuid);
    },
  );

  it.each([
    ['a path', (base: string) => base, false],
    [
      'a json: reference that says raw',
      (base: string) => `json:{"driver":"raw","file":{"driver":"file","filename":"${base}"}}`,
      true,
    ],
  ])(
    'an overlay that records no format, by %s: libvirt will not start it, and does after what mends it',
    async (_, reference, isContradicted) => {
      mkdirSync(folder, { recursive: true });
      const bottom = join(folder, 'base.qcow2');
      const overlay = join(folder, 'overlay.qcow2');
      const lowest = join(folder, 'lowest.qcow2');
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', lowest, '64M']);
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', lowest, '-F', 'qcow2', bottom]);
      await run('qemu-img', [
        'create',
        '-q',
        '-u',
        '-f',
        'qcow2',
        '-b',
        reference(bottom),
        '-F',
        'raw',
        overlay,
        '64M',
      ]);
      forgetBackingFormat(overlay);
      const vm = await create('unrecorded');
      await redefine(
        vm,
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${overlay}'/><target dev='vda' bus='virtio'/></disk>`,
      );
      const inventory = await read();
      const [found] = findings(inventory, overlay).filter(({ code }) => code === 'vmWillNotStart');
      expect(found?.message).toContain(`does not record the format of its backing image ${bottom}, which is qcow2`);
      expect(findings(inventory, bottom).map(({ code }) => code)).toEqual(isContradicted ? ['formatContradicted'] : []);
      await expect(virsh('start', vm.uuid)).rejects.toThrow(/was not specified in the image metadata/);
      // By the command that is named, and by a definition that spells the chain out.
      await redefine(
        vm,
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${overlay}'/><backingStore type='file'><format type='qcow2'/><source file='${bottom}'/><backingStore type='file'><format type='qcow2'/><source file='${lowest}'/><backingStore/></backingStore></backingStore><target dev='vda' bus='virtio'/></disk>`,
      );
      expect(findings(await read(), overlay).map(({ code }) => code)).not.toContain('vmWillNotStart');
      await virsh('start', vm.uuid);
      await virsh('destroy', vm.uuid);
      await redefine(
        vm,
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${overlay}'/><target dev='vda' bus='virtio'/></disk>`,
      );
      await run('sh', ['-c', /qemu-img rebase .*$/.exec(found?.remedy ?? '')?.[0] ?? 'false']);
      expect(findings(await read(), overlay)).toEqual([]);
      await virsh('start', vm.uuid);
    },
  );

  describe('an image is used by whoever names it', () => {
    it('as what a block job writes to, and until it ends', async () => {
      const vm = await create('job', { running: true });
      const copy = join(vm.folder, 'copy.qcow2');
      await virsh('blockcopy', vm.uuid, 'vda', '--dest', copy, '--transient-job', '--wait');
      const inventory = await read();
      expect((vmIn(inventory, vm).uses ?? []).map((use) => [use.imageId, wordsOfUse(use)])).toContainEqual([
        copy,
        'what a block job of disk vda writes to',
      ]);
      expect(dependents(inventory, copy).vms.map(({ name }) => name)).toEqual([vm.name]);
      expect(findings(inventory, copy)).toEqual([]);
      await virsh('blockjob', vm.uuid, 'vda', '--abort');
      const [left] = findings(await read(), copy);
      expect(left?.code).toBe('fileWithoutRecord');
    });

    it('as saved memory, a next start, an argument and whatever libvirt has an element for', async () => {
      const image = await createBase();
      const vm = await create('names', { running: true });
      await virsh('managedsave', vm.uuid);
      // Saved with the old disk, defined with the base of another VM; and named by a file of firmware, through a link.
      // In a folder that nothing looks through.
      mkdirSync(join(folder, '.elsewhere'), { recursive: true });
      const link = join(folder, '.elsewhere/link');
      symlinkSync(image, link);
      const saved = vm.images['vda'] ?? '';
      await redefine(
        vm,
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${join(folder, 'other.qcow2')}'/><target dev='vda' bus='virtio'/></disk>`,
        `<serial type='file'><source path='${join(folder, 'serial')}'/><log file='${link}'/><target port='1'/></serial>`,
      );
      const inventory = await read();
      expect((vmIn(inventory, vm).uses ?? []).map((use) => [use.imageId, wordsOfUse(use)])).toEqual([
        [image, 'log (devices/serial/log)'],
        [saved, 'disk vda in its saved memory'],
      ]);
      expect(revertOf(inventory).refusals.map(({ code }) => code)).toContain('imageHasDependents');
      expect(findings(inventory, saved)).toEqual([]);
    });
  });

  it('an image that only the record of a snapshot names is used by that VM', async () => {
    const image = await createBase();
    const vm = await create('record');
    mkdirSync(join(folder, '.elsewhere'), { recursive: true });
    const link = join(folder, '.elsewhere/link');
    symlinkSync(image, link);
    const disk = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${vm.images['vda'] ?? ''}'/><target dev='vda' bus='virtio'/></disk>`;
    const { stdout: before } = await virsh('dumpxml', '--inactive', vm.uuid);
    await redefine(
      vm,
      disk,
      `<serial type='file'><source path='/dev/null'/><log file='${link}'/><target port='1'/></serial>`,
    );
    await virsh('snapshot-create-as', vm.uuid, 's1');
    await virsh('snapshot-create-as', vm.uuid, 's2');
    await testbed.virshWithXml(['define'], before, [], { version });
    const inventory = await read();
    expect(
      vmIn(inventory, vm).uses?.map(({ imageId, use, by, snapshotName }) => [imageId, use, by, snapshotName]),
    ).toEqual([[image, 'log', 'snapshot', 's1']]);
    expect(revertOf(inventory).refusals).toMatchObject([{ code: 'imageHasDependents', names: [`VM ${vm.name}`] }]);
  });

  it('a relative reference counts from the path by which each VM opens the image', async () => {
    mkdirSync(join(folder, 'disk/sub'), { recursive: true });
    mkdirSync(join(folder, 'elsewhere'), { recursive: true });
    const raw = join(folder, 'disk/raw');
    const image = join(folder, 'disk/sub/rel.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'raw', raw, '1M']);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-u', '-b', '../raw', '-F', 'raw', image, '1M']);
    symlinkSync(image, join(folder, 'elsewhere/link.qcow2'));
    const disk = (path: string) =>
      `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${path}'/><target dev='vda' bus='virtio'/></disk>`;
    const [a, b] = [await create('here'), await create('there')];
    await redefine(a, disk(image));
    await redefine(b, disk(join(folder, 'elsewhere/link.qcow2')));
    const inventory = await read();
    const endOf = (vm: testbed.VirtualMachine) => {
      const [first] = vmIn(inventory, vm).disks;
      const chain = first ? chainOfDisk(first, imagesById(inventory.images)) : null;
      return [chain?.end, chain?.endReference];
    };
    expect([endOf(a), endOf(b)]).toEqual([
      ['base', null],
      ['missing', join(folder, 'raw')],
    ]);
    // libvirt is of the same opinion.
    await virsh('start', a.uuid);
    await virsh('destroy', a.uuid);
    await expect(virsh('start', b.uuid)).rejects.toThrow(/raw/);
  });

  it('a disk on the network or in a pool that is gone concerns no other VM’s images', async () => {
    const image = await createBase();
    const network = await create('network');
    await redefine(
      network,
      `<disk type='network' device='disk'><driver name='qemu' type='qcow2'/><source protocol='nbd' name='x'><host name='127.0.0.1' port='1'/></source><target dev='vda' bus='virtio'/></disk>
      <disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='snaptree-gone' volume='v.qcow2'/><target dev='vdb' bus='virtio'/></disk>`,
    );
    const plan = revertOf(await read());
    expect(plan.refusals).toEqual([]);
    const [warning] = plan.warnings.filter(({ code }) => code === 'dependentsNotRuledOut');
    expect(warning?.names).toEqual(['nbd://127.0.0.1:1/x', 'snaptree-gone/v.qcow2']);
    expect(warning?.message).toContain('pool-define');

    // It may be the volume of that name.
    await redefine(
      network,
      `<disk type='volume' device='disk'><source pool='snaptree-gone' volume='vda.qcow2'/><target dev='vdb' bus='virtio'/></disk>`,
    );
    const [refusal] = revertOf(await read()).refusals;
    expect(refusal).toMatchObject({ code: 'dependentsUnknown', names: ['snaptree-gone/vda.qcow2'] });
    expect(image).toMatch(/vda.qcow2$/);
  });

  it('a chain of more images than libvirt takes is said to keep the VM from starting', async () => {
    mkdirSync(folder, { recursive: true });
    const layer = (index: number) => join(folder, `${String(index)}.qcow2`);
    const steps = Array.from({ length: 200 }, (_, index) => index + 1).map(
      (index) => `qemu-img create -q -u -f qcow2 -b ${layer(index - 1)} -F qcow2 ${layer(index)} 1M`,
    );
    await run('sh', ['-ec', [`qemu-img create -q -f qcow2 ${layer(0)} 1M`, ...steps].join('\n')]);
    const vm = await create('long');
    const on = (index: number) =>
      redefine(
        vm,
        `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${layer(index)}'/><target dev='vda' bus='virtio'/></disk>`,
      );
    await on(200);
    const [found] = findings(await read(), layer(200));
    expect(found).toMatchObject({ code: 'chainBeyondLimit', severity: 'critical' });
    await expect(virsh('start', vm.uuid)).rejects.toThrow(/too deeply nested|more than 200 layers/);
    await on(199);
    expect(findings(await read(), layer(199)).map(({ code }) => code)).toEqual(['chainTooLong']);
  });

  it('a snapshot whose record holds no whole definition keeps its place, and is not reverted to', async () => {
    // What the QEMU driver keeps from before it kept whole definitions; the test driver takes it, as in libvirt's own tests.
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'node.xml');
    const uuid = '00000000-0000-4000-8000-00000000000a';
    const snapshot = (name: string, more: string) =>
      `<test:domainsnapshot><name>${name}</name><state>shutoff</state>${more}<creationTime>1700000000</creationTime></test:domainsnapshot>`;
    writeFileSync(
      file,
      `<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>old</name><uuid>${uuid}</uuid><memory>8192</memory><os><type>hvm</type></os>${snapshot('s0', '<active>1</active>')}${snapshot('child', '<parent><name>s0</name></parent><active>0</active>')}</domain></node>`,
    );
    const inventory = await readLibvirt(runner, `test://${file}`, { priority: 'user' });
    const vm = vmIn(inventory, { uuid });
    expect(vm.currentSnapshotId).toBe('s0');
    expect(vm.snapshots.toSorted((a, b) => a.id.localeCompare(b.id))).toMatchObject([
      { id: 'child', parentId: 's0', createdAt: 1_700_000_000 },
      { id: 's0', parentId: null, createdAt: 1_700_000_000, vmState: 'shutoff' },
    ]);
    expect(vm.snapshots.every(({ unknownPart }) => unknownPart?.includes('definition of the VM'))).toBe(true);
    const about = { vmUuid: uuid, snapshotId: 's0' };
    for (const request of [
      { action: 'revertToSnapshot', ...about, saveAs: null },
      { action: 'deleteSnapshot', ...about, withDescendants: false },
    ] as const) {
      expect(planLibvirt(uri, request, inventory).refusals.map(({ code }) => code)).toContain('recordIncomplete');
    }
  });
}
