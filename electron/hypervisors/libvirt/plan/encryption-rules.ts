/** Rules about disks whose images are encrypted (LUKS, or qcow2's own way). */
import type { Disk } from '../../../../shared/model/inventory.ts';
import type { PlanNote } from '../../../../shared/model/plan.ts';
import { note } from '../../planning/notes.ts';
import type { LibvirtContext } from './plan-rules.ts';

function encryptedDisks({ vm, images }: LibvirtContext, targets: ReadonlySet<string>): readonly Disk[] {
  return vm.disks.filter(
    ({ target, imageId, encryption }) =>
      targets.has(target) &&
      (encryption !== undefined || (imageId !== null && images.get(imageId)?.encryption !== undefined)),
  );
}

/**
 * libvirt hands no key to qemu-img, which it runs for the internal snapshots of VMs that are shut off: "Parameter
 * 'encrypt.key-secret' is required for cipher" (seen on 9.0).
 */
export function encryptionRefusals(context: LibvirtContext, targets: ReadonlySet<string>, verb: string): PlanNote[] {
  if (context.vm.state !== 'shutoff') return [];
  return encryptedDisks(context, targets).map(({ target }) =>
    note(
      'encrypted',
      `${verb} needs the key of disk ${target}, which is encrypted, and libvirt does not give it to qemu-img while ${context.vm.name} is shut off.`,
      [target],
    ),
  );
}

/** libvirt makes the overlay and forgets the encryption below it: the VM does not start any more (seen on 9.0). */
export function encryptedOverlayRefusals(context: LibvirtContext, targets: ReadonlySet<string>): PlanNote[] {
  return encryptedDisks(context, targets).map(({ target }) =>
    note(
      'encrypted',
      `Disk ${target} is encrypted. libvirt would make an overlay that is not, and the VM may not start on it any more. Leave the disk out.`,
      [target],
    ),
  );
}
