/** What merges really take on storage, by qemu-img and by QEMU's block jobs, against what is said of it before. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../e2e/testbeds/run.ts';
import type { Image } from '../../../shared/model/inventory.ts';
import {
  emptyOverlayBytes,
  fullBytes,
  mergeGrowth,
  type MergeCopies,
} from '../../../shared/rules/chains/image-growth.ts';
import { createLocalRunner } from '../../hosts/commands/local-runner.fixtures.ts';
import { readImages } from '../scan/read-images.ts';

const MiB = 1024 ** 2;
let folder: string;
const at = (name: string) => join(folder, name);
const taken = (name: string) => statSync(at(name)).blocks * 512;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-growth-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Names are of files in the folder; an image hangs on the one before it. */
async function chain(...images: readonly { name: string; format?: string; cluster?: number; size?: string }[]) {
  let below: { name: string; format?: string } | null = null;
  for (const { name, format = 'qcow2', cluster = 65_536, size = '256M' } of images) {
    const options = format === 'qcow2' ? ['-o', `cluster_size=${cluster}`] : [];
    const backing: string[] = below ? ['-F', below.format ?? 'qcow2', '-b', at(below.name)] : [];
    await run('qemu-img', ['create', '-q', '-f', format, ...options, ...backing, at(name), size]);
    below = { name, format };
  }
}

async function write(name: string, ...commands: readonly string[]) {
  await run('qemu-io', ['-d', 'unmap', '-f', 'qcow2', ...commands.flatMap((each) => ['-c', each]), at(name)]);
}

/** 4 KiB at each of `count` places that lie as far from each other as they can. */
const scattered = (count: number, bytes: number, first = 0) =>
  Array.from(
    { length: count },
    (_, index) => `write -P 7 ${Math.floor((index * bytes) / count / 4096) * 4096 + first} 4k`,
  );

async function read(...names: readonly string[]): Promise<Image[]> {
  const requests = names.map((name) => ({ reference: at(name), format: name.endsWith('raw') ? 'raw' : 'qcow2' }));
  const { images } = await readImages(createLocalRunner(), requests, { priority: 'user' });
  return names.map((name) => {
    const image = images.find(({ id }) => id === at(name));
    if (!image) throw new Error(`${name} was not read`);
    return image;
  });
}

/** Runs a block job on the chain of `active`, as QEMU does for a VM. */
async function job(active: string, command: string, parameters: Readonly<Record<string, unknown>>): Promise<void> {
  const node = `driver=qcow2,node-name=active,discard=unmap,file.driver=file,file.filename=${at(active)}`;
  const daemon = spawn('qemu-storage-daemon', [
    ...['--blockdev', node, '--chardev', 'stdio,id=monitor', '--monitor', 'chardev=monitor'],
  ]);
  const say = (execute: string, words: object = {}) =>
    daemon.stdin.write(`${JSON.stringify({ execute, arguments: words })}\n`);
  say('qmp_capabilities');
  say(command, { 'job-id': 'job', device: 'active', ...parameters });
  let failure: string | null = null;
  for await (const line of createInterface(daemon.stdout)) {
    const { event, error, data } = JSON.parse(line) as { event?: string; error?: object; data?: { error?: string } };
    if (error !== undefined || data?.error !== undefined) failure = line;
    if (event === 'BLOCK_JOB_READY') say('block-job-complete', { device: 'job' });
    if (event === 'BLOCK_JOB_COMPLETED' || failure !== null) say('quit');
  }
  if (failure !== null) throw new Error(failure);
}

/** What is said of a merge, and what `merge` makes the receiver grow by. */
async function measured(
  merged: readonly string[],
  receiver: string,
  merge: () => Promise<unknown>,
  copies: MergeCopies = 'data',
): Promise<{ grown: number; likely: number; atMost: number }> {
  const [into, ...from] = await read(receiver, ...merged);
  if (!into) throw new Error(`${receiver} was not read`);
  const { likelyBytes, atMostBytes } = mergeGrowth(from, into, copies);
  const before = taken(receiver);
  await merge();
  return { grown: taken(receiver) - before, likely: likelyBytes ?? -1, atMost: atMostBytes ?? -1 };
}

