/** What an administrator should know about a host's snapshots, chains and storage: the findings of a report. */
import type { Inventory, ReadableVm } from '../../model/inventory.ts';
import type { Finding, FindingCode, ReportThresholds } from '../../model/report.ts';
import { dependentsIndex, imagesById } from '../chains/chains.ts';
import type { FindingContext } from './findings-context.ts';
import { formatFindings } from './findings-formats.ts';
import { chainFindings, imageFindings, orphanFindings, startFindings, unusedImages } from './findings-images.ts';
import { jobFindings } from './findings-jobs.ts';
import { memoryFindings } from './findings-memory.ts';
import { pausedFindings } from './findings-paused.ts';
import { movedData } from './moved-data.ts';
import { leftBranchFindings, snapshotFindings } from './findings-snapshots.ts';
import { mergeFindings, storageFindings } from './findings-storage.ts';

/** What the codes mean, in a few words: for headings and legends. */
export const findingTitles: Readonly<Record<FindingCode, string>> = {
  snapshotOld: 'Old snapshot',
  olderThanParent: 'Older than its parent',
  tooManySnapshots: 'Many snapshots',
  chainTooLong: 'Long chain',
  chainBeyondLimit: 'Chain too long to start',
  imageMissing: 'Image missing',
  vmWillNotStart: 'VM will not start',
  nextStartDiffers: 'Other disk at the next start',
  chainLoops: 'Chain in a circle',
  chainUnreadable: 'Chain not readable',
  recordWithoutFile: 'Record without data',
  fileWithoutRecord: 'Data without a record',
  dataMoved: 'Data is elsewhere than its record says',
  activeLayerMismatch: 'Chain is not what the snapshot says',
  branchLeft: 'Left branch that nothing needs',
  internalInsideOverlay: 'Internal snapshots in an overlay',
  imageCorrupt: 'Image corrupt',
  jobRuns: 'Job runs',
  formatContradicted: 'Format contradicted',
  storageNearlyFull: 'Storage nearly full',
  mergeWouldNotFit: 'Merge would not fit',
  pausedByError: 'VM stands still',
  memorySaved: 'Saved memory of a VM',
};

const severityRank = { critical: 0, warning: 1, information: 2 } as const;

/**
 * All findings of one host, the worst first, then by VM, snapshot and path. What could not be read gives no finding:
 * it belongs into the report's list of what is not known.
 *
 * @param hostName the host's name in the host book, which need not be the one that it calls itself
 * @param now seconds since 1970 from which ages are counted
 */
export function findingsOf(
  hostName: string,
  inventory: Inventory,
  thresholds: ReportThresholds,
  now: number,
): readonly Finding[] {
  const vms = inventory.vms.filter((vm): vm is ReadableVm => vm.readable);
  const context: FindingContext = {
    hostName,
    inventory,
    thresholds,
    now,
    images: imagesById(inventory.images),
    dependents: dependentsIndex(inventory),
    vms,
    moved: movedData(inventory),
    unused: unusedImages({ inventory, vms }),
  };
  return [
    ...context.vms.flatMap((vm) => [
      ...snapshotFindings(vm, context),
      ...chainFindings(vm, context),
      ...jobFindings(vm, context),
      ...pausedFindings(vm, context),
      ...memoryFindings(vm, context),
      ...startFindings(vm, context),
    ]),
    ...leftBranchFindings(context),
    ...imageFindings(context),
    ...formatFindings(context),
    ...orphanFindings(context),
    ...storageFindings(context),
    ...mergeFindings(context),
  ].sort(compareFindings);
}

/** The worst first, then host, VM, code, snapshot and path: an order that does not depend on that of reading. */
export function compareFindings(a: Finding, b: Finding): number {
  return (
    severityRank[a.severity] - severityRank[b.severity] ||
    compareText(a.hostName, b.hostName) ||
    compareText(a.vmName ?? '', b.vmName ?? '') ||
    compareText(a.vmUuid ?? '', b.vmUuid ?? '') ||
    compareText(a.code, b.code) ||
    compareText(a.snapshotName ?? '', b.snapshotName ?? '') ||
    compareText(a.path ?? '', b.path ?? '') ||
    compareText(a.message, b.message)
  );
}

/** By code units: the same on every machine, whatever its language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
