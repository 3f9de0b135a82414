/** The reading of a libvirt, checked against what the tools say when they are asked one thing at a time. */
import { posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inventorySchema, type Inventory, type ReadableVm } from '../../../../shared/model/inventory.ts';
import { chainFrom, dependentsIndex, dependentsOf, imagesById } from '../../../../shared/rules/chains/chains.ts';
import { subjectKey, unreadThings } from '../../../../shared/rules/findings/unread.ts';
import type { CommandRunner } from '../../../hosts/commands/runner.ts';
import { probeLibvirt, readLibvirt } from './read.ts';

/** What a host under test does not have; `lacking` says why, in half a sentence. */
export interface Lacking {
  readonly lacking: string;
}

export interface ReadingVm {
  readonly name: string;
  readonly uuid: string;
  readonly folder: string;
  /** The images at definition time by target. */
  readonly images: Readonly<Record<string, string>>;
}

/** What is done behind Snaptree's back, on a real host of the testbed or on a simulated one. */
export interface LibvirtUnderTest {
  /** Makes it ready, with the testbed's VMs on it. */
  up(): Promise<void>;
  down(): Promise<void>;
  /** Runs scripts on the host; only while it is up. */
  runner(): CommandRunner;
  createVirtualMachine(name: string): Promise<ReadingVm>;
  /** Also what a run that was cut off has left of it. */
  deleteVirtualMachine(name: string): Promise<void>;
  /** Rejects where virsh fails, unless that is an answer here. */
  virsh(argv: readonly string[], options?: { readonly mayFail: boolean }): Promise<{ readonly stdout: string }>;
}

/** The snapshots of the VM `snaptree-tree`. */
export type TreeSnapshot =
  'clean install' | 'configured' | 'before update' | 'after update' | 'experiment' | 'offline copy';

/** A libvirt with the VMs of the testbed (e2e/testbeds/fixtures.ts). */
export interface ReadingHost extends LibvirtUnderTest {
  /** The names of the testbed's VMs, and what is in them where it is not the same everywhere. */
  readonly fixtures: {
    readonly names: readonly string[];
    readonly hostileName: string;
    readonly hostileSnapshotNames: readonly string[];
    readonly treeDescription: string;
    treeName(name: TreeSnapshot): string;
    thinBase(): string;
  };
  fixture(name: string): ReadingVm;
  resetFixture(name: string): Promise<unknown>;
  /** virsh with a file as its last argument. */
  virshWithXml(argv: readonly string[], xml: string): Promise<unknown>;
  qemuImg(argv: readonly string[]): Promise<unknown>;
  rename(from: string, to: string): Promise<void>;
  stateOf(uuid: string): Promise<string | undefined>;
  activeImage(vm: ReadingVm, target: string): Promise<string>;
  internalSnapshotsOf(image: string): Promise<readonly string[]>;
  /** A runner for a host that has no virsh. */
  withoutVirsh(): CommandRunner;
  /** Runners of users who may not use libvirt, and who may but cannot read the images. */
  readonly accounts: { readonly outsider: () => CommandRunner; readonly operator: () => CommandRunner } | Lacking;
  /** `uriOf` gives the URI of libvirt's test driver with such a node, until `remove`. */
  readonly testDriver: { readonly uriOf: (nodeXml: string) => string; readonly remove: () => void } | Lacking;
}

const uri = 'qemu:///system';

export function vmOf(inventory: Inventory, uuid: string): ReadableVm {
  const vm = inventory.vms.find((each) => each.uuid === uuid);
  if (!vm?.readable) throw new Error(`${uuid} is not readable: ${vm?.reason}`);
  return vm;
}

/** Declares a test of something that a host under test may lack; its title says why where it is left out. */
function itWith<What extends object>(what: What | Lacking, title: string, test: (what: What) => Promise<void>): void {
  if ('lacking' in what) it.skip(`${title} (left out: ${what.lacking})`);
  else it(title, () => test(what));
}

