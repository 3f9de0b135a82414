/** The operations as their journals tell them, for a Snaptree that may only look. */
import type { SnaptreeError } from '../../shared/errors.ts';
import { readJournals } from '../store/journal.ts';
import { afterRestart, replay } from './operation-machine.ts';
import type { OperationService } from './operations.ts';
import { stateOfJournal, unreadableOperation } from './unreadable-operations.ts';

export interface ReadOnlyOperationsParts {
  readonly journalFolder: string;
  /** Whether another Snaptree works in the data folder: what the journals show as running then does run. */
  readonly inUse: boolean;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly clock: () => number;
  /** What everything but looking is refused with. */
  readonly refuse: (verb: string) => SnaptreeError;
}

/** Reads the journals once and changes nothing, neither there nor on a host. Throws `storeUnusable`. */
export async function openReadOnlyOperations(parts: ReadOnlyOperationsParts): Promise<OperationService> {
  const { journalFolder, inUse, clock, refuse } = parts;
  const { journals, unreadable, notices } = await readJournals(
    journalFolder,
    clock,
    (records) => void replay(records),
    {
      inUse,
    },
  );
  const operations = journals
    .map(({ records }) => (inUse ? replay(records) : afterRestart(replay(records))))
    // As in the running service: what was refused, or is not accepted yet, is not shown.
    .filter(({ rejected, jobFolder }) => !rejected && (!inUse || jobFolder !== null))
    .map(({ operation }) => operation)
    .sort((a, b) => b.startedAt - a.startedAt);
  const refused = (verb: string) => () => Promise.reject(refuse(verb));
  return {
    notices,
    list: () => operations,
    onChange: () => () => undefined,
    listProgress: () => [],
    onProgress: () => () => undefined,
    listUnreadable: () => unreadable.map((journal) => unreadableOperation(journal, stateOfJournal(journal))),
    onUnreadableChange: () => () => undefined,
    start: refused('run a plan'),
    cancel: refused('cancel an operation'),
    examine: refused('examine an operation'),
    resolve: refused('resume or forget an operation'),
    hostConnected: () => undefined,
    cleanedUp: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  };
}
