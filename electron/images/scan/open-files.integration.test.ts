/** Images that programs have open, whatever VMs say of them: real qemu-nbd, real locks, real loop devices. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, openSync, closeSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitUntil } from '../../../e2e/testbeds/index.ts';
import { run } from '../../../e2e/testbeds/run.ts';
import { createImageFolder, type ImageFolder } from './images.fixtures.ts';
import { lockOf } from './open-files.ts';
import { createImageMemory } from './read-images.ts';

let images: ImageFolder;
const started: ChildProcess[] = [];

beforeEach(() => {
  images = createImageFolder();
});
afterEach(async () => {
  for (const child of started.splice(0)) await end(child);
  images.remove();
});

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill()) await ended;
}
/** Serves an image to nobody, as an administrator does who looks into it. */
async function serve(image: string): Promise<ChildProcess> {
  const socket = images.path(`socket-${started.length}`);
  const child = spawn('qemu-nbd', ['-t', '-f', 'qcow2', '-k', socket, image], { stdio: 'ignore' });
  started.push(child);
  await waitUntil('qemu-nbd serves', () => existsSync(socket));
  return child;
}
const byWhom = async (reading: Promise<{ openBy: ReadonlyMap<string, readonly string[]> }>) =>
  Object.fromEntries((await reading).openBy);

describe('an image that a program has open', () => {
  it('is told with the program by whoever may know it, and by its lock to everybody else', async () => {
    const base = images.create('base.qcow2');
    const overlay = images.create('overlay.qcow2', { backing: base });
    images.create('alone.qcow2');
    const { pid } = await serve(overlay);
    await run('chmod', ['-R', 'a+rX', images.root]);
    const program = `qemu-nbd (process ${pid ?? 0})`;
    expect(await byWhom(images.read([base]))).toEqual({ [base]: [program], [overlay]: [program] });
    const locked = 'a program that locks it as QEMU does';
    expect(await byWhom(images.readAsNobody([base]))).toEqual({ [base]: [locked], [overlay]: [locked] });
  });

  it('is seen by later readings when it is opened and when it is closed', async () => {
    const image = images.create('image.qcow2');
    const memory = createImageMemory();
    expect(await byWhom(images.read([image], { memory }))).toEqual({});
    const child = await serve(image);
    expect(Object.keys(await byWhom(images.read([image], { memory })))).toEqual([image]);
    await end(child);
    expect(await byWhom(images.read([image], { memory }))).toEqual({});
  });

  it('is seen without a lock as well, and by later readings until it is closed', async () => {
    const image = images.create('image.qcow2');
    const descriptor = openSync(image, 'r');
    const memory = createImageMemory();
    const own = { [image]: [expect.stringContaining(`(process ${process.pid})`)] };
    try {
      expect(await byWhom(images.read([image], { memory }))).toEqual(own);
      expect(await byWhom(images.read([image], { memory }))).toEqual(own);
    } finally {
      closeSync(descriptor);
    }
    expect(await byWhom(images.read([image], { memory }))).toEqual({});
  });

  it('is seen behind a loop device', async () => {
    const image = images.create('image.raw', { format: 'raw' });
    const { stdout } = await run('losetup', ['--find', '--show', image]);
    try {
      expect(await byWhom(images.read([{ reference: image, format: 'raw' }]))).toEqual({ [image]: [stdout.trim()] });
    } finally {
      await run('losetup', ['--detach', stdout.trim()]);
    }
  });
});

it('a device number is told as /proc/locks tells it', () => {
  const { dev, ino } = statSync('/', { bigint: true });
  expect(lockOf({ device: String(dev), inode: String(ino) })).toMatch(/^[0-9a-f]{2,}:[0-9a-f]{2,}:\d+$/);
  // Linux, include/linux/kdev_t.h, new_encode_dev: major 8, minor 1; and major 259, minor 300.
  expect(lockOf({ device: '2049', inode: '5' })).toBe('08:01:5');
  expect(lockOf({ device: String((300n & 0xffn) | (259n << 8n) | ((300n & ~0xffn) << 12n)), inode: '5' })).toBe(
    '103:12c:5',
  );
});
