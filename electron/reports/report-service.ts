/** Makes reports and keeps them until they are discarded. */
import type { ResponseValue } from '../../shared/contract.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { ReportFormat, ReportState, ReportThresholds } from '../../shared/model/report.ts';

export interface ReportService {
  /** Begins to read the hosts; gives the report's id at once. Throws `hostNotFound`. */
  start(hostIds: readonly string[], thresholds: ReportThresholds): string;
  /** Throws `reportNotFound`. */
  state(reportId: string): ReportState;
  /** Called with the id of a report whose state changed. Gives a function that takes the listener off. */
  onChange(listener: (reportId: string) => void): () => void;
  /** Throws `reportNotFound`. */
  discard(reportId: string): void;
  /** Throws `reportNotFound`, also for one that is not ready. */
  save(reportId: string, format: ReportFormat): Promise<ResponseValue<'reports.save'>>;
  /** Throws `fileNotFound` for what was not saved by this service. */
  openFile(fileId: string): Promise<void>;
}

const notBuilt = (): never => {
  throw new SnaptreeError('internalError', 'Reports are not built yet.');
};

export function createReportService(): ReportService {
  return {
    start: notBuilt,
    state: notBuilt,
    onChange: () => () => undefined,
    discard: notBuilt,
    save: notBuilt,
    openFile: notBuilt,
  };
}
