/**
 * For tests of merges: a VM with a chain of five images and four external snapshots, with data in it that tells every layer
 * from the others, and the question whether everything about it is true.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as testbed from './index.ts';
import { flushGuestDisk, imageInfo, missingPatterns, writePatterns, type Pattern } from './disks.ts';
import { run } from './run.ts';
import { virtualMachine } from './virtual-machine.ts';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import type { Operation } from '../../shared/model/operation.ts';

export const mebibyte = 1024 ** 2;
const layers = [0, 1, 2, 3, 4];
/** Each layer writes to a place of its own, and to one where all write: what lies there says which is the newest. */
const own = (layer: number): Pattern => ({ byte: 0xa0 + layer, offset: (layer + 1) * 4 * mebibyte, length: mebibyte });
const newest = (layer: number): Pattern => ({ ...own(layer), offset: 2 * mebibyte });
/** What the guest has when a layer is the active one. */
const dataOf = (layer: number): readonly Pattern[] => [...layers.slice(0, layer + 1).map(own), newest(layer)];
/** What takes long to copy: more than the 16 MiB that QEMU copies at once, whatever the limit is. */
const large: Pattern = { offset: 40 * mebibyte, length: 32 * mebibyte, byte: 0xee };

export interface SceneOptions {
  readonly version: testbed.LibvirtVersion;
  readonly name: string;
  readonly running: boolean;
  /** The layer with the data that takes long to copy. */
  readonly largeLayer: number;
}

export class MergeScene {
  readonly vm: testbed.VirtualMachine;
  readonly #running: boolean;

  private constructor(vm: testbed.VirtualMachine, running: boolean) {
    this.vm = vm;
    this.#running = running;
  }

