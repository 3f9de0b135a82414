/** What kind of thing a disk is to a VM. */
import type { Disk } from '../../model/inventory.ts';

/** Whether it is a drive into which media are put: these come and go, and are no part of the VM's own data. */
export function isForMedia({ device }: Pick<Disk, 'device'>): boolean {
  return device === 'cdrom' || device === 'floppy';
}

/** The disks that a guest can write to: the ones that snapshots are about. */
export function writableDisks(disks: readonly Disk[]): readonly Disk[] {
  return disks.filter((disk) => !disk.readOnly && !isForMedia(disk));
}
