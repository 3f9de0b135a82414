/**
 * Overlays that do not record the format of their backing image: libvirt refuses to start a VM on them (since 6.0), unless that
 * image is raw, or hangs on none itself, or the VM's definition spells the chain out. What a `json:` reference says counts for QEMU alone. Pure.
 */
import type { Image, Obstacle } from '../../../../shared/model/inventory.ts';
import { chainFrom } from '../../../../shared/rules/chains.ts';
import { shellLine } from '../../../../shared/rules/shell-words.ts';
import type { AssembleContext } from './assemble.ts';
import type { DomainDisk } from './domain-xml.ts';
import type { VmRecords } from './vm-records.ts';

/** Of the next start of a VM; none where saved memory is restored, whose definition spells its chains out. */
export function formatObstacles(vm: VmRecords, context: AssembleContext): readonly Obstacle[] {
  const { answers, domain, inactive } = vm;
  if (!answers.isPersistent || (answers.hasManagedSave && !answers.isRunning)) return [];
  const disks = answers.isRunning ? (inactive?.disks ?? []) : domain.disks;
  const whatHappens = answers.isRunning
    ? 'libvirt will refuse the next start of the VM'
    : 'libvirt will refuse to start the VM';
  const found = disks.flatMap((disk) => overlaysWithoutFormat(disk, context));
  return [...new Map(found.map(([overlay, base]) => [overlay.id, obstacle(overlay, base, whatHappens)])).values()];
}

function overlaysWithoutFormat(disk: DomainDisk, context: AssembleContext): readonly (readonly [Image, Image])[] {
  const id = context.imageIdOf(disk.source);
  // What is used as raw has no backing image.
  if (id === null || disk.isChainDefined || disk.format === 'raw') return [];
  const chain = chainFrom(id, context.images, context.pathOf(disk.source) ?? id);
  return chain.images.flatMap((overlay, index) => {
    const base = chain.images[index + 1];
    const { parent } = overlay;
    if (!base || parent?.relation !== 'backing' || parent.imageId !== base.id) return [];
    const isRecorded = parent.format !== null && parent.formatRecorded !== false;
    return isRecorded || base.status !== 'ok' || !isOverlay(base) ? [] : [[overlay, base] as const];
  });
}

/** Whether libvirt, which guesses the format of such an image, comes upon a further image. */
function isOverlay({ parent, header }: Image): boolean {
  return parent !== null || (header?.reference ?? null) !== null;
}

/** What libvirt finds when it looks at an image. */
function formatOf({ header, format }: Image): string {
  return header?.format ?? format ?? 'raw';
}

function obstacle(overlay: Image, base: Image, whatHappens: string): Obstacle {
  const { parent } = overlay;
  const format = formatOf(base);
  const command = shellLine([
    'qemu-img',
    'rebase',
    '-u',
    '-f',
    overlay.format ?? 'qcow2',
    '-b',
    parent?.reference ?? base.id,
    '-F',
    format,
    overlay.id,
  ]);
  const isContradicted = parent !== null && parent.format !== null && parent.format !== format;
  return {
    path: overlay.id,
    message: `${overlay.id} does not record the format of its backing image ${base.id}, which is ${format}: ${whatHappens}.`,
    remedy: isContradicted
      ? `Its reference says ${parent.format ?? ''}. Find out which is right; if ${format} is, record it while no VM uses the image: ${command}`
      : `Record it while no VM uses the image: ${command}`,
  };
}
