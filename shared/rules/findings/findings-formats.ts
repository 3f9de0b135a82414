/** Findings about images that somebody uses in another format than the one they are in. */
import type { Image, ReadableVm } from '../../model/inventory.ts';
import type { Finding } from '../../model/report.ts';
import { wordsOfUse } from '../chains/dependents.ts';
import { finding, type FindingContext } from './findings-context.ts';
import { formatByHeader, willNotStartWithout } from '../chains/start-refusals.ts';

interface Claim {
  readonly vm: ReadableVm | null;
  /** Who uses it, in words that begin a sentence. */
  readonly who: string;
  readonly format: string;
  /** Whether the guest goes by it, now or at its next start. */
  readonly isInForce: boolean;
  /** That the VM does not start where the image cannot be opened so; null where it does, or where it is not about its start. */
  readonly start: string | null;
}

/**
 * What definitions, records, saved memory and overlays say of an image's format, where the image says otherwise. LUKS stands
 * in definitions beside the format (`raw` and `<encryption>`), and is no contradiction.
 */
export function formatFindings(context: FindingContext): readonly Finding[] {
  const claims = claimsByImage(context);
  return context.inventory.images.flatMap((image) => {
    const format = formatByHeader(image);
    if (image.status !== 'ok' || format === null) return [];
    const contrary = (claims.get(image.id) ?? []).filter((claim) => claim.format !== format);
    return contrary.map((claim) => contradiction(image, format, claim, context));
  });
}

function claimsByImage({ vms, inventory }: FindingContext): ReadonlyMap<string, readonly Claim[]> {
  const claims = new Map<string, Claim[]>();
  const add = (imageId: string | null, format: string | null, claim: Omit<Claim, 'format'>) => {
    if (imageId === null || format === null) return;
    const known = claims.get(imageId);
    if (known) known.push({ ...claim, format });
    else claims.set(imageId, [{ ...claim, format }]);
  };
  for (const vm of vms) {
    const of = (what: string) => `VM “${vm.name}” (${what})`;
    for (const disk of vm.disks)
      add(disk.imageId, disk.format, {
        vm,
        who: of(`disk ${disk.target}`),
        isInForce: true,
        start: willNotStartWithout(disk, vm),
      });
    for (const use of vm.uses ?? []) {
      add(use.imageId, use.format, { vm, who: of(wordsOfUse(use)), isInForce: use.by !== 'snapshot', start: null });
    }
  }
  for (const { id, parent } of inventory.images) {
    if (parent)
      add(parent.imageId, parent.format, { vm: null, who: `The overlay ${id}`, isInForce: true, start: null });
  }
  return claims;
}

function contradiction(image: Image, format: string, claim: Claim, context: FindingContext): Finding {
  const { vm, who, isInForce, start } = claim;
  const reference = image.header?.reference ?? image.parent?.reference ?? null;
  const overlay = reference === null ? '' : `, an overlay of ${reference}`;
  const [message, remedy] =
    claim.format === 'raw'
      ? [
          `${who} uses ${image.id} as raw, but it begins as a ${format} image${overlay}. If it is one, the guest sees the bytes of its file instead of the disk in it, and destroys it by writing; if not, the guest itself wrote this beginning into its raw disk.`,
          vm === null
            ? `If it is one, record its format: qemu-img rebase -u -b BACKING -F ${format} OVERLAY, while no VM uses the overlay.`
            : `Find out which is right while the VM is shut off. If it is a ${format} image, set <driver name='qemu' type='${format}'/> with virsh edit. If the guest wrote it, move its data to another image, so that nothing takes it for an overlay.`,
        ]
      : [
          `${who} uses ${image.id} as ${claim.format}, but it is ${format}: QEMU refuses to open it so.${start === null ? '' : ` ${start}`}`,
          vm === null
            ? `Record the right format: qemu-img rebase -u -b BACKING -F ${format} OVERLAY, while no VM uses the overlay.`
            : `Set <driver name='qemu' type='${format}'/> with virsh edit, or put the right image there.`,
        ];
  return finding(context, {
    code: 'formatContradicted',
    severity:
      isInForce && (claim.format !== 'raw' || overlay !== '' || image.header === undefined) ? 'critical' : 'warning',
    ...(vm && { vm }),
    path: image.id,
    message,
    remedy,
  });
}
