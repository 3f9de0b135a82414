/** The handlers of the contract: the one place where a request of a renderer becomes a call of the core. */
import { isDeepStrictEqual } from 'node:util';
import type { ConnectionTest, ImportCandidate, ImportSource, ResponseValue } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { GuestAgent } from '../../shared/model/guest-agent.ts';
import type { Host, HostSettings } from '../../shared/model/host.ts';
import type { RecordFiles } from '../../shared/model/record-files.ts';
import { hasEnded } from '../../shared/rules/operations/operation-life.ts';
import type { BatchService } from '../batches/batches.ts';
import type { Questions } from '../hosts/questions.ts';
import type { Sessions } from '../hosts/sessions.ts';
import type { Inventories } from '../inventory/inventories.ts';
import { inventorySubscription } from '../inventory/inventory-subscription.ts';
import type { Notices } from '../application/notices.ts';
import type { OperationService } from '../operations/operations.ts';
import type { PlanService } from '../operations/plans/plans.ts';
import type { ReportService } from '../reports/report-service.ts';
import type { HostBook } from '../store/host-book.ts';
import type { Handlers } from './handlers.ts';

export interface ContractParts {
  readonly description: ResponseValue<'application.describe'>;
  readonly hostBook: HostBook;
  readonly sessions: Sessions;
  readonly questions: Questions;
  readonly inventories: Inventories;
  /** Null where the hypervisor has no such agents. Throws what connecting and asking throw. */
  readonly askGuestAgent: (hostId: string, vmUuid: string, signal: AbortSignal) => Promise<GuestAgent | null>;
  /** Throws what connecting and reading throw, and `unsupported` where records are no files. */
  readonly readRecordFiles: (
    hostId: string,
    vmUuid: string,
    folder: string | null,
    signal: AbortSignal,
  ) => Promise<RecordFiles>;
  readonly plans: PlanService;
  readonly operations: OperationService;
  readonly batches: BatchService;
  readonly notices: Notices;
  readonly reports: ReportService;
  /** Hosts that could be added. Throws `importFailed`. */
  readonly importableHosts: (source: ImportSource) => Promise<readonly ImportCandidate[]>;
  /** Puts the simulated hosts of the demo fleet into the host book, where they are not yet; gives all of them. */
  readonly addDemoHosts: () => Promise<readonly Host[]>;
  /** Tries settings that need not be saved. Throws `cancelled`; everything else that fails is in the answer. */
  readonly testConnection: (settings: HostSettings, signal: AbortSignal) => Promise<ConnectionTest>;
}

const done = Promise.resolve({});

