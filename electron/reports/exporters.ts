/** The formats of a report, and what a file of each is called. */
import type { Report, ReportFormat } from '../../shared/model/report.ts';
import type { FileToSave } from '../application/file-saver.ts';
import { exportCsv } from './export-csv.ts';
import { exportHtml } from './export-html.ts';
import { exportJson } from './export-json.ts';

const exporters: Readonly<
  Record<ReportFormat, { mediaType: string; write: (report: Report) => string | Uint8Array | Promise<Uint8Array> }>
> = {
  csv: { mediaType: 'text/csv; charset=utf-8', write: exportCsv },
  json: { mediaType: 'application/json', write: exportJson },
  html: { mediaType: 'text/html; charset=utf-8', write: exportHtml },
  pdf: { mediaType: 'application/pdf', write: exportPdf },
};

/** What writes PDF, with its fonts, is larger than all the rest: it is loaded when a PDF is written. */
async function exportPdf(report: Report): Promise<Uint8Array> {
  const pdf = await import('./export-pdf.ts');
  return pdf.exportPdf(report);
}

/** The report as a file of `format`, named after the time of the report. */
export async function exportReport(report: Report, format: ReportFormat): Promise<FileToSave> {
  const { mediaType, write } = exporters[format];
  const written = await write(report);
  return {
    // No colons: Windows does not have them in names.
    suggestedName: `snapshot-report-${report.createdAt.replaceAll(':', '').replaceAll(/[^\w.-]/g, '_')}.${format}`,
    mediaType,
    bytes: typeof written === 'string' ? new TextEncoder().encode(written) : written,
  };
}
