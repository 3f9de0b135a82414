/** Images whose data lies in a file of its own (qcow2's `data_file`), made by the real qemu-img. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chainFrom, dependentsIndex, dependentsOf, imagesById } from '../../../shared/rules/chains/chains.ts';
import { inventory } from '../../../shared/model/inventory.fixtures.ts';
import { createImageFolder, imageIn, type ImageFolder } from './images.fixtures.ts';
import { createImageMemory } from './image-memory.ts';

let images: ImageFolder;

beforeEach(() => {
  images = createImageFolder();
  mkdirSync(images.path('data'));
});

afterEach(() => {
  images.remove();
});

/** An image whose data is in a file that it names as given. */
function createOnData(name: string, dataFile: string): string {
  const path = images.path(name);
  const options = `data_file=${dataFile},data_file_raw=on`;
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', options, path, '1M'], { cwd: images.root });
  return path;
}

it.each([
  ['an absolute name', (file: string) => file],
  ['a relative name', () => 'data/disk.raw'],
])('are read with the file that holds their data, by %s', async (_, named) => {
  const file = images.path('data/disk.raw');
  const path = createOnData('disk.qcow2', named(file));
  const overlay = images.create('overlay.qcow2', { backing: path });
  const reading = await images.read([overlay]);
  expect(imageIn(reading, path)).toMatchObject({
    status: 'ok',
    dataFile: { reference: named(file), imageId: file },
  });
  expect(imageIn(reading, file)).toMatchObject({ status: 'ok', format: 'raw', virtualBytes: 1024 ** 2 });
  expect(chainFrom(overlay, imagesById(reading.images)).end).toBe('base');
  // Whoever changes the file changes what the image and its overlays hold.
  const dependents = dependentsIndex(inventory([], reading.images));
  expect(dependentsOf(file, dependents).childImageIds).toEqual([path]);
});

describe('whose file is gone', () => {
  it('break the chain there', async () => {
    const file = images.path('data/disk.raw');
    const path = createOnData('disk.qcow2', file);
    const overlay = images.create('overlay.qcow2', { backing: path });
    rmSync(file);
    const reading = await images.read([overlay]);
    expect(imageIn(reading, file).status).toBe('missing');
    expect(chainFrom(overlay, imagesById(reading.images))).toMatchObject({
      images: [{ id: overlay }, { id: path }],
      end: 'missing',
      endReference: file,
    });
  });

  it('are seen by a poll, and when it is there again', async () => {
    const file = images.path('data/disk.raw');
    const path = createOnData('disk.qcow2', file);
    const memory = createImageMemory();
    const end = async () => chainFrom(path, imagesById((await images.read([path], { memory })).images)).end;
    expect(await end()).toBe('base');
    renameSync(file, images.path('elsewhere'));
    expect(await end()).toBe('missing');
    renameSync(images.path('elsewhere'), file);
    expect(await end()).toBe('base');
  });
});
