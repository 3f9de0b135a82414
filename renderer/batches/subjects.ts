/** What a batch can be made of: the snapshots or VMs of every host that is connected and was read. Pure. */
import type { InventoryState } from '../../shared/contract.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import { mergeableDisks, type MergeableDisk } from '../../shared/rules/snapshots/merge-proposals.ts';
import { matchesPattern } from '../../shared/rules/text/name-pattern.ts';
import { count, localDate } from '../../shared/rules/text/units.ts';
import { imageIndex } from '../store/selectors.ts';

/** What is made of each that is chosen. */
export type Deed = 'delete' | 'create' | 'merge';

export interface Subject {
  /** Of its own over all hosts. */
  readonly key: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly vm: ReadableVm;
  /** Of a deletion; null: the VM itself is meant. */
  readonly snapshot: Snapshot | null;
  /** Of a merge: the disks that have something to merge. */
  readonly disks: readonly MergeableDisk[];
}

interface Known {
  readonly hostIds: readonly string[] | null;
  readonly hosts: Readonly<Record<string, HostWithSession>>;
  readonly inventories: Readonly<Record<string, InventoryState>>;
}

export interface Subjects {
  readonly subjects: readonly Subject[];
  /** What is not among them, and why, in sentences: no list is silently shorter than the truth. */
  readonly missing: readonly string[];
}

export function subjectsOf(deed: Deed, { hostIds, hosts, inventories }: Known): Subjects {
  const subjects: Subject[] = [];
  const missing: string[] = [];
  for (const hostId of hostIds ?? []) {
    const entry = hosts[hostId];
    if (!entry) continue;
    const { name: hostName, readOnly } = entry.host;
    const inventory = inventories[hostId]?.inventory;
    if (entry.session.state !== 'connected') missing.push(`${hostName} is not connected.`);
    else if (!inventory) missing.push(`${hostName} has not been read.`);
    else if (readOnly) missing.push(`${hostName} is read-only in Snaptree.`);
    else {
      const images = imageIndex(inventory.images);
      const unreadable = inventory.vms.filter(({ readable }) => !readable).length;
      if (unreadable > 0) missing.push(`${hostName} has ${count(unreadable, 'VM')} that could not be read.`);
      for (const vm of inventory.vms) {
        if (!vm.readable) continue;
        const ofVm = { key: `${hostId}/${vm.uuid}`, hostId, hostName, vm, snapshot: null, disks: [] };
        if (deed === 'create') subjects.push(ofVm);
        else if (deed === 'merge') {
          const disks = mergeableDisks(vm, images);
          if (disks.length > 0) subjects.push({ ...ofVm, disks });
        } else {
          for (const snapshot of vm.snapshots) {
            subjects.push({ ...ofVm, key: snapshotKey(hostId, vm.uuid, snapshot.id), snapshot });
          }
        }
      }
    }
  }
  return { subjects, missing };
}

/** The key of a snapshot over all hosts, of whose id nothing is known. */
export function snapshotKey(hostId: string, vmUuid: string, snapshotId: string): string {
  return JSON.stringify([hostId, vmUuid, snapshotId]);
}

/** What was typed to find some of them. */
export interface Filters {
  readonly name: string;
  readonly vm: string;
  readonly host: string;
  /** Of snapshots: a number of days, or a date. */
  readonly olderThan: string;
}

export interface Shown {
  readonly shown: readonly Subject[];
  /** That the rest would fit, but nobody knows how old they are. */
  readonly ofUnknownAge: number;
}

/** @param now in seconds since 1970 */
export function filtered(subjects: readonly Subject[], filters: Filters, now: number): Shown {
  const limit = ageLimit(filters.olderThan, now);
  const fitting = subjects.filter(
    ({ snapshot, vm, hostName }) =>
      (snapshot === null || isMeant(snapshot.name, filters.name)) &&
      isMeant(vm.name, filters.vm) &&
      isMeant(hostName, filters.host),
  );
  const before = 'before' in limit ? limit.before : null;
  if (before === null) return { shown: fitting, ofUnknownAge: 0 };
  return {
    shown: fitting.filter(
      ({ snapshot }) => snapshot === null || (snapshot.createdAt !== null && snapshot.createdAt < before),
    ),
    ofUnknownAge: fitting.filter(({ snapshot }) => snapshot !== null && snapshot.createdAt === null).length,
  };
}

/** With `*` or `?` the whole name is compared, as on the command line; without, a part of it is enough. Capital letters are as good as small ones. */
function isMeant(name: string, typed: string): boolean {
  const [text, wanted] = [name.toLocaleLowerCase(), typed.trim().toLocaleLowerCase()];
  return /[*?]/.test(wanted) ? matchesPattern(text, wanted) : text.includes(wanted);
}

const secondsOf: Readonly<Record<string, number>> = { h: 3600, d: 86_400, w: 604_800 };

/**
 * The moment before which a snapshot was created that is older than what was typed: `30` (days), `12h`, `30d`, `6w`, or `2026-10-01`,
 * which begins in local time. Null: nothing was typed.
 *
 * @param now in seconds since 1970, as the moment is
 */
export function ageLimit(
  typed: string,
  now: number,
): { readonly before: number | null } | { readonly problem: string } {
  const text = typed.trim();
  if (text === '') return { before: null };
  const [, number, unit = 'd'] = /^(\d{1,5}) *([hdw])?$/.exec(text) ?? [];
  if (number !== undefined) return { before: now - Number(number) * (secondsOf[unit] ?? 0) };
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00`) : null;
  // `2026-02-31` is taken for a day in March.
  if (date && !Number.isNaN(date.getTime()) && localDate(date) === text) return { before: date.getTime() / 1000 };
  return { problem: 'A number of days, an age such as 12h or 6w, or a date such as 2026-10-01.' };
}