const commit = (top: string, base: string) => () =>
  run('qemu-img', ['commit', '-q', '-d', '-f', 'qcow2', '-b', at(base), at(top)]);
const flatten = (overlay: string) => run('qemu-img', ['rebase', '-f', 'qcow2', '-b', '', at(overlay)]);

describe('merging down', { timeout: 120_000 }, () => {
  it.each([
    [65_536, 65_536],
    [512, 65_536],
    [512, 512],
    [4096, 2 * MiB],
    [2 * MiB, 65_536],
    [65_536, 4096],
  ])('from clusters of %d bytes into those of %d', async (cluster, baseCluster) => {
    await chain({ name: 'base', cluster: baseCluster }, { name: 'top', cluster });
    await write('top', 'write -P 7 8M 24M', ...scattered(64, 256 * MiB));
    const { grown, atMost } = await measured(['top'], 'base', commit('top', 'base'));
    expect(grown).toBeGreaterThan(24 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
  });

  it('into a raw image, in pieces', async () => {
    await chain({ name: 'base.raw', format: 'raw' }, { name: 'top', cluster: 4096 });
    await write('top', ...scattered(256, 256 * MiB));
    const { grown, atMost } = await measured(['top'], 'base.raw', commit('top', 'base.raw'));
    expect(grown).toBeGreaterThanOrEqual(MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
  });

  it('several images that hold the same places, partly those of the base: likely is near', async () => {
    await chain({ name: 'base' }, { name: 'middle' }, { name: 'top' });
    await write('base', 'write -P 1 0 128M');
    await write('middle', 'write -P 2 96M 64M');
    await write('top', 'write -P 3 128M 64M');
    const { grown, likely, atMost } = await measured(['top', 'middle'], 'base', commit('top', 'base'));
    expect(grown).toBeGreaterThanOrEqual(64 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
    expect(likely).toBeGreaterThan(grown / 2);
    expect(likely).toBeLessThan(grown * 2);
  });

  it('into an image whose internal snapshot keeps what is written over', async () => {
    await chain({ name: 'base' }, { name: 'top' });
    await write('base', 'write -P 1 0 256M');
    await run('qemu-img', ['snapshot', '-c', 'kept', at('base')]);
    await write('top', 'write -P 2 0 200M');
    const { grown, likely, atMost } = await measured(['top'], 'base', commit('top', 'base'));
    expect(grown).toBeGreaterThanOrEqual(200 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
    expect(likely).toBeGreaterThanOrEqual(grown / 2);
  });

  it('one after the other: the image between grows as well', async () => {
    await chain({ name: 'base' }, { name: 'middle' }, { name: 'top' });
    await write('middle', 'write -P 2 0 32M');
    await write('top', 'write -P 3 64M 48M');
    const first = await measured(['top'], 'middle', commit('top', 'middle'));
    const second = await measured(['middle'], 'base', commit('middle', 'base'));
    expect(first.grown).toBeGreaterThanOrEqual(48 * MiB);
    expect(first.grown).toBeLessThanOrEqual(first.atMost);
    expect(second.grown).toBeGreaterThanOrEqual(80 * MiB);
    expect(second.grown).toBeLessThanOrEqual(second.atMost);
  });

  it('while the VM runs, the active layer: what was trimmed takes no room', async () => {
    await chain({ name: 'base' }, { name: 'top' });
    await write('top', 'discard 0 192M', 'write -P 3 200M 8M');
    const merge = () => job('top', 'block-commit', {});
    const { grown, atMost } = await measured(['top'], 'base', merge);
    expect(grown).toBeGreaterThanOrEqual(8 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
  });

  it('while the VM runs, below the active layer: what was trimmed is written out as zeroes', async () => {
    await chain({ name: 'base' }, { name: 'middle' }, { name: 'top' });
    await write('middle', 'discard 0 192M', 'write -P 3 200M 8M');
    const merge = () => job('top', 'block-commit', { top: at('middle'), base: at('base') });
    const { grown, atMost } = await measured(['middle'], 'base', merge, 'zeroes');
    expect(taken('middle')).toBeLessThan(10 * MiB);
    expect(grown).toBeGreaterThanOrEqual(8 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
  });
});

describe('merging up', { timeout: 120_000 }, () => {
  /** A template as they are handed out. */
  async function compressed(): Promise<void> {
    writeFileSync(at('plain.raw'), Buffer.alloc(96 * MiB, 'the same again '));
    truncateSync(at('plain.raw'), 256 * MiB);
    await run('qemu-img', ['convert', '-q', '-c', '-f', 'raw', '-O', 'qcow2', at('plain.raw'), at('template')]);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', at('template'), at('active')]);
  }

  it.each([
    ['qemu-img', 'data', () => flatten('active')],
    ['a block job', 'chunks', () => job('active', 'block-stream', {})],
  ] as const)('takes up a compressed template, which says nothing of that, by %s', async (_, copies, merge) => {
    await compressed();
    expect(taken('template')).toBeLessThan(8 * MiB);
    const { grown, atMost } = await measured(['template'], 'active', merge, copies);
    expect(grown).toBeGreaterThanOrEqual(96 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
  });

  it.each([
    ['qemu-img', 'data', () => flatten('active')],
    ['a block job', 'chunks', () => job('active', 'block-stream', {})],
  ] as const)('takes up several images over a sparse raw one, by %s', async (_, copies, merge) => {
    await chain({ name: 'base.raw', format: 'raw' }, { name: 'middle' }, { name: 'active' });
    await run('qemu-io', [
      '-f',
      'raw',
      ...scattered(128, 256 * MiB, 4096).flatMap((each) => ['-c', each]),
      at('base.raw'),
    ]);
    await write('middle', 'write -P 2 0 32M');
    const { grown, atMost } = await measured(['middle', 'base.raw'], 'active', merge, copies);
    expect(grown).toBeGreaterThanOrEqual(32 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
  });

  it('takes up what lies among what was trimmed, and nothing of that, by a block job', async () => {
    await chain({ name: 'base' }, { name: 'middle' }, { name: 'active' });
    await write('middle', 'discard 0 256M', ...scattered(64, 256 * MiB));
    const pull = () => job('active', 'block-stream', {});
    const [middle, active] = await read('middle', 'active');
    if (!middle || !active) throw new Error('they were not read');
    const atMost = mergeGrowth([middle], active, 'chunks').atMostBytes ?? 0;
    const { grown } = await measured(['middle', 'base'], 'active', pull, 'chunks');
    expect(grown).toBeGreaterThanOrEqual(4 * MiB);
    expect(grown).toBeLessThanOrEqual(atMost);
    expect(atMost).toBeLessThan(8 * MiB);
  });
});

describe('an overlay', { timeout: 120_000 }, () => {
  it.each([
    [512, '64M'],
    [65_536, '2T'],
    [65_536, '256M'],
    [2 * MiB, '256M'],
  ])('with clusters of %d bytes on a disk of %s is as small as is said', async (cluster, size) => {
    await chain({ name: 'base' }, { name: 'top', cluster, size });
    const [top] = await read('top');
    expect(taken('top')).toBeLessThanOrEqual(emptyOverlayBytes(top?.virtualBytes ?? 0, cluster));
  });

  it.each([512, 4096, 65_536, 2 * MiB])(
    'with clusters of %d bytes holds all of its disk in what is said',
    async (cluster) => {
      await chain({ name: 'base', size: '16M' }, { name: 'top', cluster, size: '16M' });
      await write('top', 'write -P 5 0 16M');
      const [top] = await read('top');
      expect(taken('top')).toBeGreaterThanOrEqual(16 * MiB);
      expect(taken('top')).toBeLessThanOrEqual((top && fullBytes(top)) ?? 0);
    },
  );
});
