/** Composes the application: what the shells serve is made of the parts that are put together here, and nowhere else. */
import { randomUUID } from 'node:crypto';
import { homedir, hostname, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import packageJson from '../../package.json' with { type: 'json' };
import type { Notice } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Application, ApplicationOptions } from './application-factory.ts';
import { addDemoHosts } from './add-demo-hosts.ts';
import { watchAnswers } from './answers.ts';
import { noFileSaver } from './file-saver.ts';
import { createConnect } from '../hosts/connect.ts';
import type { Connect, ConnectSimulated } from '../hosts/connect.ts';
import { openBatchService } from '../batches/batches.ts';
import { openReadOnlyBatches } from '../batches/read-only-batches.ts';
import { testConnection } from '../hosts/connection-test.ts';
import { importableHosts } from '../hosts/import/import-hosts.ts';
import { createHostKeySettings } from '../hosts/known-hosts/host-key-settings.ts';
import { createKnownHosts } from '../hosts/known-hosts/known-hosts.ts';
import { createQuestions } from '../hosts/questions.ts';
import { createSessions } from '../hosts/sessions.ts';
import { systemTicks, watchForSleep } from '../hosts/sleep-watch.ts';
import { driverOf } from '../hypervisors/drivers.ts';
import { createInventories } from '../inventory/inventories.ts';
import { contractHandlers } from '../ipc/contract-handlers.ts';
import { openNotices } from './notices.ts';
import { openOperationService } from '../operations/operations.ts';
import { createPlanService } from '../operations/plans/plans.ts';
import { openReadOnlyOperations } from '../operations/read-only-operations.ts';
import { createAudit } from '../operations/run/step-context.ts';
import { createReportService } from '../reports/report-service.ts';
import { createAuditTrail } from '../store/audit-trail.ts';
import { ensureFolder } from '../store/files.ts';
import { openHostBook } from '../store/host-book.ts';
import { acquireInstanceLock, instanceLockHolder } from '../store/instance-lock.ts';
import { storePaths } from '../store/paths.ts';
import { makePrivate } from '../store/private-folder.ts';
import { keepSpareDescriptors } from '../store/spare-descriptors.ts';
import { readOnlyHostBook, withVisitors } from './visitors.ts';

/** Milliseconds that ended operations have to leave nothing on their hosts when the application is closed. */
const patience = 5000;

/** The simulated hosts are large, and most people have real ones. */
const connectDemoFleet: ConnectSimulated = async (...about) => {
  const { connectDemo } = await import('../simulator/fleet/connect-demo.ts');
  return connectDemo(...about);
};

const clock = (): number => Date.now() / 1000;

/**
 * Opens everything that Snaptree keeps in `dataFolder` and gives the handlers of the contract over it. Throws
 * `storeInUse` where another Snaptree uses the folder (but for `readOnly`), and `storeUnusable` where what is in it
 * cannot be read by this version.
 */
