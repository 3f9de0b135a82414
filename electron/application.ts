/** Composes the application: what the shells serve is made of the parts that are put together here, and nowhere else. */
import { randomUUID } from 'node:crypto';
import { homedir, hostname, userInfo } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import type { Notice } from '../shared/contract.ts';
import type { Host, HostSettings } from '../shared/model/host.ts';
import type { Application, ApplicationOptions } from './application-factory.ts';
import { createConnect } from './hosts/connect.ts';
import { testConnection } from './hosts/connection-test.ts';
import { importableHosts } from './hosts/import/import-hosts.ts';
import { createKnownHosts } from './hosts/known-hosts.ts';
import { createQuestions } from './hosts/questions.ts';
import { createSessions } from './hosts/sessions.ts';
import { createLibvirtDriver } from './hypervisors/libvirt/index.ts';
import { createInventories } from './inventories.ts';
import { contractHandlers } from './ipc/contract-handlers.ts';
import { openNotices } from './notices.ts';
import { openOperationService } from './operations/operations.ts';
import { createPlanService } from './operations/plans.ts';
import { createReportService } from './reports/report-service.ts';
import { demoHosts } from './simulator/demo-fleet.ts';
import { createAuditTrail } from './store/audit-trail.ts';
import { ensureFolder } from './store/files.ts';
import { openHostBook } from './store/host-book.ts';
import { acquireInstanceLock } from './store/instance-lock.ts';
import { opensshKnownHosts, storePaths } from './store/paths.ts';

const clock = (): number => Date.now() / 1000;

/**
 * Opens everything that Snaptree keeps in `dataFolder` and gives the handlers of the contract over it. Throws
 * `storeUnusable` where another Snaptree uses the folder, or where what is in it cannot be read by this version.
 */
export async function createApplication({ dataFolder, shell, log }: ApplicationOptions): Promise<Application> {
  const paths = storePaths(dataFolder);
  await ensureFolder(paths.folder);
  const instance = await acquireInstanceLock(paths.instanceLock);
  try {
    const notices = openNotices();
    const onNotice = (notice: Notice): void => {
      log.warn(notice.message);
      notices.add(notice);
    };

    const hostBook = await openHostBook(paths.hostBook, onNotice);
    const questions = createQuestions();
    const knownHosts = createKnownHosts(paths.knownHosts, opensshKnownHosts(process.env, process.platform, homedir()));
    const connect = createConnect({ questions, knownHosts, environment: process.env });
    const sessions = createSessions({ hostBook, connect });
    const runnerFor = (hostId: string) => sessions.runner(hostId);
    const driverFor = (hostId: string) => createLibvirtDriver(hostBook.get(hostId).libvirtUri);
    const inventories = createInventories({ runnerFor, driverFor, clock, log });
    const readHost = async (hostId: string) => ({
      inventory: await inventories.read(hostId),
      hostName: hostBook.get(hostId).name,
      driver: driverFor(hostId),
    });
    const plans = createPlanService({ readHost, clock, newId: randomUUID });
    const operations = await openOperationService({
      plans,
      runnerFor,
      readHost,
      journalFolder: paths.journalFolder,
      auditTrail: createAuditTrail(paths.auditTrail),
      log,
      clock,
      newId: randomUUID,
      startedBy: { user: userInfo().username, computer: hostname() },
    });
    for (const notice of operations.notices) onNotice(notice);

    const stopWatching = watchSessions(sessions, (hostId) => {
      operations.hostConnected(hostId);
      // The error is in the inventory's state, where the user sees it.
      void inventories.refresh(hostId).catch(() => undefined);
    });

    const handlers = contractHandlers({
      description: { version: packageJson.version, shell, dataFolder, userName: userInfo().username },
      hostBook,
      sessions,
      questions,
      inventories,
      plans,
      operations,
      notices,
      reports: createReportService(),
      importableHosts: (source) => importableHosts(source, hostBook.list()),
      addDemoHosts: async () => {
        const isDemo = ({ connection }: HostSettings, machine: string) =>
          connection.transport === 'demo' && connection.machine === machine;
        const hosts: Host[] = [];
        for (const settings of demoHosts) {
          const { connection } = settings;
          if (connection.transport !== 'demo') continue;
          const known = hostBook.list().find((host) => isDemo(host, connection.machine));
          hosts.push(known ?? (await hostBook.add(settings)));
        }
        return hosts;
      },
      testConnection: (settings, signal) =>
        testConnection(settings, {
          connect,
          probe: (runner) => createLibvirtDriver(settings.libvirtUri).probe(runner),
          signal,
        }),
    });
    return {
      handlers,
      async dispose() {
        stopWatching();
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

/** Calls `onConnected` each time the session with a host comes to stand, by the user or by itself. */
function watchSessions(
  sessions: Pick<ReturnType<typeof createSessions>, 'list' | 'onChange'>,
  onConnected: (hostId: string) => void,
): () => void {
  let connected = new Set<string>();
  return sessions.onChange(() => {
    const now = new Set(
      sessions.list().flatMap(({ host, session }) => (session.state === 'connected' ? [host.id] : [])),
    );
    const before = connected;
    connected = now;
    for (const hostId of now) if (!before.has(hostId)) onConnected(hostId);
  });
}
