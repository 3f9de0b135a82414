/**
 * Block devices of the machine: in memory, as the kernel's zram gives them. Not loop devices, whose file somebody else may use, so that
 * Snaptree does not change them.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { run } from './run.ts';

export interface BlockDevice {
  /** Its node. */
  readonly path: string;
  remove(): void;
}

const control = '/sys/class/zram-control';

/** Why there can be none on this machine; null where there can. */
export function blockDeviceObstacle(): string | null {
  return existsSync(control) ? null : 'the kernel has no zram (modprobe zram)';
}

/** @param path where its node is to be: a root file system of its own has no others */
export async function makeBlockDevice(bytes: number, path: string): Promise<BlockDevice> {
  const number = readFileSync(`${control}/hot_add`, 'latin1').trim();
  const remove = () => {
    writeFileSync(`/sys/block/zram${number}/reset`, '1');
    writeFileSync(`${control}/hot_remove`, number);
  };
  try {
    writeFileSync(`/sys/block/zram${number}/disksize`, String(bytes));
    const [major = '', minor = ''] = readFileSync(`/sys/block/zram${number}/dev`, 'latin1').trim().split(':');
    await run('mknod', [path, 'b', major, minor]);
    if (!statSync(path).isBlockDevice()) throw new Error(`${path} is no block device.`);
  } catch (error) {
    remove();
    throw error;
  }
  return { path, remove };
}
