/**
 * Operations whose journals cannot be used: damaged, or written by a newer Snaptree. What is known of them is shown, and
 * their VMs can be unlocked; nothing else is ever done for them.
 */
import { SnaptreeError } from '../../shared/errors.ts';
import type { UnreadableOperation } from '../../shared/model/operation.ts';
import { createListeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import type { UnreadableJournal } from '../store/journal.ts';
import type { HostTools } from './host/host-tools.ts';
import { oneLine } from './host/one-line.ts';

export interface UnreadableOperations {
  list(): readonly UnreadableOperation[];
  find(operationId: string): UnreadableOperation | null;
  /** Calls `listener` when one of them changes. Gives a function that stops it. */
  onChange(listener: () => void): () => void;
  /**
   * Unlocks the VM, at once or when its host is connected next. Throws `operationNotResolvable` where a step of it still
   * runs, or it is forgotten already, and `storeUnusable`.
   */
  forget(operationId: string): Promise<void>;
  /** To be called when a host was connected: removes what forgotten operations left there. Never throws. */
  hostConnected(hostId: string): Promise<void>;
}

interface Parts {
  readonly journals: readonly UnreadableJournal[];
  readonly log: Log;
  /** Throws `hostNotConnected`, `hostNotFound`. */
  readonly toolsFor: (hostId: string) => HostTools;
}

type State = UnreadableOperation['state'];

/** What is known of these operations, as it is shown. Pure. */
export function unreadableOperation(
  { operationId, kind, explanation, known }: UnreadableJournal,
  state: State,
): UnreadableOperation {
  const { hostId, hostName, vmUuid, vmName, title, startedAt } = known;
  const unsure = kind === 'damaged' ? ' What is shown of it was taken from the damaged file.' : '';
  const what =
    state === 'open'
      ? `What became of it can be told only on its host${hostName === null ? '' : `, ${oneLine(hostName)}`}, and its VM may still be locked there. Forget it, and the VM is unlocked; nothing is run or taken back.${kind === 'newer' ? ' The newer Snaptree can do more with it.' : ''}`
      : state === 'forgotten'
        ? 'It is forgotten. Its VM is unlocked as soon as its host is connected.'
        : 'Nothing of it is left on its host.';
  return {
    id: operationId,
    hostId,
    hostName,
    vmUuid,
    vmName,
    title,
    startedAt,
    state,
    message: `${explanation}${unsure} ${what}`,
  };
}

export function stateOfJournal({ cleanedUp, forgotten }: UnreadableJournal): State {
  return cleanedUp ? 'ended' : forgotten ? 'forgotten' : 'open';
}

export function createUnreadableOperations({ journals, log, toolsFor }: Parts): UnreadableOperations {
  const states = new Map<string, State>(journals.map((each) => [each.operationId, stateOfJournal(each)]));
  const changed = createListeners<[]>();
  const shown = (journal: UnreadableJournal) => unreadableOperation(journal, states.get(journal.operationId) ?? 'open');

  function become(journal: UnreadableJournal, state: State): void {
    states.set(journal.operationId, state);
    changed.call();
  }

  /** @param isItsHost whether the journal says that this is its host; where it does not say, it may be any */
  async function cleanUp(journal: UnreadableJournal, hostId: string, isItsHost: boolean): Promise<void> {
    const { operationId, known } = journal;
    const { jobFolder } = known;
    const tools = toolsFor(hostId);
    const usable = jobFolder?.endsWith(`/snaptree/operations/${operationId}`) === true ? jobFolder : null;
    const result = await tools.cleanUp({ operationId, jobFolder: usable });
    if (result === 'running') {
      throw new SnaptreeError(
        'operationNotResolvable',
        'A step of this operation still runs on its host. It can be forgotten when the step has ended.',
      );
    }
    if (result === 'nothingThere' && !isItsHost) return;
    await journal.putAway();
    become(journal, 'ended');
  }

  return {
    list: () => journals.map(shown),
    find(operationId) {
      const journal = journals.find((each) => each.operationId === operationId);
      return journal ? shown(journal) : null;
    },
    onChange: (listener) => changed.add(listener),

    async forget(operationId) {
      const journal = journals.find((each) => each.operationId === operationId);
      if (!journal) throw new SnaptreeError('operationNotFound', 'This operation is not known.');
      if (states.get(operationId) !== 'open') {
        throw new SnaptreeError('operationNotResolvable', shown(journal).message);
      }
      const { hostId } = journal.known;
      let tools: HostTools | null = null;
      try {
        tools = hostId === null ? null : toolsFor(hostId);
      } catch (error) {
        log.warn('an operation is forgotten without its host', { operationId, error });
      }
      if (tools === null || hostId === null) {
        await journal.forget();
        become(journal, 'forgotten');
        return;
      }
      try {
        await cleanUp(journal, hostId, true);
      } catch (error) {
        if (SnaptreeError.is(error, 'operationNotResolvable')) throw error;
        log.warn('an operation is forgotten without its host', { operationId, error });
        await journal.forget();
        become(journal, 'forgotten');
      }
    },

    async hostConnected(hostId) {
      for (const journal of journals) {
        if (states.get(journal.operationId) !== 'forgotten') continue;
        const known = journal.known.hostId;
        // What a damaged file says of its host may be damaged as well. A lock says whose it is.
        const mayBeHere = known === null || known === hostId || journal.kind === 'damaged';
        if (!mayBeHere) continue;
        try {
          await cleanUp(journal, hostId, known === hostId);
        } catch (error) {
          log.warn('what an operation left on its host could not be removed', {
            operationId: journal.operationId,
            error,
          });
        }
      }
    },
  };
}
