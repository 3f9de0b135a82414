import type { ReportThresholds } from '../../model/report.ts';

/** What a report holds for too old, too many, too long and too full where its user says nothing else. */
export const defaultReportThresholds: ReportThresholds = {
  maximumAgeDays: 30,
  maximumSnapshots: 10,
  maximumChainLength: 8,
  minimumFreePercent: 10,
};
