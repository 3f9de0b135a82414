/**
 * Overlays on which libvirt refuses to start a VM for what they record of their backing image, unless the VM's definition spells
 * the chain out: no format (since 6.0), where that image is an overlay itself; a `json:` reference with a node that libvirt does not
 * know, as each is that has a format. What such a reference says of the format counts for QEMU alone. Pure.
 */
import type { Image, Obstacle } from '../../../../../shared/model/inventory.ts';
import { chainFrom } from '../../../../../shared/rules/chains/chains.ts';
import { driversInReference } from '../../../../images/image-reference.ts';
import { shellLine } from '../../../../../shared/rules/text/shell-words.ts';
import type { AssembleContext } from '../assemble.ts';
import type { DomainDisk } from '../definitions/domain-xml.ts';
import type { VmRecords } from '../vm-records.ts';

/** Of the next start of a VM; none where saved memory is restored, whose definition spells its chains out. */
export function formatObstacles(vm: VmRecords, context: AssembleContext): readonly Obstacle[] {
  const { answers, domain, inactive } = vm;
  if (!answers.isPersistent || (answers.hasManagedSave && !answers.isRunning)) return [];
  const disks = answers.isRunning ? (inactive?.disks ?? []) : domain.disks;
  const whatHappens = answers.isRunning
    ? 'libvirt will refuse the next start of the VM'
    : 'libvirt will refuse to start the VM';
  const found = disks.flatMap((disk) => obstaclesOf(disk, whatHappens, context));
  return [...new Map(found.map((obstacle) => [obstacle.path, obstacle])).values()];
}

function obstaclesOf(disk: DomainDisk, whatHappens: string, context: AssembleContext): readonly Obstacle[] {
  const id = context.imageIdOf(disk.source);
  // What is used as raw has no backing image.
  if (id === null || disk.isChainDefined || disk.format === 'raw') return [];
  const chain = chainFrom(id, context.images, context.pathOf(disk.source) ?? id);
  return chain.images.flatMap((overlay, index) => {
    const base = chain.images[index + 1];
    const { parent } = overlay;
    if (!base || parent?.relation !== 'backing' || parent.imageId !== base.id) return [];
    const driver = driversInReference(parent.reference).find((each) => !driversOfLibvirt.has(each));
    if (driver !== undefined) return [strangeReference(overlay, base, driver, whatHappens)];
    const isRecorded = parent.format !== null && parent.formatRecorded !== false;
    return isRecorded || base.status !== 'ok' || !isOverlay(base) ? [] : [missingFormat(overlay, base, whatHappens)];
  });
}

/**
 * What libvirt reads in a `json:` reference (libvirt, src/storage_file/storage_source_backingstore.c, `jsonParsers`, all that any
 * version since 4.0 has): anything else makes it refuse the start (seen on 7.0, 9.0 and 11.3).
 */
const driversOfLibvirt: ReadonlySet<string> = new Set(
  'file host_device host_cdrom raw http https ftp ftps tftp gluster iscsi nbd nfs nvme rbd sheepdog ssh vxhs'.split(
    ' ',
  ),
);

/** Whether libvirt, which guesses the format of such an image, comes upon a further image. */
function isOverlay({ parent, header }: Image): boolean {
  return parent !== null || (header?.reference ?? null) !== null;
}

/** What libvirt finds when it looks at an image. */
function formatOf({ header, format }: Image): string {
  return header?.format ?? format ?? 'raw';
}

function missingFormat(overlay: Image, base: Image, whatHappens: string): Obstacle {
  const { parent } = overlay;
  const format = formatOf(base);
  const command = rebase(overlay, parent?.reference ?? base.id, format);
  const isContradicted = parent !== null && parent.format !== null && parent.format !== format;
  return {
    path: overlay.id,
    message: `${overlay.id} does not record the format of its backing image ${base.id}, which is ${format}: ${whatHappens}.`,
    remedy: isContradicted
      ? `Its reference says ${parent.format ?? ''}. Find out which is right; if ${format} is, record it while no VM uses the image: ${command}`
      : `Record it while no VM uses the image: ${command}`,
  };
}

function strangeReference(overlay: Image, base: Image, driver: string, whatHappens: string): Obstacle {
  const recorded = overlay.parent?.format ?? null;
  const format = formatOf(base);
  const command = rebase(overlay, base.id, format);
  const isContradicted = recorded !== null && recorded !== format;
  return {
    path: overlay.id,
    message: `${overlay.id} records its backing image ${base.id} by a json: reference with the driver “${driver}”, which libvirt cannot read: ${whatHappens}.`,
    remedy: isContradicted
      ? `It is recorded as ${recorded}, and begins as ${format}. Find out which is right; if ${format} is, record the plain path while no VM uses the image: ${command}`
      : `Record the plain path while no VM uses the image: ${command}`,
  };
}

/** What changes the record alone. */
function rebase(overlay: Image, reference: string, format: string): string {
  const argv = ['qemu-img', 'rebase', '-u', '-f', overlay.format ?? 'qcow2', '-b', reference, '-F', format, overlay.id];
  return shellLine(argv);
}
