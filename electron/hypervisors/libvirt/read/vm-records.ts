/** A VM's answers as records: its definition and its snapshots. Pure. */
import type { Problem } from '../../../../shared/model/inventory.ts';
import { domainFromElement, type Domain } from './definitions/domain-xml.ts';
import { FileClaims, type FileClaim } from './definitions/file-claims.ts';
import { digestOfDefinitions, virshError, type KeptAnswers, type VmAnswers } from './host-answers.ts';
import { whySilent } from './jobs.ts';
import { listLines, resolveNames } from '../snapshot-names.ts';
import { namedFiles, type NamedFile } from './definitions/named-files.ts';
import { SentElements } from './definitions/sent-elements.ts';
import {
  parseSnapshotXml,
  unreadRecord,
  type ParsedSnapshot,
  type SnapshotRecord,
} from './definitions/snapshot-xml.ts';
import { parseXml, XmlError } from './definitions/xml.ts';

/** What is known of a name: a snapshot's record, that it is none, or that it is one whose record cannot be read. */
type NameFact =
  | (ParsedSnapshot & { readonly kind: 'record' })
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken'; readonly reason: string };

export interface VmRecords {
  readonly answers: KeptAnswers;
  readonly domain: Domain;
  /** The definition for the next start, where it can differ. */
  readonly inactive: Domain | null;
  /** Everything that its definitions, its saved memory and its records name. */
  readonly files: readonly FileClaim[];
  readonly snapshots: readonly SnapshotRecord[];
  readonly currentName: string | null;
  readonly problems: readonly Problem[];
}

/** A VM whose definition cannot be read: all that can be said of it is why. */
export interface UnreadableVm {
  readonly answers: KeptAnswers;
  readonly reason: string;
}

/** Half a sentence that says why XML was not accepted. */
function reasonOf(error: unknown): string {
  if (error instanceof XmlError) return error.message;
  throw error;
}

function snapshotFact(name: string, body: string, sent: SentElements): NameFact {
  const error = virshError(body);
  if (error !== null) {
    return /Domain snapshot not found|no domain snapshot with matching name/.test(error)
      ? { kind: 'absent' }
      : { kind: 'broken', reason: error };
  }
  try {
    const parsed = parseSnapshotXml(body, sent);
    return parsed.record.name === name
      ? { kind: 'record', ...parsed }
      : { kind: 'broken', reason: `it is called “${parsed.record.name}” in its own record` };
  } catch (thrown) {
    return { kind: 'broken', reason: reasonOf(thrown) };
  }
}

type Definition =
  | { readonly domain: Domain; readonly files: readonly NamedFile[] }
  | { readonly domain: null; readonly reason: string };

function parseDefinition(body: string, sent: SentElements, { control }: Pick<VmAnswers, 'control'>): Definition {
  const isHeld = body.trim() === '' && /^(occupied|background job) /.test(control);
  const error = isHeld ? whySilent(control) : virshError(body);
  if (error !== null) return { domain: null, reason: `libvirt did not give its definition: ${error}.` };
  try {
    const element = sent.whole(parseXml(body));
    return { domain: domainFromElement(element), files: namedFiles(element) };
  } catch (thrown) {
    return { domain: null, reason: `Its definition cannot be read: ${reasonOf(thrown)}.` };
  }
}

function kept(answers: VmAnswers): KeptAnswers {
  const { domain: _domain, inactive, memory: _memory, snapshots: _snapshots, lookups: _lookups, ...rest } = answers;
  return { ...rest, isRunning: inactive !== null, definitions: digestOfDefinitions(answers) };
}

/** Takes apart what libvirt said of one VM. What is wrong with a snapshot or a list is among `problems`. */
export function readVm(answers: VmAnswers): VmRecords | UnreadableVm {
  // In the order in which the host sends them: what it said before, it does not say again.
  const sent = new SentElements();
  const saved = answers.memory === null ? null : parseDefinition(answers.memory, sent, answers);
  const definition = parseDefinition(answers.domain, sent, answers);
  const inactive = answers.inactive === null ? null : parseDefinition(answers.inactive, sent, answers);
  if (definition.domain === null) return { answers: kept(answers), reason: definition.reason };
  const claims = new FileClaims();
  claims.add('definition', definition.files);
  const facts = new Map<string, NameFact>();
  const lines = listLines(answers.listing);
  for (const [line, body] of answers.snapshots) {
    const name = lines[line];
    if (name !== undefined) facts.set(name, snapshotFact(name, body, sent));
  }
  for (const [name, body] of answers.lookups) facts.set(name, snapshotFact(name, body, sent));
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
    if (fact?.kind === 'record') {
      snapshots.push(fact.record);
      claims.add('snapshot', fact.files, name);
    } else if (fact?.kind === 'broken') {
      // That it is there, and that others hang on it, is known all the same.
      snapshots.push(unreadRecord(name, fact.reason));
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
  if (inactive?.domain) claims.add('nextStart', inactive.files);
  else if (inactive) problems.push({ severity: 'warning', message: `Of the next start: ${inactive.reason}` });
  if (saved?.domain) claims.add('savedMemory', saved.files);
  else if (saved) problems.push({ severity: 'warning', message: `Of its saved memory: ${saved.reason}` });
  return {
    answers: kept(answers),
    domain: definition.domain,
    inactive: inactive?.domain ?? null,
    files: claims.all(),
    snapshots,
    currentName: current !== null && exists(current) ? current : null,
    problems,
  };
}

/** Why there is no list, where there is none. An empty list is one: no snapshots. */
function listingFailure(listing: string): string | null {
  return listing.trim() === '' ? null : virshError(listing);
}
