/** A VM's answers as records: its definition and its snapshots, and what still has to be asked to have them all. */
import type { Problem } from '../../../shared/model/inventory.ts';
import { parseDomainXml, type DiskSource, type Domain } from './domain-xml.ts';
import type { Lookup } from './batch-script.ts';
import { virshError, type VmAnswers } from './host-answers.ts';
import { joinedCandidates, listLines, resolveNames } from './snapshot-names.ts';
import { parseSnapshotXml, type SnapshotRecord } from './snapshot-xml.ts';
import { XmlError } from './xml.ts';

/** What is known of a name: a snapshot's record, that it is none, or that it is one whose record cannot be read. */
type NameFact =
  | { readonly kind: 'record'; readonly record: SnapshotRecord }
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken'; readonly reason: string };

export interface VmRecords {
  readonly answers: VmAnswers;
  readonly domain: Domain;
  /** The definition for the next start, where it can differ. */
  readonly inactive: Domain | null;
  readonly snapshots: readonly SnapshotRecord[];
  readonly currentName: string | null;
  readonly problems: readonly Problem[];
}

/** Collects what is known of one VM over several round trips. */
export interface VmReading {
  readonly answers: VmAnswers;
  /** Null where the definition cannot be read; `reason` says why. */
  readonly domain: Domain | null;
  readonly reason: string | null;
  /** Names that must be looked up before `records` is complete. Empty when there is nothing left to ask. */
  openLookups(): readonly Lookup[];
  /** Takes in what `virsh snapshot-dumpxml` printed for `name`. */
  learn(name: string, body: string): void;
  /** @throws Error where there is no domain */
  records(domain: Domain): VmRecords;
}

/** Half a sentence that says why XML was not accepted. */
function reasonOf(error: unknown): string {
  if (error instanceof XmlError) return error.message;
  throw error;
}

function snapshotFact(name: string, body: string): NameFact {
  const error = virshError(body);
  if (error !== null) {
    return /Domain snapshot not found|no domain snapshot with matching name/.test(error)
      ? { kind: 'absent' }
      : { kind: 'broken', reason: error };
  }
  try {
    const record = parseSnapshotXml(body);
    return record.name === name
      ? { kind: 'record', record }
      : { kind: 'broken', reason: `it is called “${record.name}” in its own record` };
  } catch (thrown) {
    return { kind: 'broken', reason: reasonOf(thrown) };
  }
}

function parseDefinition(body: string): { domain: Domain | null; reason: string | null } {
  const error = virshError(body);
  if (error !== null) return { domain: null, reason: `libvirt did not give its definition: ${error}.` };
  try {
    return { domain: parseDomainXml(body), reason: null };
  } catch (thrown) {
    return { domain: null, reason: `Its definition cannot be read: ${reasonOf(thrown)}.` };
  }
}

/** Starts with what the first round trip gave. */
export function beginVmReading(answers: VmAnswers): VmReading {
  const facts = new Map<string, NameFact>();
  const { domain, reason } = parseDefinition(answers.domain);
  const lines = listLines(answers.listing);
  for (const [line, body] of answers.snapshots) {
    const name = lines[line];
    if (name !== undefined) facts.set(name, snapshotFact(name, body));
  }
  const exists = (name: string): boolean => (facts.get(name)?.kind ?? 'absent') !== 'absent';
  const listingError = lines.some(exists) ? null : listingFailure(answers.listing);
  const usableLines = listingError === null ? lines : [];

  /** Names that something refers to: each snapshot's parent, and the current one. A list can leave a snapshot out. */
  const referredNames = (): ReadonlySet<string> => {
    const names = new Set<string>();
    for (const fact of facts.values()) {
      if (fact.kind === 'record' && fact.record.parentName !== null) names.add(fact.record.parentName);
    }
    const current = currentName();
    if (current !== null) names.add(current);
    return names;
  };
  const currentName = (): string | null => {
    // virsh prints the name and nothing behind it; a name can end with a line break of its own.
    const name = answers.current;
    if (name === '' || (name.startsWith('error: ') && !exists(name))) return null;
    return name;
  };

  return {
    answers,
    domain,
    reason,
    openLookups() {
      if (domain === null) return [];
      const names = new Set([...joinedCandidates(usableLines, exists), ...referredNames()]);
      return [...names]
        .filter((name) => name !== '' && !facts.has(name) && !name.includes('\0'))
        .map((name) => ({ kind: 'snapshot', uuid: answers.uuid, name }));
    },
    learn(name, body) {
      facts.set(name, snapshotFact(name, body));
    },
    records(readDomain) {
      const problems: Problem[] = [];
      const { names, isClear } = resolveNames(usableLines, exists);
      if (listingError !== null) {
        problems.push({ severity: 'error', message: `The snapshots could not be listed: ${listingError}.` });
      }
      if (!isClear) {
        problems.push({
          severity: 'error',
          message:
            'The snapshot list could not be told apart, since names in it have line breaks; it may be incomplete.',
        });
      }
      const all = new Set([...names, ...[...referredNames()].filter(exists)]);
      const snapshots: SnapshotRecord[] = [];
      for (const name of all) {
        const fact = facts.get(name);
        if (fact?.kind === 'record') snapshots.push(fact.record);
        else if (fact?.kind === 'broken') {
          problems.push({
            severity: 'error',
            message: `The record of snapshot “${name}” cannot be read: ${fact.reason}.`,
          });
        }
      }
      const current = currentName();
      const currentError = virshError(answers.current);
      if (current === null && currentError !== null && !currentError.includes('has no current snapshot')) {
        problems.push({ severity: 'warning', message: `Which snapshot is current is not known: ${currentError}.` });
      }
      const inactive = answers.inactive === null ? null : parseDefinition(answers.inactive);
      if (inactive !== null && inactive.reason !== null) {
        problems.push({ severity: 'warning', message: `Of the next start: ${inactive.reason}` });
      }
      return {
        answers,
        domain: readDomain,
        inactive: inactive?.domain ?? null,
        snapshots,
        currentName: current !== null && exists(current) ? current : null,
        problems,
      };
    },
  };
}

/** Why there is no list, where there is none. An empty list is one: no snapshots. */
function listingFailure(listing: string): string | null {
  return listing.trim() === '' ? null : virshError(listing);
}

/** Every source that a VM's definitions and snapshots name, with the format in which it is used. */
export function sourcesOf(vm: VmRecords): readonly { readonly source: DiskSource; readonly format: string | null }[] {
  const domains = [vm.domain, vm.inactive, ...vm.snapshots.map(({ domain }) => domain)];
  return [
    ...domains.flatMap((domain) => domain?.disks ?? []).flatMap((disk) => [disk, ...disk.backing]),
    ...vm.snapshots.flatMap(({ disks }) => disks.flatMap(({ overlay }) => (overlay ? [overlay] : []))),
  ];
}
