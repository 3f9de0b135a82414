/** The operations as their journals tell them, for a Snaptree that may only look, and tell a step that runs how to go on. */
import { SnaptreeError } from '../../shared/errors.ts';
import { hasEnded } from '../../shared/rules/operations/operation-life.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import { readJournals } from '../store/journal.ts';
import { adjustStep, isAlwaysAllowed, requireAbility, runningStep } from './run/adjust-step.ts';
import { createHostTools } from './host/host-tools.ts';
import { afterRestart, replay } from './run/operation-machine.ts';
import { hostReadOnly, notResolvable } from './run/operation-messages.ts';
import { controlOf } from './host/step-control.ts';
import type { Audit } from './run/step-context.ts';
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
  /** Throws `hostNotFound`, `hostNotConnected`. */
  readonly runnerFor: (hostId: string) => CommandRunner;
  /** Throws `hostNotFound`. */
  readonly isReadOnly: (hostId: string) => boolean;
  readonly audit: Audit;
  readonly newId: () => string;
  readonly startedBy: { readonly user: string; readonly computer: string };
}

/**
 * Reads the journals once and changes nothing there. Of a step that runs it can say how it is to go on: the step says who wished that
 * in what it prints, so that it gets into its journal by whoever follows it. Throws `storeUnusable`.
 */
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
  const kept = journals
    .map(({ records }) => (inUse ? replay(records) : afterRestart(replay(records))))
    // As in the running service: what was refused, or is not accepted yet, is not shown.
    .filter(({ rejected, jobFolder }) => !rejected && (!inUse || jobFolder !== null))
    .sort((a, b) => b.operation.startedAt - a.operation.startedAt);
  const operations = kept.map(({ operation }) => operation);
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
    run: refused('run a plan'),
    cancel: refused('cancel an operation'),
    async adjust(operationId, wish) {
      const found = kept.find(({ operation }) => operation.id === operationId);
      if (!found) throw new SnaptreeError('operationNotFound', 'There is no such operation.');
      const { operation, jobFolder, attempt } = found;
      const { plan } = operation;
      if (hasEnded(operation) || jobFolder === null) {
        throw notResolvable(plan, 'It has ended, so there is nothing to change.');
      }
      const step = runningStep(operation);
      if (!isAlwaysAllowed(wish) && parts.isReadOnly(plan.hostId)) throw hostReadOnly(plan);
      const tools = createHostTools(parts.runnerFor(plan.hostId), new AbortController().signal);
      const job = { folder: jobFolder, stepIndex: step.index, attempt };
      const status = await tools.inspect(job);
      if (status.state !== 'running') throw notResolvable(plan, 'Its step has ended, so there is nothing to change.');
      requireAbility(operation, wish, controlOf(status.progress?.told ?? ''));
      return adjustStep({ ...parts, operation, step, job, wish, tools });
    },
    examine: refused('examine an operation'),
    resolve: refused('resume or forget an operation'),
    hostConnected: () => undefined,
    cleanedUp: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  };
}
