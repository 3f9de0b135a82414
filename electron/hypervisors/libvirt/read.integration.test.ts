/** The reading of a real libvirt, checked against what the tools say when they are asked one thing at a time. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as testbed from '../../../e2e/testbeds/index.ts';
import { escapeXml } from '../../../e2e/testbeds/virtual-machine.ts';
import { inventorySchema, type Inventory, type ReadableVm } from '../../../shared/model/inventory.ts';
import { chainFrom, dependentsIndex, dependentsOf, imagesById } from '../../../shared/rules/chains.ts';
import { createLocalRunner } from '../../hosts/local-runner.fixtures.ts';
import { quoteArgument } from '../../hosts/quoting.ts';
import type { CommandRunner } from '../../hosts/runner.ts';
import { probeLibvirt, readLibvirt } from './read.ts';

const uri = 'qemu:///system';

beforeAll(async () => {
  await testbed.up();
});

function vmOf(inventory: Inventory, uuid: string): ReadableVm {
  const vm = inventory.vms.find((each) => each.uuid === uuid);
  if (!vm?.readable) throw new Error(`${uuid} is not readable: ${vm?.reason}`);
  return vm;
}

const messages = (vm: ReadableVm): string => vm.problems.map(({ message }) => message).join('\n');

for (const { version, up, reason } of testbed.libvirtVersions()) {
  describe.skipIf(!up)(`libvirt ${version}${reason === '' ? '' : ` (${reason})`}`, () => {
    readingSuite(version);
  });
}

function readingSuite(version: testbed.LibvirtVersion): void {
  const place = testbed.placeOf(version);
  const runner = createLocalRunner(place.root);
  const virsh = (args: readonly string[], options: Parameters<typeof testbed.virsh>[1] = {}) =>
    testbed.virsh(args, { ...options, version });
  const virshWithXml = (args: readonly string[], xml: string) => testbed.virshWithXml(args, xml, [], { version });
  const fixtureVirtualMachine = (name: string) => testbed.fixtureVirtualMachine(name, version);

  async function read(as: CommandRunner = runner, at = uri): Promise<Inventory> {
    return inventorySchema.parse(await readLibvirt(as, at, { priority: 'user' }));
  }

  /** A runner whose scripts run as another user of this machine. */
  function asUser(user: string): CommandRunner {
    return {
      hostName: runner.hostName,
      run: (command) => runner.run(command),
      follow: (script) => runner.follow(script),
      runScript: (script) =>
        runner.runScript({
          ...script,
          script: `exec runuser -u ${quoteArgument(user)} -- sh -c ${quoteArgument(script.script)} </dev/null\n`,
        }),
    };
  }

  describe('the testbed', () => {
    let inventory: Inventory;
    const fixture = (name: string): ReadableVm => vmOf(inventory, fixtureVirtualMachine(name).uuid);

    beforeAll(async () => {
      await testbed.resetVirtualMachine('snaptree-tree', version);
      await testbed.resetVirtualMachine('snaptree-external', version);
      await testbed.resetVirtualMachine('snaptree-mixed', version);
      inventory = await read();
    });

    it('is read in two round trips, whatever its names', async () => {
      const before = runner.roundTrips();
      await read();
      expect(runner.roundTrips() - before).toBe(2);
    });

    it('holds every VM, with its state and its active layers', async () => {
      for (const { spec } of testbed.fixtures) {
        const vm = fixtureVirtualMachine(spec.name);
        const found = vmOf(inventory, vm.uuid);
        expect(found.name).toBe(spec.name);
        expect(found.state).toBe((await testbed.stateOf(vm.uuid, version)) === 'running' ? 'running' : 'shutoff');
        expect(found.memoryBytes).toBe(32 * 1024 ** 2);
        for (const disk of found.disks) {
          expect(disk.source).toBe(await testbed.activeImage(vm, disk.target));
          expect(disk.imageId).toBe(disk.source);
        }
      }
    });

    it('does not take a VM called 1 for the VM with the id 1', () => {
      expect(fixture('1')).toMatchObject({ name: '1', state: 'shutoff' });
    });

    it('says which versions it runs', async () => {
      const { stdout } = await virsh(['version', '--daemon']);
      expect(stdout).toContain(`Running against daemon: ${inventory.hypervisor.version ?? '?'}\n`);
      expect(stdout).toContain(`Running hypervisor: ${inventory.hypervisor.emulator ?? '?'}\n`);
      expect(await probeLibvirt(runner, uri)).toMatch(/^libvirt \d+\.\d+\.\d+ with QEMU \d/);
    });

    it('has the tree of internal snapshots', async () => {
      const vm = fixture('snaptree-tree');
      const parents = {
        'clean install': null,
        configured: 'clean install',
        'before update': 'configured',
        'after update': 'before update',
        experiment: 'configured',
        'offline copy': 'clean install',
      } as const;
      const expected = (Object.keys(parents) as (keyof typeof parents)[]).map((name) => {
        const parent = parents[name];
        return [testbed.treeName(name, version), parent === null ? null : testbed.treeName(parent, version)];
      });
      expect(vm.snapshots.map(({ name, parentId }) => [name, parentId]).sort()).toEqual(expected.sort());
      expect(vm.currentSnapshotId).toBe((await virsh(['snapshot-current', vm.uuid, '--name'])).stdout.trim());
      const configured = vm.snapshots.find(({ name }) => name === 'configured');
      expect(configured).toMatchObject({
        kind: 'internal',
        vmState: 'running',
        description: testbed.treeDescription,
        memory: { kind: 'internal' },
      });
      expect(vm.snapshots.find(({ name }) => name === testbed.treeName('clean install', version))).toMatchObject({
        vmState: 'shutoff',
        memory: { kind: 'none' },
      });
      const images = imagesById(inventory.images);
      for (const disk of vm.disks) {
        const held = images.get(disk.imageId ?? '')?.internalSnapshots.map(({ name }) => name);
        expect(held).toEqual(await testbed.internalSnapshotsOf(disk.imageId ?? ''));
      }
      expect(vm.problems).toEqual([]);
    });

    it('has the external chain: data in the lower image, overlay above it', () => {
      const { folder, uuid } = fixtureVirtualMachine('snaptree-external');
      const vm = vmOf(inventory, uuid);
      const layers = ['vda.latest', 'vda.upgraded', 'vda.before upgrade', 'vda.qcow2'].map((file) =>
        join(folder, file),
      );
      const chain = chainFrom(vm.disks[0]?.imageId ?? '', imagesById(inventory.images));
      expect(chain.images.map(({ id }) => id)).toEqual(layers);
      expect(chain.end).toBe('base');
      const disks = new Map(vm.snapshots.map(({ name, disks: [vda] }) => [name, vda]));
      expect(disks.get('before upgrade')).toEqual({
        target: 'vda',
        kind: 'external',
        dataImageId: layers[3],
        overlayImageId: layers[2],
      });
      expect(disks.get('latest')).toEqual({
        target: 'vda',
        kind: 'external',
        dataImageId: layers[1],
        overlayImageId: layers[0],
      });
      expect(vm.snapshots.every(({ kind, vmState }) => kind === 'external' && vmState === 'disk-only')).toBe(true);
    });

    it('has the internal snapshot that lives in an overlay there', () => {
      const vm = fixture('snaptree-mixed');
      const active = vm.disks[0]?.imageId;
      const snapshot = vm.snapshots.find(({ name }) => name === 'internal on top');
      expect(snapshot).toMatchObject({
        kind: 'internal',
        parentId: 'external 2',
        disks: [{ dataImageId: active }, {}],
      });
      const names = imagesById(inventory.images)
        .get(active ?? '')
        ?.internalSnapshots.map(({ name }) => name);
      expect(names).toEqual(['internal on top']);
    });

    it('knows that both thin VMs depend on their base', () => {
      const { vms, childImageIds } = dependentsOf(testbed.thinBaseAt(version), dependentsIndex(inventory));
      const a = fixtureVirtualMachine('snaptree-thin-a');
      const b = fixtureVirtualMachine('snaptree-thin-b');
      expect(vms.map(({ uuid }) => uuid).sort()).toEqual([a.uuid, b.uuid].sort());
      expect([...childImageIds].sort()).toEqual([a.images['vda'], b.images['vda']].sort());
    });

    it('reads hostile names of VM, folder and snapshots', () => {
      const vm = fixture(testbed.hostileName);
      expect(vm.snapshots.map(({ name }) => name).sort()).toEqual([...testbed.hostileSnapshotNames].sort());
      for (const snapshot of vm.snapshots) expect(snapshot.description).toBe(`Described as ${snapshot.name}`);
      expect(vm.currentSnapshotId).toBe(testbed.hostileSnapshotNames.at(-1));
      expect(vm.problems).toEqual([]);
    });

    it('has several roots', () => {
      const roots = fixture('snaptree-roots').snapshots.filter(({ parentId }) => parentId === null);
      expect(roots.map(({ name }) => name).sort()).toEqual(['first root', 'second root']);
    });

    it('has the loop and the missing backing image', () => {
      const images = imagesById(inventory.images);
      const endOf = (name: string) => chainFrom(fixture(name).disks[0]?.imageId ?? '', images).end;
      expect(endOf('snaptree-loop')).toBe('loop');
      expect(endOf('snaptree-missing-backing')).toBe('missing');
    });
  });

  describe('a VM to meddle with', () => {
    const spec = { name: 'snaptree-reading', disks: [{ target: 'vda' }], version };
    let vm: testbed.VirtualMachine;

    beforeAll(async () => {
      await testbed.deleteVirtualMachine(spec);
      vm = await testbed.createVirtualMachine(spec);
    });

    afterAll(async () => {
      await testbed.deleteVirtualMachine(spec);
    });

    it('whose snapshot names can only be told apart together', async () => {
      const names = ['a', 'b', 'a\nb', 'b\na', 'a\n\nb', ' a', 'a ', '-a', "'", '\\', '#', ';', 'a;b', '<!--', '&amp;'];
      for (const name of names) {
        const xml = `<domainsnapshot><name>${escapeXml(name)}</name></domainsnapshot>`;
        await virshWithXml(['snapshot-create', vm.uuid], xml);
      }
      const found = vmOf(await read(), vm.uuid);
      expect(found.snapshots.map(({ name }) => name).sort()).toEqual([...names].sort());
      expect(found.currentSnapshotId).toBe(names.at(-1));
      expect(found.problems).toEqual([]);
      for (const name of names) await virsh(['snapshot-delete', vm.uuid, `--snapshotname=${name}`]);
    });

    it('with a record whose data somebody deleted, and data whose record somebody deleted', async () => {
      const image = vm.images['vda'] ?? '';
      await virsh(['snapshot-create-as', vm.uuid, '--name=kept']);
      await virsh(['snapshot-create-as', vm.uuid, '--name=lost data']);
      execFileSync('qemu-img', ['snapshot', '-d', 'lost data', image]);
      execFileSync('qemu-img', ['snapshot', '-c', 'lost record', image]);
      const inventory = await read();
      const found = vmOf(inventory, vm.uuid);
      expect(found.snapshots.map(({ name }) => name)).toEqual(['kept', 'lost data']);
      expect(found.problems).toHaveLength(1);
      expect(messages(found)).toMatch(/“lost data”.*record without data/);
      const held = imagesById(inventory.images)
        .get(image)
        ?.internalSnapshots.map(({ name }) => name);
      expect(held).toEqual(['kept', 'lost record']);
      await virsh(['snapshot-delete', vm.uuid, '--snapshotname=lost data', '--metadata']);
      await virsh(['snapshot-delete', vm.uuid, '--snapshotname=kept']);
    });

    it('with an image that is gone', async () => {
      const image = vm.images['vda'] ?? '';
      renameSync(image, `${image}.away`);
      try {
        const inventory = await read();
        expect(vmOf(inventory, vm.uuid).disks[0]?.imageId).toBe(image);
        expect(imagesById(inventory.images).get(image)?.status).toBe('missing');
      } finally {
        renameSync(`${image}.away`, image);
      }
    });

    it('with a disk that is a volume of a pool', async () => {
      const pool = 'snaptree-reading';
      const { stdout: before } = await virsh(['dumpxml', vm.uuid, '--inactive']);
      await virsh(['pool-create-as', pool, 'dir', '--target', vm.folder]);
      try {
        const volume = before
          .replace("<disk type='file'", "<disk type='volume'")
          .replace(/<source file='[^']*vda.qcow2'\/>/, `<source pool='${pool}' volume='vda.qcow2'/>`);
        await virshWithXml(['define'], volume);
        expect(vmOf(await read(), vm.uuid).disks[0]).toMatchObject({
          imageId: vm.images['vda'],
          source: `${pool}/vda.qcow2`,
        });
        await virsh(['pool-destroy', pool]);
        const found = vmOf(await read(), vm.uuid);
        expect(found.disks[0]?.imageId).toBeNull();
        expect(messages(found)).toContain('whose path libvirt did not give');
      } finally {
        await virsh(['pool-destroy', pool], { expect: [0, 1] });
        await virshWithXml(['define'], before);
      }
    });

    it('that is saved', async () => {
      await virsh(['start', vm.uuid]);
      await virsh(['managedsave', vm.uuid]);
      try {
        expect(vmOf(await read(), vm.uuid)).toMatchObject({
          state: 'shutoff',
          stateReason: 'saved',
          hasManagedSave: true,
        });
      } finally {
        await virsh(['managedsave-remove', vm.uuid]);
      }
      expect(vmOf(await read(), vm.uuid)).toMatchObject({ hasManagedSave: false, persistent: true });
    });
  });

  describe('hosts that cannot be read', () => {
    it('a user who may not use the socket', async () => {
      const error = { code: 'permissionDenied', message: expect.stringContaining('usermod -aG libvirt') as unknown };
      await expect(read(asUser(testbed.accounts.outsider))).rejects.toMatchObject(error);
      await expect(probeLibvirt(asUser(testbed.accounts.outsider), uri)).rejects.toMatchObject(error);
    });

    it('a user who may, but cannot read the images', async () => {
      const inventory = await read(asUser(testbed.accounts.operator));
      const { uuid, folder } = fixtureVirtualMachine('snaptree-external');
      expect(vmOf(inventory, uuid).snapshots).toHaveLength(3);
      expect(imagesById(inventory.images).get(join(folder, 'vda.latest'))).toMatchObject({
        status: 'unreadable',
        problem: expect.stringContaining('Permission denied') as unknown,
      });
    });

    it('a daemon that is not there', async () => {
      await expect(read(runner, 'qemu+unix:///system?socket=/nonexistent/sock')).rejects.toMatchObject({
        code: 'daemonUnavailable',
      });
    });

    it('a URI that is none', async () => {
      await expect(read(runner, `foo'; touch /tmp/x`)).rejects.toMatchObject({ code: 'commandFailed' });
    });

    it('no virsh', async () => {
      const without: CommandRunner = {
        ...runner,
        runScript: (script) => runner.runScript({ ...script, script: `PATH=/nonexistent\n${script.script}` }),
      };
      await expect(read(without)).rejects.toMatchObject({ code: 'commandNotFound' });
      await expect(probeLibvirt(without, uri)).rejects.toMatchObject({ code: 'commandNotFound' });
    });
  });

  describe('a host of libvirt’s test driver', () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(place.images, 'snaptree-read-'));
    });

    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it('with 50 VMs of 20 snapshots is read in two round trips', async () => {
      const uuid = (vm: number) => `00000000-0000-4000-8000-${String(vm).padStart(12, '0')}`;
      const count = (number: number) => Array.from({ length: number }, (_, index) => index);
      const definition = (vm: number) =>
        `<name>vm ${vm}</name><uuid>${uuid(vm)}</uuid><memory>8192</memory><os><type>hvm</type></os>` +
        `<devices><disk type='file'><driver name='qemu' type='qcow2'/><source file='/nonexistent/${vm}'/><target dev='vda'/></disk></devices>`;
      const snapshot = (vm: number, index: number) =>
        `<test:domainsnapshot><name>snapshot ${index}</name><state>running</state>` +
        (index === 0 ? '' : `<parent><name>snapshot ${index - 1}</name></parent>`) +
        `<creationTime>${1_700_000_000 + index}</creationTime><active>${index === 19 ? 1 : 0}</active>` +
        `<domain type='test'>${definition(vm)}</domain></test:domainsnapshot>`;
      const domains = count(50).map(
        (vm) =>
          `<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>${definition(vm)}` +
          `${count(20)
            .map((index) => snapshot(vm, index))
            .join('')}</domain>`,
      );
      const file = join(folder, 'node.xml');
      writeFileSync(file, `<node>${domains.join('')}</node>`);
      const before = runner.roundTrips();
      const inventory = await read(runner, `test://${file}`);
      expect(runner.roundTrips() - before).toBe(2);
      expect(inventory.vms).toHaveLength(50);
      for (const vm of count(50)) {
        const found = vmOf(inventory, uuid(vm));
        expect(found.name).toBe(`vm ${vm}`);
        expect(found.snapshots.map(({ name }) => name).sort()).toEqual(
          count(20)
            .map((index) => `snapshot ${index}`)
            .sort(),
        );
        expect(found.snapshots.find(({ name }) => name === 'snapshot 7')?.parentId).toBe('snapshot 6');
        expect(found.currentSnapshotId).toBe('snapshot 19');
      }
    });
  });
}
