/** What the rules for findings look at, and how they word what they found. */
import type { Image, Inventory, ReadableVm } from '../../model/inventory.ts';
import type { Finding, FindingCode, ReportThresholds } from '../../model/report.ts';
import type { Dependents } from '../chains/chains.ts';
import { firstOf } from '../text/first-of.ts';
import type { MovedData } from './moved-data.ts';

export interface FindingContext {
  readonly hostName: string;
  readonly inventory: Inventory;
  readonly thresholds: ReportThresholds;
  /** Seconds since 1970. */
  readonly now: number;
  readonly images: ReadonlyMap<string, Image>;
  readonly dependents: ReadonlyMap<string, Dependents>;
  readonly vms: readonly ReadableVm[];
  readonly moved: MovedData;
  /** Images that no VM, no snapshot and no other image names. */
  readonly unused: ReadonlySet<Image>;
}

interface Found {
  readonly code: FindingCode;
  readonly severity: Finding['severity'];
  readonly vm?: ReadableVm | undefined;
  readonly snapshotName?: string;
  readonly path?: string;
  readonly message: string;
  readonly remedy: string;
}

export function finding(context: FindingContext, found: Found): Finding {
  const { code, severity, vm, snapshotName = null, path = null, message, remedy } = found;
  return {
    code,
    severity,
    hostName: context.hostName,
    vmName: vm?.name ?? null,
    vmUuid: vm?.uuid ?? null,
    snapshotName,
    path,
    message,
    remedy,
  };
}

/** The only VM that depends on an image, or undefined where there is none or more than one. */
export function onlyVmOf(imageId: string, context: FindingContext): ReadableVm | undefined {
  const vms = context.dependents.get(imageId)?.vms ?? [];
  return vms.length === 1 ? vms[0] : undefined;
}

/** `VM web`, `VMs web, mail`, or `no VM that is known`. */
export function vmsInWords(vms: readonly ReadableVm[]): string {
  if (vms.length === 0) return 'no VM that is known';
  return `${vms.length === 1 ? 'VM' : 'VMs'} ${firstOf(vms.map(({ name }) => `“${name}”`))}`;
}

/** `one snapshot`, `3 snapshots`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? `one ${one}` : `${count} ${many}`;
}
