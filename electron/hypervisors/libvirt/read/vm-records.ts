/** A VM's answers as records: its definition and its snapshots. Pure. */
import type { Problem } from '../../../../shared/model/inventory.ts';
import { parseDomainXml, type DiskSource, type Domain } from './domain-xml.ts';
import { virshError, type VmAnswers } from './host-answers.ts';
import { listLines, resolveNames } from '../snapshot-names.ts';
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

/** A VM whose definition cannot be read: all that can be said of it is why. */
export interface UnreadableVm {
  readonly answers: VmAnswers;
  readonly reason: string;
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

/** Takes apart what libvirt said of one VM. What is wrong with a snapshot or a list is among `problems`. */
export function readVm(answers: VmAnswers): VmRecords | UnreadableVm {
  const { domain, reason } = parseDefinition(answers.domain);
  if (domain === null) return { answers, reason: reason ?? 'It was not examined.' };
  const facts = new Map<string, NameFact>();
  const lines = listLines(answers.listing);
  for (const [line, body] of answers.snapshots) {
    const name = lines[line];
    if (name !== undefined) facts.set(name, snapshotFact(name, body));
  }
  for (const [name, body] of answers.lookups) facts.set(name, snapshotFact(name, body));
  const exists = (name: string): boolean => (facts.get(name)?.kind ?? 'absent') !== 'absent';
  // virsh prints the name and nothing behind it; a name can end with a line break of its own.
  const isCurrentNamed = answers.current !== '' && (!answers.current.startsWith('error: ') || exists(answers.current));
  const current = isCurrentNamed ? answers.current : null;

  const problems: Problem[] = [];
  const listingError = lines.some(exists) ? null : listingFailure(answers.listing);
  const { names, isClear } = resolveNames(listingError === null ? lines : [], exists);
  if (listingError !== null) {
    problems.push({ severity: 'error', message: `The snapshots could not be listed: ${listingError}.` });
  }
  if (!isClear) {
    problems.push({
      severity: 'error',
      message: 'The snapshot list could not be told apart, since names in it have line breaks; it may be incomplete.',
    });
  }
  // A list can leave a snapshot out that another names as its parent, or that is current.
  const referred = [...facts.values()].flatMap((fact) =>
    fact.kind === 'record' && fact.record.parentName !== null ? [fact.record.parentName] : [],
  );
  const all = new Set([
    ...names,
    ...referred.filter(exists),
    ...(current !== null && exists(current) ? [current] : []),
  ]);
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
    domain,
    inactive: inactive?.domain ?? null,
    snapshots,
    currentName: current !== null && exists(current) ? current : null,
    problems,
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