  /** On a file system of its own, which can be full. */
  static async make({ version, name, running, largeLayer }: SceneOptions): Promise<MergeScene> {
    const spec = { version, name, disks: [{ target: 'vda' }] };
    await MergeScene.remove(spec);
    const folder = join(testbed.placeOf(version).images, name);
    mkdirSync(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=192m,mode=755', 'snaptree-testbed', folder]);
    const scene = new MergeScene(await testbed.createVirtualMachine(spec), running);
    for (const layer of layers) {
      if (layer > 0) {
        const disk = `vda,snapshot=external,file=${scene.file(layer)}`;
        const options = ['--disk-only', '--atomic', '--diskspec', disk];
        await scene.virsh('snapshot-create-as', scene.vm.uuid, `--name=sn${layer}`, ...options);
      }
      const patterns = [own(layer), newest(layer), ...(layer === largeLayer ? [large] : [])];
      await writePatterns(scene.file(layer), patterns);
    }
    if (running) await scene.virsh('start', scene.vm.uuid);
    return scene;
  }

  static async remove(spec: { readonly version: testbed.LibvirtVersion; readonly name: string }): Promise<void> {
    const { uuid, folder, version } = virtualMachine(spec);
    const state = await testbed.stateOf(uuid, version);
    if (state !== undefined && state !== 'shut off')
      await testbed.virsh(['destroy', uuid], { version, expect: [0, 1] });
    await run('umount', ['-l', folder], { expect: [0, 1, 32] });
    await testbed.deleteVirtualMachine(spec);
  }

  /** The images of `vda`: 0 is the first, each other the overlay that a snapshot made. */
  file(layer: number): string {
    return layer === 0 ? (this.vm.images['vda'] ?? '') : join(this.vm.folder, `sn${layer}.qcow2`);
  }

  async virsh(...argv: readonly string[]): Promise<string> {
    return (await testbed.virsh(argv, this.vm)).stdout;
  }

  /** Of the block job of `vda`, as libvirt tells it; null where none is. */
  async job(): Promise<{ readonly done: number; readonly end: number } | null> {
    const text = await this.virsh('blockjob', this.vm.uuid, 'vda', '--info', '--raw');
    const number = (name: string) => Number(new RegExp(`^ *${name}=(\\d+)$`, 'm').exec(text)?.[1] ?? '0');
    return text.trim() === '' ? null : { done: number('cur'), end: number('end') };
  }

  /** Whether the guest runs and should not, or the other way around, is put right as its user would do it. */
  async bringBack(): Promise<void> {
    const state = await testbed.stateOf(this.vm.uuid, this.vm.version);
    if (this.#running && state === 'shut off') await this.virsh('start', this.vm.uuid);
    if (!this.#running && state !== 'shut off') await this.virsh('destroy', this.vm.uuid);
  }

  /** The files of the chain of `vda`, the active layer first. */
  async chain(): Promise<readonly string[]> {
    const active = await testbed.activeImage(this.vm, 'vda');
    return chainBelow(active);
  }

  /** What is not as it should be, each in a sentence; nothing where all is well. */
  async faults(vm: ReadableVm, operations: readonly Operation[]): Promise<readonly string[]> {
    return [
      ...(await this.#wrongData()),
      ...(await this.#leftWork(operations)),
      ...vm.problems.map(({ message }) => `The VM has a problem: ${message}`),
      ...(await this.#lyingRecords(vm)),
      ...(await this.#strayFiles(vm, operations)),
    ];
  }

  async #wrongData(): Promise<readonly string[]> {
    await flushGuestDisk(this.vm, 'vda');
    const [active = ''] = await this.chain();
    const missing = await missingPatterns(active, [...dataOf(layers.length - 1), large]);
    return missing.map((pattern) => `The guest does not read ${inWords(pattern)}.`);
  }

  async #leftWork(operations: readonly Operation[]): Promise<readonly string[]> {
    const running = (await testbed.stateOf(this.vm.uuid, this.vm.version)) !== 'shut off';
    return [
      ...(running && (await this.job()) !== null ? ['A block job is left.'] : []),
      ...(existsSync(testbed.snaptreeLock(this.vm.uuid, this.vm.version)) ? ['The lock of the VM is left.'] : []),
      ...operations.filter(({ endedAt }) => endedAt === null).map(({ plan }) => `“${plan.title}” has not ended.`),
    ];
  }

  /** Every record names images that are there, and they hold what the guest had when the snapshot was made. */
  async #lyingRecords({ snapshots }: ReadableVm): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const { name, disks } of snapshots) {
      const image = disks.find(({ target }) => target === 'vda')?.dataImageId ?? null;
      if (image === null || !existsSync(image)) {
        wrong.push(`The record of ${name} names ${image ?? 'nothing'}, which is not there.`);
        continue;
      }
      const missing = await missingPatterns(image, dataOf(Number(name.slice(2)) - 1));
      wrong.push(...missing.map((pattern) => `${image}, which ${name} names, lacks ${inWords(pattern)}.`));
      const xml = await this.virsh('snapshot-dumpxml', this.vm.uuid, name);
      for (const [, path = ''] of xml.matchAll(/<source file='([^']+)'/g))
        if (!existsSync(path)) wrong.push(`The record of ${name} names ${path}, which is not there.`);
    }
    return wrong;
  }

  /** Images that neither the chain nor a record needs, and of which nobody was told. */
  async #strayFiles({ snapshots }: ReadableVm, operations: readonly Operation[]): Promise<readonly string[]> {
    const named = snapshots.flatMap(({ disks }) =>
      disks.flatMap(({ dataImageId, overlayImageId }) => [dataImageId ?? '', overlayImageId ?? '']),
    );
    const needed = new Set(await this.chain());
    for (const path of named) if (existsSync(path)) for (const each of await chainBelow(path)) needed.add(each);
    const told = operations.map(({ error, examination }) => `${error?.message ?? ''} ${examination?.message ?? ''}`);
    return readdirSync(this.vm.folder)
      .filter((name) => name.endsWith('.qcow2'))
      .map((name) => join(this.vm.folder, name))
      .filter((path) => !needed.has(path) && !told.some((text) => text.includes(path)))
      .map((path) => `Nobody names ${path}.`);
  }
}

const inWords = ({ byte, offset }: Pattern) => `0x${byte.toString(16)} at ${offset / mebibyte} MiB`;

async function chainBelow(path: string): Promise<readonly string[]> {
  const below = (await imageInfo(path))['backing-filename'];
  return [path, ...(below === undefined ? [] : await chainBelow(below))];
}