export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const { dataFolder, shell, log, access = 'exclusive' } = options;
  const readOnly = access === 'readOnly';
  const paths = storePaths(dataFolder);
  let wasOpen: string | null = null;
  if (!readOnly) {
    await ensureFolder(paths.folder);
    wasOpen = await makePrivate(paths.folder);
    keepSpareDescriptors();
  }
  const instance = readOnly ? { release: () => undefined } : await acquireInstanceLock(paths.instanceLock);
  const refuse = (verb: string) => readOnlyRefusal(verb, dataFolder, instanceLockHolder(paths.instanceLock));
  try {
    const notices = openNotices();
    const onNotice = (notice: Notice): void => {
      log.warn(notice.message);
      notices.add(notice);
    };
    if (wasOpen !== null) onNotice({ id: randomUUID(), severity: 'warning', message: wasOpen });

    const storedHosts = await openHostBook(paths.hostBook, onNotice, readOnly ? 'leave' : 'setAside');
    const visitors = withVisitors(readOnly ? readOnlyHostBook(storedHosts, refuse) : storedHosts);
    const { hostBook } = visitors;
    const questions = createQuestions();
    const { env: environment, platform } = process;
    const hostKeySettings = createHostKeySettings({ environment, platform, home: homedir() });
    const knownHosts = createKnownHosts(paths.knownHosts, hostKeySettings);
    const connectSimulated = options.connectSimulated ?? connectDemoFleet;
    const connectAny = createConnect({ questions, knownHosts, environment: process.env, connectSimulated });
    const connect: Connect = (about) => {
      // Nobody is asked for a password for a host with which nothing can be done.
      driverOf(about.host);
      return connectAny(about);
    };
    const sessions = createSessions({ hostBook, connect });
    const stopSleepWatch = watchForSleep(systemTicks, () => {
      sessions.wake();
    });
    const runnerFor = (hostId: string) => sessions.runner(hostId);
    const driverFor = (hostId: string) => driverOf(hostBook.get(hostId));
    const inventories = createInventories({ runnerFor, driverFor, clock, log });
    const readHost = async (hostId: string) => ({
      inventory: await inventories.read(hostId),
      hostName: hostBook.get(hostId).name,
    });
    const isReadOnly = (hostId: string) => hostBook.get(hostId).readOnly;
    const askGuestAgent = async (hostId: string, vmUuid: string, signal?: AbortSignal) =>
      (await driverFor(hostId).askGuestAgent?.(runnerFor(hostId), vmUuid, signal)) ?? null;
    const readRecordFiles = async (hostId: string, vmUuid: string, folder: string | null, signal: AbortSignal) => {
      const found = await driverFor(hostId).readRecordFiles?.(runnerFor(hostId), vmUuid, folder, signal);
      if (found) return found;
      throw new SnaptreeError(
        'commandFailed',
        `On ${hostBook.get(hostId).name} records of snapshots are kept in another way than in files.`,
      );
    };
    const plans = createPlanService({ driverFor, askGuestAgent, readHost, isReadOnly, clock, newId: randomUUID });
    const { journalFolder } = paths;
    const auditTrail = createAuditTrail(paths.auditTrail);
    const startedBy = { user: userInfo().username, computer: hostname() };
    const operations = readOnly
      ? await openReadOnlyOperations({
          journalFolder,
          inUse: instanceLockHolder(paths.instanceLock) !== null,
          clock,
          refuse,
          runnerFor,
          isReadOnly,
          audit: createAudit({ auditTrail, startedBy, clock, log }),
          newId: randomUUID,
          startedBy,
        })
      : await openOperationService({
          plans,
          runnerFor,
          readHost,
          isReadOnly,
          journalFolder,
          auditTrail,
          log,
          clock,
          newId: randomUUID,
          startedBy,
        });
    const planning = {
      plans,
      readHost,
      hostName: (hostId: string) => hostBook.get(hostId).name,
      clock,
      newId: randomUUID,
    };
    const { batchFolder } = paths;
    const batches = readOnly
      ? await openReadOnlyBatches({ ...planning, batchFolder, refuse })
      : await openBatchService({
          ...planning,
          batchFolder,
          operations,
          lastReading(hostId) {
            const { inventory } = inventories.state(hostId);
            return inventory && { inventory, hostName: hostBook.get(hostId).name };
          },
          isConnected: (hostId) => isConnected(sessions, hostId),
          log,
        });
    for (const notice of [...operations.notices, ...batches.notices]) onNotice(notice);

    const stopWatching = watchSessions(sessions, {
      onConnected(hostId) {
        operations.hostConnected(hostId);
        const watch = () => {
          // A command is over before anything could change under it.
          if (isConnected(sessions, hostId) && shell !== 'commandLine') inventories.watch(hostId);
        };
        // The error is in the inventory's state, where the user sees it.
        inventories.refresh(hostId).then(watch, watch);
      },
      onDisconnected(hostId) {
        inventories.unwatch(hostId);
      },
    });

    const stopListening = watchAnswers(inventories, (hostId) => {
      if (isConnected(sessions, hostId)) operations.hostConnected(hostId);
    });

    const handlers = contractHandlers({
      description: { version: packageJson.version, shell, dataFolder, userName: userInfo().username },
      hostBook,
      sessions,
      questions,
      inventories,
      askGuestAgent,
      readRecordFiles,
      plans,
      operations,
      batches,
      notices,
      reports: createReportService({
        hostName: (hostId) => hostBook.get(hostId).name,
        sessions,
        inventories,
        files: options.files ?? noFileSaver,
        log,
        clock,
        newId: randomUUID,
      }),
      importableHosts: (source) => importableHosts(source, hostBook.list()),
      addDemoHosts: () => addDemoHosts(hostBook),
      // Asynchronous, so that a hypervisor that is not known is a rejection too.
      testConnection: async (settings, signal) =>
        testConnection(settings, { connect, hypervisor: driverOf(settings), signal }),
    });
    return {
      handlers,
      addVisitor: visitors.add,
      wake: () => {
        sessions.wake();
      },
      async dispose() {
        stopSleepWatch();
        stopWatching();
        stopListening();
        inventories.close();
        // An operation that ended just now still unlocks its VM; a host that does not answer is not waited for.
        await Promise.race([operations.cleanedUp(), delay(patience, undefined, { ref: false })]);
        await batches.dispose();
        await operations.dispose();
        sessions.close();
        instance.release();
      },
    };
  } catch (error) {
    instance.release();
    throw error;
  }
}

/** @param holder the process that works in the data folder; null where there is none any more */
function readOnlyRefusal(verb: string, dataFolder: string, holder: number | null): SnaptreeError {
  return new SnaptreeError(
    'storeInUse',
    holder === null
      ? `This Snaptree was opened to read only, so it cannot ${verb}. Nothing was changed.`
      : `Another Snaptree (process ${holder}) uses the data folder ${dataFolder}, so this one cannot ${verb}. Nothing was changed. Do it in that one, or quit it first.`,
    { data: holder === null ? {} : { pid: String(holder) }, retryable: holder !== null },
  );
}

type SessionList = Pick<ReturnType<typeof createSessions>, 'list' | 'onChange'>;

function isConnected(sessions: SessionList, hostId: string): boolean {
  return sessions.list().some(({ host, session }) => host.id === hostId && session.state === 'connected');
}

/** Calls `onConnected` each time the session with a host comes to stand, by the user or by itself, and the other when it ends. */
function watchSessions(
  sessions: SessionList,
  callbacks: { readonly onConnected: (hostId: string) => void; readonly onDisconnected: (hostId: string) => void },
): () => void {
  let connected = new Set<string>();
  return sessions.onChange(() => {
    const now = new Set(
      sessions.list().flatMap(({ host, session }) => (session.state === 'connected' ? [host.id] : [])),
    );
    const before = connected;
    connected = now;
    for (const hostId of before) if (!now.has(hostId)) callbacks.onDisconnected(hostId);
    for (const hostId of now) if (!before.has(hostId)) callbacks.onConnected(hostId);
  });
}
