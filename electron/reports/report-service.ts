/** Makes reports and keeps them until they are discarded. */
import type { ResponseValue } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { SessionState } from '../../shared/model/host.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import type { Report, ReportFormat, ReportState, ReportThresholds } from '../../shared/model/report.ts';
import type { FileSaver } from '../application/file-saver.ts';
import type { Log } from '../base/log.ts';
import { createListeners } from '../base/listeners.ts';
import { buildReport } from './build-report.ts';
import type { HostReading } from './build-report.ts';
import { exportReport } from './exporters.ts';

export interface ReportService {
  /** Begins to read the hosts; gives the report's id at once. Throws `hostNotFound`. */
  start(hostIds: readonly string[], thresholds: ReportThresholds): string;
  /** Throws `reportNotFound`. */
  state(reportId: string): ReportState;
  /** Called with the id of a report whose state changed. Gives a function that takes the listener off. */
  onChange(listener: (reportId: string) => void): () => void;
  /** Forgets the report and gives up reading for it. Throws `reportNotFound`. */
  discard(reportId: string): void;
  /** Throws `reportNotFound`, also for one that is not ready. */
  save(reportId: string, format: ReportFormat): Promise<ResponseValue<'reports.save'>>;
  /** Throws `fileNotFound` for what was not saved by this service. */
  openFile(fileId: string): Promise<void>;
}

export interface ReportServiceParts {
  /** Throws `hostNotFound`. */
  readonly hostName: (hostId: string) => string;
  readonly sessions: {
    /** Throws `hostNotFound`. */
    state(hostId: string): SessionState;
    connect(hostId: string, signal?: AbortSignal): Promise<void>;
  };
  readonly inventories: {
    read(hostId: string, signal?: AbortSignal): Promise<Inventory>;
    refresh(hostId: string): Promise<Inventory>;
  };
  readonly files: FileSaver;
  readonly log: Log;
  /** Seconds since 1970. */
  readonly clock: () => number;
  readonly newId: () => string;
}

/** Hosts that are read at once for one report: the sessions share this machine, and each asks its own questions. */
const mostAtOnce = 4;
/** The oldest is forgotten where there are more: a page that went away discards nothing. */
const mostReports = 5;
const mostFiles = 100;

interface Entry {
  state: ReportState;
  readonly aborter: AbortController;
}

export function createReportService(parts: ReportServiceParts): ReportService {
  const { sessions, inventories, files, log, clock, newId } = parts;
  const reports = new Map<string, Entry>();
  const saved = new Map<string, string>();
  const changed = createListeners<[string]>();

  function find(reportId: string): Entry {
    const entry = reports.get(reportId);
    if (entry) return entry;
    throw new SnaptreeError(
      'reportNotFound',
      'This report is no longer kept. Make it anew; the hosts are then read again.',
      { data: { reportId } },
    );
  }

  function discard(reportId: string): void {
    const entry = find(reportId);
    reports.delete(reportId);
    entry.aborter.abort();
  }

  function show(reportId: string, entry: Entry, state: Partial<ReportState>): void {
    if (reports.get(reportId) !== entry) return;
    entry.state = { ...entry.state, ...state };
    changed.call(reportId);
  }

  async function readHost(hostId: string, hostName: string, signal: AbortSignal): Promise<HostReading> {
    try {
      let inventory: Inventory;
      if (sessions.state(hostId).state === 'connected') {
        inventory = await inventories.read(hostId, signal);
      } else {
        await sessions.connect(hostId, signal);
        // A new session is read at once by the application; that reading is as new as one of our own.
        inventory = await inventories.refresh(hostId);
      }
      return { hostName, inventory };
    } catch (error) {
      if (SnaptreeError.is(error)) return { hostName, error: error.message };
      log.error('Reading a host for a report failed unexpectedly', { hostId, error });
      return { hostName, error: 'Reading this host failed because of a fault in Snaptree; see its log.' };
    }
  }

  async function make(
    reportId: string,
    entry: Entry,
    hostIds: readonly string[],
    thresholds: ReportThresholds,
  ): Promise<void> {
    const { signal } = entry.aborter;
    const names = new Map(entry.state.hosts.map(({ hostId, hostName }) => [hostId, hostName]));
    const readings: HostReading[] = [];
    const waiting = [...hostIds];
    const mark = (hostId: string, state: ReportState['hosts'][number]['state']): void => {
      const hosts = entry.state.hosts.map((host) => (host.hostId === hostId ? { ...host, state } : host));
      show(reportId, entry, { hosts });
    };
    const work = async (): Promise<void> => {
      for (let hostId = waiting.shift(); hostId !== undefined && !signal.aborted; hostId = waiting.shift()) {
        mark(hostId, 'reading');
        const reading = await readHost(hostId, names.get(hostId) ?? hostId, signal);
        readings.push(reading);
        mark(hostId, 'error' in reading ? 'unread' : 'read');
      }
    };
    await Promise.all(Array.from({ length: mostAtOnce }, work));
    if (!signal.aborted) show(reportId, entry, { report: buildReport(readings, thresholds, clock()) });
  }

  return {
    start(hostIds, thresholds) {
      const ids = [...new Set(hostIds)];
      const hosts = ids.map((hostId) => ({ hostId, hostName: parts.hostName(hostId), state: 'waiting' as const }));
      const oldest = reports.keys().next();
      if (reports.size >= mostReports && oldest.done !== true) discard(oldest.value);
      const reportId = newId();
      const entry: Entry = { state: { hosts, report: null }, aborter: new AbortController() };
      reports.set(reportId, entry);
      make(reportId, entry, ids, thresholds).catch((error: unknown) => {
        log.error('A report could not be made.', { error });
        if (reports.has(reportId)) discard(reportId);
      });
      return reportId;
    },
    state: (reportId) => find(reportId).state,
    onChange: (listener) => changed.add(listener),
    discard,
    async save(reportId, format) {
      const report: Report | null = find(reportId).state.report;
      if (!report) {
        throw new SnaptreeError('reportNotFound', 'This report is not ready yet. Save it when all hosts were read.', {
          data: { reportId },
          retryable: true,
        });
      }
      const file = await exportReport(report, format);
      const result = await files.save(file);
      switch (result.outcome) {
        case 'cancelled':
          return { outcome: 'cancelled' };
        case 'download':
          return { outcome: 'download', url: result.url, fileName: file.suggestedName };
        case 'saved': {
          const fileId = newId();
          saved.set(fileId, result.path);
          const oldest = saved.keys().next();
          if (saved.size > mostFiles && oldest.done !== true) saved.delete(oldest.value);
          return { outcome: 'saved', fileId, path: result.path };
        }
      }
    },
    async openFile(fileId) {
      const path = saved.get(fileId);
      if (path === undefined) {
        throw new SnaptreeError(
          'fileNotFound',
          'Snaptree opens only files that it has saved since it was started. Open this one yourself.',
        );
      }
      await files.open(path);
    },
  };
}
