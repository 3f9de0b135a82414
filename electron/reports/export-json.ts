/** The report as JSON: the published schema, `reportSchema`, and nothing else. */
import type { Report } from '../../shared/model/report.ts';
import { visibleJson } from '../../shared/rules/text/visible-json.ts';

export function exportJson(report: Report): string {
  // Half a surrogate pair comes out as an escape as well, so that the file is always valid UTF-8.
  return `${visibleJson(report)}\n`;
}
