/** What an internal snapshot really takes, against what is said of it before. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../../e2e/testbeds/run.ts';
import { createLocalRunner } from '../../hosts/commands/local-runner.fixtures.ts';
import { readImages } from '../scan/read-images.ts';
import { roomForSnapshot } from './snapshot-room.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-room-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it.each([
  [512, '1G'],
  [512, '16G'],
  [4096, '64G'],
  [65_536, '64G'],
  [65_536, '2T'],
  [2 * 1024 ** 2, '64G'],
])(
  'with clusters of %d bytes, a disk of %s grows by no more than is said, and not by much less',
  async (cluster, size) => {
    const path = join(folder, `${cluster}-${size}.qcow2`);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `cluster_size=${cluster}`, path, size]);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 0 8M', path]);
    const [image] = (
      await readImages(createLocalRunner(), [{ reference: path, format: 'qcow2' }], { priority: 'user' })
    ).images.filter(({ id }) => id === path);
    if (!image) throw new Error(`${path} was not read`);
    const said = roomForSnapshot(image, 0);
    const before = statSync(path).size;
    await run('qemu-img', ['snapshot', '-c', 'a name that is not short at all', path]);
    const grown = statSync(path).size - before;
    expect(grown).toBeGreaterThan(0);
    expect(grown).toBeLessThanOrEqual(said);
    expect(said).toBeLessThanOrEqual(2 * grown + 8 * cluster);
  },
);