export function contractHandlers(parts: ContractParts): Handlers {
  const { hostBook, sessions, questions, inventories, plans, operations, batches, notices, reports } = parts;
  return {
    requests: {
      'application.describe': () => Promise.resolve(parts.description),
      'hosts.add': ({ settings }) => hostBook.add(settings),
      'hosts.update': async ({ hostId, settings }) => {
        refuseWhileInUse(parts, hostId, 'changed');
        const before = hostBook.get(hostId);
        const host = await hostBook.update(hostId, settings);
        // What was read before is then of another host, or of other VMs on this one.
        const isSame =
          isDeepStrictEqual(before.connection, host.connection) &&
          isDeepStrictEqual(before.hypervisor, host.hypervisor);
        if (!isSame) inventories.startOver(hostId);
        if (sessions.state(hostId).state === 'connected') void inventories.read(hostId).catch(() => undefined);
        return host;
      },
      'hosts.remove': async ({ hostId }) => {
        refuseWhileInUse(parts, hostId, 'removed');
        await hostBook.remove(hostId);
        inventories.forget(hostId);
        return {};
      },
      'hosts.test': ({ settings }, { signal }) => parts.testConnection(settings, signal),
      'hosts.importable': async ({ source }) => ({ candidates: [...(await parts.importableHosts(source))] }),
      'hosts.addDemo': async () => ({ hosts: [...(await parts.addDemoHosts())] }),
      'hosts.connect': async ({ hostId }, { signal }) => {
        await sessions.connect(hostId, signal);
        await inventories.refresh(hostId);
        return {};
      },
      'hosts.disconnect': ({ hostId }) => {
        sessions.disconnect(hostId);
        return done;
      },
      'questions.answer': ({ questionId, answer }) => {
        questions.answer(questionId, answer);
        return done;
      },
      'inventory.refresh': async ({ hostId }) => {
        await inventories.refresh(hostId);
        return {};
      },
      'guests.askAgent': async ({ hostId, vmUuid }, { signal }) => ({
        agent: await parts.askGuestAgent(hostId, vmUuid, signal),
      }),
      'records.read': ({ hostId, vmUuid, folder }, { signal }) => parts.readRecordFiles(hostId, vmUuid, folder, signal),
      'plans.create': ({ hostId, request }) => plans.create(hostId, request),
      'operations.start': async ({ planId, takeOver }) => ({
        operationId: await operations.start(planId, takeOver),
      }),
      'operations.cancel': async ({ operationId }) => {
        await operations.cancel(operationId);
        return {};
      },
      'operations.adjust': async ({ operationId, wish }) => ({ message: await operations.adjust(operationId, wish) }),
      'operations.examine': ({ operationId }) => operations.examine(operationId),
      'operations.resolve': async ({ operationId, choice }) => {
        await operations.resolve(operationId, choice);
        return {};
      },
      'batches.plan': ({ requests }) => batches.plan(requests),
      'batches.start': async ({ batchPlanId }) => ({ batchId: await batches.start(batchPlanId) }),
      'batches.cancel': async ({ batchId }) => {
        await batches.cancel(batchId);
        return {};
      },
      'batches.resolve': async ({ batchId, choice }) => {
        await batches.resolve(batchId, choice);
        return {};
      },
      'reports.start': ({ hostIds, thresholds }) => Promise.resolve({ reportId: reports.start(hostIds, thresholds) }),
      'reports.discard': ({ reportId }) => {
        reports.discard(reportId);
        return done;
      },
      'reports.save': ({ reportId, format }) => reports.save(reportId, format),
      'files.open': async ({ fileId }) => {
        await reports.openFile(fileId);
        return {};
      },
      'notices.dismiss': ({ noticeId }) => {
        notices.dismiss(noticeId);
        return done;
      },
    },
    subscriptions: {
      hosts: (_parameters, emit) => presentAndChanges(() => sessions.list(), sessions, emit),
      inventory: inventorySubscription(inventories),
      questions: (_parameters, emit) => presentAndChanges(() => [...questions.list()], questions, emit),
      operations: (_parameters, emit) => {
        emit({ kind: 'all', operations: [...operations.list()] });
        return operations.onChange((operation) => {
          emit({ kind: 'changed', operation });
        });
      },
      batches: (_parameters, emit) => {
        emit({ kind: 'all', batches: [...batches.list()] });
        return batches.onChange((batch) => {
          emit({ kind: 'changed', batch });
        });
      },
      stepProgress: (_parameters, emit) =>
        presentAndChanges(
          () => [...operations.listProgress()],
          { onChange: (listener) => operations.onProgress(listener) },
          emit,
        ),
      unreadableOperations: (_parameters, emit) =>
        presentAndChanges(
          () => [...operations.listUnreadable()],
          { onChange: (listener) => operations.onUnreadableChange(listener) },
          emit,
        ),
      report: ({ reportId }, emit) => {
        emit(reports.state(reportId));
        return reports.onChange((changed) => {
          if (changed === reportId) emit(reports.state(reportId));
        });
      },
      notices: (_parameters, emit) => presentAndChanges(() => [...notices.list()], notices, emit),
    },
  };
}

/** A host that an operation depends on must stay reachable in the way in which the operation was begun. */
function refuseWhileInUse(
  { operations, batches }: Pick<ContractParts, 'operations' | 'batches'>,
  hostId: string,
  verb: string,
): void {
  const open = operations.list().find((operation) => operation.plan.hostId === hostId && !hasEnded(operation));
  const unreadable = operations.listUnreadable().find((each) => each.hostId === hostId && each.state === 'open');
  const batch = batches
    .list()
    .flatMap(({ id, title, endedAt, items }) => items.map((item) => ({ ...item, id, title, endedAt })))
    .find((item) => item.hostId === hostId && item.state === 'waiting' && !hasEnded(item));
  if (!open && !unreadable && !batch) return;
  const id = open?.id ?? unreadable?.id ?? batch?.id ?? '';
  const { hostName, title } = open?.plan ?? unreadable ?? batch ?? { hostName: null, title: null };
  const what = open || unreadable ? 'an operation on it is not ended' : 'a batch that it is part of is not ended';
  throw new SnaptreeError(
    'hostInUse',
    `${hostName ?? 'The host'} cannot be ${verb} while ${what}: ${title ?? id}. Wait for its end, or resume or forget it. Nothing was changed.`,
    { data: { operationId: id }, untold: ['operationId'] },
  );
}

function presentAndChanges<Value>(
  present: () => Value,
  source: { onChange(listener: () => void): () => void },
  emit: (value: Value) => void,
): () => void {
  emit(present());
  return source.onChange(() => {
    emit(present());
  });
}
