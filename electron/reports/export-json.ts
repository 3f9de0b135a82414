/** The report as JSON: the published schema, `reportSchema`, and nothing else. */
import type { Report } from '../../shared/model/report.ts';

export function exportJson(report: Report): string {
  // Names with half a surrogate pair come out as escapes, so that the file is always valid UTF-8.
  return `${JSON.stringify(report, null, 2)}\n`;
}
