/**
 * The scene of the document on snapshot chains of KVM that Snaptree's users work by: the template `centosbase`, thin instances of it, and
 * `centos2` with four external snapshots. What the document calls sn1 to sn4 are the overlays: each is named after the snapshot that made it.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { VmPane } from './pages/panes.ts';
import type { Snaptree } from './pages/snaptree.ts';
import { expect, test as base } from './shells/test.ts';
import { activeImage, createImage, placeOf, virsh, writeGuestDisk, type VirtualMachine } from './testbeds/index.ts';
import { flushGuestDisk, missingPatterns, writePatterns, type Pattern } from './testbeds/disks.ts';

const mebibyte = 1024 ** 2;
const here = 'You are here';

/** What is written into the layers of a chain, the lowest (`centosbase`) being 0: each has a place of its own, and one where all write. */
const own = (layer: number): Pattern => ({ byte: 0xa0 + layer, offset: (layer + 1) * 2 * mebibyte, length: mebibyte });
const newest = (layer: number): Pattern => ({ ...own(layer), offset: 32 * mebibyte });
/** What a guest reads when a layer is the active one. */
const dataOf = (layer: number): readonly Pattern[] => [
  ...Array.from({ length: layer + 1 }, (_, each) => own(each)),
  newest(layer),
];

export class Instance {
  readonly vm: VirtualMachine;
  /** `centos2` */
  readonly name: string;

  constructor(vm: VirtualMachine, name: string) {
    this.vm = vm;
    this.name = name;
  }

  /** The path of one of its images. */
  file(name: string): string {
    return join(this.vm.folder, `${name}.qcow2`);
  }

  /** Writes as its guest does, into the layer that is active. */
  async write(layer: number): Promise<void> {
    for (const { byte, offset, length } of [own(layer), newest(layer)])
      await writeGuestDisk(this.vm, 'vda', byte, offset, length);
  }

  /** The guest reads what was written into every layer up to this one. */
  async expectDataOf(layer: number): Promise<void> {
    await flushGuestDisk(this.vm, 'vda');
    expect(await missingPatterns(await activeImage(this.vm, 'vda'), dataOf(layer))).toEqual([]);
  }

  /** The four external snapshots, each with the data of its layer in the image below its overlay. */
  async takeExternalSnapshots(): Promise<void> {
    for (const number of [1, 2, 3, 4]) {
      const name = `${this.name}_sn${number}`;
      await this.write(number);
      const disk = `vda,snapshot=external,file=${this.file(name)}`;
      await virsh(['snapshot-create-as', this.vm.uuid, name, '--disk-only', '--diskspec', disk, '--atomic']);
    }
    await this.write(5);
  }
}

/** An image with the chain below it holds what a guest had when the layer was the active one. */
export async function expectImageHolds(image: string, layer: number): Promise<void> {
  expect(await missingPatterns(image, dataOf(layer))).toEqual([]);
}

interface Figure {
  /** Names of the snapshots, each below the one before it. */
  readonly snapshots: readonly string[];
  /** Names of the images without their ending, in the order of the document: the lowest first. */
  readonly chain: readonly string[];
}

/** Waits until the window shows what the document draws. */
export async function expectFigure(pane: VmPane, { snapshots, chain }: Figure): Promise<void> {
  const line = [...snapshots, here].map((name, index) => `${index + 1} ${name}`);
  await expect.poll(() => pane.outline()).toEqual(line);
  await expect.poll(() => pane.details.chain('vda')).toEqual(chain.toReversed().map((name) => `${name}.qcow2`));
}

/** Runs the plan that is shown, and waits until the window says that it is done. */
export async function runPlan(app: Snaptree): Promise<void> {
  await app.operations.expectEnd(await app.plan.start(), 'done');
}

interface Scene {
  /** The path of the template, which holds the data of layer 0. */
  readonly centosbase: string;
  /** Makes a thin instance, shut off or running, with nothing written to its own image (layer 1). */
  readonly makeInstance: (name: string, running?: boolean) => Promise<Instance>;
  /** Connects the host, and shows the instance. */
  readonly openInstance: (instance: Instance) => Promise<VmPane>;
}

export const test = base.extend<Scene>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from this pattern
  centosbase: async ({}, use) => {
    const folder = join(placeOf(undefined).images, 'e2e-document-centosbase');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const path = join(folder, 'centosbase.qcow2');
    await createImage(path, 'qcow2', 64 * mebibyte);
    await writePatterns(path, dataOf(0));
    await use(path);
    rmSync(folder, { recursive: true });
  },

  makeInstance: async ({ centosbase, makeVm }, use) => {
    await use(async (name, running = false) => {
      const disks = [{ target: 'vda', file: `${name}.qcow2`, backing: centosbase }];
      return new Instance(await makeVm({ name: `document-${name}`, running, disks }), name);
    });
  },

  openInstance: async ({ app, testbed }, use) => {
    await use(async ({ vm }) => {
      await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
      await app.operations.open();
      return app.openVm(vm.name);
    });
  },
});

export { expect };