const messages = (vm: ReadableVm): string => vm.problems.map(({ message }) => message).join('\n');

const escapeXml = (text: string): string => text.replace(/[&<>"'\n]/g, (character) => `&#${character.charCodeAt(0)};`);

/** Declares the tests of reading. */
export function readingSuite(host: ReadingHost): void {
  const { fixtures } = host;
  let runner: CommandRunner;
  let roundTrips = 0;

  beforeAll(async () => {
    await host.up();
    const inner = host.runner();
    runner = {
      hostName: inner.hostName,
      run: (command) => inner.run(command),
      follow: (script) => inner.follow(script),
      runScript(script) {
        roundTrips += 1;
        return inner.runScript(script);
      },
    };
  });

  afterAll(() => host.down());

  async function read(as: CommandRunner = runner, at = uri): Promise<Inventory> {
    return inventorySchema.parse(await readLibvirt(as, at, { priority: 'user' }));
  }

  describe('the testbed', () => {
    let inventory: Inventory;
    const fixture = (name: string): ReadableVm => vmOf(inventory, host.fixture(name).uuid);

    beforeAll(async () => {
      await host.resetFixture('snaptree-tree');
      await host.resetFixture('snaptree-external');
      await host.resetFixture('snaptree-mixed');
      inventory = await read();
    });

    it('is read in two round trips, whatever its names', async () => {
      const before = roundTrips;
      await read();
      expect(roundTrips - before).toBe(2);
    });

    it('holds every VM, with its state and its active layers', async () => {
      for (const name of fixtures.names) {
        const vm = host.fixture(name);
        const found = vmOf(inventory, vm.uuid);
        expect(found.name).toBe(name);
        expect(found.state).toBe((await host.stateOf(vm.uuid)) === 'running' ? 'running' : 'shutoff');
        expect(found.memoryBytes).toBe(32 * 1024 ** 2);
        for (const disk of found.disks) {
          expect(disk.source).toBe(await host.activeImage(vm, disk.target));
          expect(disk.imageId).toBe(disk.source);
        }
      }
    });

    it('does not take a VM called 1 for the VM with the id 1', () => {
      expect(fixture('1')).toMatchObject({ name: '1', state: 'shutoff' });
    });

    it('says which versions it runs', async () => {
      const { stdout } = await host.virsh(['version', '--daemon']);
      expect(stdout).toContain(`Running against daemon: ${inventory.hypervisor.version ?? '?'}\n`);
      expect(stdout).toContain(`Running hypervisor: ${inventory.hypervisor.emulator ?? '?'}\n`);
      const [libvirt, emulator] = (await probeLibvirt(runner, uri)).software;
      expect(libvirt).toMatchObject({ name: 'libvirt', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string });
      expect(emulator).toMatchObject({ name: 'QEMU', version: expect.stringMatching(/^\d/) as string });
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
        return [fixtures.treeName(name), parent === null ? null : fixtures.treeName(parent)];
      });
      expect(vm.snapshots.map(({ name, parentId }) => [name, parentId]).sort()).toEqual(expected.sort());
      expect(vm.currentSnapshotId).toBe((await host.virsh(['snapshot-current', vm.uuid, '--name'])).stdout.trim());
      const configured = vm.snapshots.find(({ name }) => name === 'configured');
      expect(configured).toMatchObject({
        kind: 'internal',
        vmState: 'running',
        description: fixtures.treeDescription,
        memory: { kind: 'internal' },
      });
      expect(vm.snapshots.find(({ name }) => name === fixtures.treeName('clean install'))).toMatchObject({
        vmState: 'shutoff',
        memory: { kind: 'none' },
      });
      const images = imagesById(inventory.images);
      for (const disk of vm.disks) {
        const held = images.get(disk.imageId ?? '')?.internalSnapshots.map(({ name }) => name);
        expect(held).toEqual(await host.internalSnapshotsOf(disk.imageId ?? ''));
      }
      expect(vm.problems).toEqual([]);
    });

    it('has the external chain: data in the lower image, overlay above it', () => {
      const { folder, uuid } = host.fixture('snaptree-external');
      const vm = vmOf(inventory, uuid);
      const layers = ['vda.latest', 'vda.upgraded', 'vda.before upgrade', 'vda.qcow2'].map((file) =>
        posix.join(folder, file),
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
      const { vms, childImageIds } = dependentsOf(fixtures.thinBase(), dependentsIndex(inventory));
      const a = host.fixture('snaptree-thin-a');
      const b = host.fixture('snaptree-thin-b');
      expect(vms.map(({ uuid }) => uuid).sort()).toEqual([a.uuid, b.uuid].sort());
      expect([...childImageIds].sort()).toEqual([a.images['vda'], b.images['vda']].sort());
    });

    it('reads hostile names of VM, folder and snapshots', () => {
      const vm = fixture(fixtures.hostileName);
      expect(vm.snapshots.map(({ name }) => name).sort()).toEqual([...fixtures.hostileSnapshotNames].sort());
      for (const snapshot of vm.snapshots) expect(snapshot.description).toBe(`Described as ${snapshot.name}`);
      expect(vm.currentSnapshotId).toBe(fixtures.hostileSnapshotNames.at(-1));
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
    const name = 'snaptree-reading';
    let vm: ReadingVm;

    beforeAll(async () => {
      await host.deleteVirtualMachine(name);
      vm = await host.createVirtualMachine(name);
    });

    afterAll(() => host.deleteVirtualMachine(name));

    it('whose snapshot names can only be told apart together', async () => {
      const names = ['a', 'b', 'a\nb', 'b\na', 'a\n\nb', ' a', 'a ', '-a', "'", '\\', '#', ';', 'a;b', '<!--', '&amp;'];
      for (const name of names) {
        const xml = `<domainsnapshot><name>${escapeXml(name)}</name></domainsnapshot>`;
        await host.virshWithXml(['snapshot-create', vm.uuid], xml);
      }
      const found = vmOf(await read(), vm.uuid);
      expect(found.snapshots.map(({ name }) => name).sort()).toEqual([...names].sort());
      expect(found.currentSnapshotId).toBe(names.at(-1));
      expect(found.problems).toEqual([]);
      for (const name of names) await host.virsh(['snapshot-delete', vm.uuid, `--snapshotname=${name}`]);
    });

    it('with a record whose data somebody deleted, and data whose record somebody deleted', async () => {
      const image = vm.images['vda'] ?? '';
      await host.virsh(['snapshot-create-as', vm.uuid, '--name=kept']);
      await host.virsh(['snapshot-create-as', vm.uuid, '--name=lost data']);
      await host.qemuImg(['snapshot', '-d', 'lost data', image]);
      await host.qemuImg(['snapshot', '-c', 'lost record', image]);
      const inventory = await read();
      const found = vmOf(inventory, vm.uuid);
      expect(found.snapshots.map(({ name }) => name)).toEqual(['kept', 'lost data']);
      expect(found.problems).toHaveLength(1);
      expect(messages(found)).toMatch(/“lost data”.*record without data/);
      const held = imagesById(inventory.images)
        .get(image)
        ?.internalSnapshots.map(({ name }) => name);
      expect(held).toEqual(['kept', 'lost record']);
      await host.virsh(['snapshot-delete', vm.uuid, '--snapshotname=lost data', '--metadata']);
      await host.virsh(['snapshot-delete', vm.uuid, '--snapshotname=kept']);
    });

    it('with an image that is gone', async () => {
      const image = vm.images['vda'] ?? '';
      await host.rename(image, `${image}.away`);
      try {
        const inventory = await read();
        expect(vmOf(inventory, vm.uuid).disks[0]?.imageId).toBe(image);
        expect(imagesById(inventory.images).get(image)?.status).toBe('missing');
      } finally {
        await host.rename(`${image}.away`, image);
      }
    });

    it('with a disk that is a volume of a pool', async () => {
      const pool = 'snaptree-reading';
      const { stdout: before } = await host.virsh(['dumpxml', vm.uuid, '--inactive']);
      await host.virsh(['pool-create-as', pool, 'dir', '--target', vm.folder]);
      try {
        const volume = before
          .replace("<disk type='file'", "<disk type='volume'")
          .replace(/<source file='[^']*vda.qcow2'\/>/, `<source pool='${pool}' volume='vda.qcow2'/>`);
        await host.virshWithXml(['define'], volume);
        expect(vmOf(await read(), vm.uuid).disks[0]).toMatchObject({
          imageId: vm.images['vda'],
          source: `${pool}/vda.qcow2`,
        });
        await host.virsh(['pool-destroy', pool]);
        const found = vmOf(await read(), vm.uuid);
        expect(found.disks[0]?.imageId).toBeNull();
        expect(messages(found)).toContain('whose path libvirt did not give');
      } finally {
        await host.virsh(['pool-destroy', pool], { mayFail: true });
        await host.virshWithXml(['define'], before);
      }
    });

    it('that is saved', async () => {
      await host.virsh(['start', vm.uuid]);
      await host.virsh(['managedsave', vm.uuid]);
      try {
        expect(vmOf(await read(), vm.uuid)).toMatchObject({
          state: 'shutoff',
          stateReason: 'saved',
          hasManagedSave: true,
        });
      } finally {
        await host.virsh(['managedsave-remove', vm.uuid]);
      }
      expect(vmOf(await read(), vm.uuid)).toMatchObject({ hasManagedSave: false, persistent: true });
    });
  });

  describe('hosts that cannot be read', () => {
    itWith(host.accounts, 'a user who may not use the socket', async ({ outsider }) => {
      const error = { code: 'permissionDenied', message: expect.stringContaining('usermod -aG libvirt') as unknown };
      await expect(read(outsider())).rejects.toMatchObject(error);
      await expect(probeLibvirt(outsider(), uri)).rejects.toMatchObject(error);
    });

    itWith(host.accounts, 'a user who may, but cannot read the images', async ({ operator }) => {
      const inventory = await read(operator());
      const { uuid, folder } = host.fixture('snaptree-external');
      expect(vmOf(inventory, uuid).snapshots).toHaveLength(3);
      expect(imagesById(inventory.images).get(posix.join(folder, 'vda.latest'))).toMatchObject({
        status: 'unreadable',
        problem: expect.stringContaining('Permission denied') as unknown,
      });
      // What stands in several lists is one thing that was not read.
      const id = posix.join(folder, 'vda.latest');
      const image = { what: id, reason: 'denied', subject: { kind: 'image', id, part: 'whole' } } as const;
      expect(inventory.unknownDependents.map(({ subject }) => subject)).toContainEqual(image.subject);
      const things = unreadThings([image], inventory.unknownDependents, inventory.problems);
      const keys = things.flatMap(({ subject }) => (subject ? [subjectKey(subject)] : []));
      expect(keys).toHaveLength(new Set(keys).size);
      expect(things.filter(({ what }) => what === id)).toEqual([{ ...image, mayDepend: true }]);
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
      const without = host.withoutVirsh();
      await expect(read(without)).rejects.toMatchObject({ code: 'commandNotFound' });
      await expect(probeLibvirt(without, uri)).rejects.toMatchObject({ code: 'commandNotFound' });
    });
  });

  describe('a host of libvirt’s test driver', () => {
    afterAll(() => {
      if (!('lacking' in host.testDriver)) host.testDriver.remove();
    });

    itWith(host.testDriver, 'with 50 VMs of 20 snapshots is read in two round trips', async ({ uriOf }) => {
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
      const node = uriOf(`<node>${domains.join('')}</node>`);
      const before = roundTrips;
      const inventory = await read(runner, node);
      expect(roundTrips - before).toBe(2);
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
