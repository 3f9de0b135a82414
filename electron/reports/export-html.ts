/**
 * The report as one page that needs nothing else: no scripts, no requests, nothing from a host that is not escaped. Its
 * CSP allows its own style and nothing more, so that it stays harmless wherever it is opened.
 */
import { createHash } from 'node:crypto';
import type { Finding, FindingCode, Report, ReportRow } from '../../shared/model/report.ts';
import { findingTitles } from '../../shared/rules/findings/findings.ts';
import {
  byVm,
  everythingRead,
  hostColumns,
  placeOf,
  severities,
  sizeMeaning,
  snapshotColumns,
  thresholdsText,
  totalsOf,
  unreadIntroduction,
  vmFacts,
} from './cells.ts';
import { charts, treeGraphic } from './html-charts.ts';
import { htmlStyle } from './html-style.ts';
import { escaped, isolated } from './html-text.ts';
import { mostLanes, treeCells } from './tree-lanes.ts';

const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(htmlStyle).digest('base64')}'; base-uri 'none'; form-action 'none'`;

export function exportHtml(report: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy.replaceAll('"', '&quot;')}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Snaptree">
<title>Snapshot report of ${escaped(report.createdAt)}</title>
<style>${htmlStyle}</style>
</head>
<body>
<header>
<h1>Snapshot report</h1>
<p class="soft">Made by Snaptree on <time datetime="${escaped(report.createdAt)}">${escaped(report.createdAt)}</time></p>
<nav aria-label="Contents"><ul><li><a href="#findings">Findings</a></li><li><a href="#unread">What is not known</a></li><li><a href="#hosts">Hosts</a></li><li><a href="#snapshots">Snapshots</a></li></ul></nav>
</header>
<main>
${summary(report)}
${findings(report)}
${unread(report)}
${hosts(report)}
${snapshots(report)}
</main>
</body>
</html>
`;
}

function summary(report: Report): string {
  const tone = new Map([
    ['Critical findings', 'critical'],
    ['Hosts not read', 'critical'],
    ['VMs not readable', 'critical'],
    ['Warnings', 'warning'],
    ['Not known', 'warning'],
  ]);
  const tiles = totalsOf(report).map(
    ([label, value]) =>
      `<li${value > 0 && tone.has(label) ? ` class="${tone.get(label) ?? ''}"` : ''}><strong>${value}</strong> ${escaped(label)}</li>`,
  );
  return `<section aria-label="Summary">
<ul class="tiles">
${tiles.join('\n')}
</ul>
<div class="charts">
${charts(report)}
</div>
</section>`;
}

function findings(report: Report): string {
  const groups = severities.flatMap(({ severity, title }) => {
    const found = report.findings.filter((finding) => finding.severity === severity);
    if (found.length === 0) return [];
    const byCode = [...Map.groupBy(found, ({ code }) => code)].map(([code, group]) => codeGroup(code, group));
    return [`<div class="card ${severity}"><h3>${title} (${found.length})</h3>\n${byCode.join('\n')}\n</div>`];
  });
  return `<section id="findings">
<h2>Findings (${report.findings.length})</h2>
<p class="soft">${escaped(thresholdsText(report))}</p>
${groups.length > 0 ? groups.join('\n') : '<p>Nothing was found that needs attention.</p>'}
</section>`;
}

/** The findings of one code. What is to do about all of them is said once. */
function codeGroup(code: FindingCode, found: readonly Finding[]): string {
  const remedies = new Set(found.map(({ remedy }) => remedy));
  const common = remedies.size === 1 ? ` <span class="remedy soft">${isolated(found[0]?.remedy ?? '')}</span>` : '';
  const items = found.map((finding) => findingItem(finding, common === ''));
  return `<div class="code"><span class="tag">${escaped(findingTitles[code])} (${found.length})</span>${common}<ul class="list">
${items.join('\n')}
</ul></div>`;
}

function findingItem(finding: Finding, withRemedy: boolean): string {
  const place = [finding.hostName, ...placeOf(finding)].map(isolated).join(' › ');
  const remedy = withRemedy ? `<span class="remedy soft">${isolated(finding.remedy)}</span>` : '';
  return `<li class="finding"><p class="message">${isolated(finding.message)}</p><span class="place">${place}</span>${remedy}</li>`;
}

function unread(report: Report): string {
  const rows = report.unread.map(
    ({ hostName, what, reason }) =>
      `<tr><td>${isolated(hostName)}</td><td>${isolated(what)}</td><td>${isolated(reason)}</td></tr>`,
  );
  return `<section id="unread">
<h2>What is not known (${report.unread.length})</h2>
<p class="soft">${escaped(unreadIntroduction)}</p>
${
  rows.length === 0
    ? `<p>${escaped(everythingRead)}</p>`
    : `<div class="card scroll"><table><thead><tr><th scope="col">Host</th><th scope="col">What</th><th scope="col">Why</th></tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`
}
</section>`;
}

function hosts(report: Report): string {
  const head = hostColumns.map(({ title, numeric }) => `<th scope="col"${numberClass(numeric)}>${title}</th>`).join('');
  const rows = report.hosts.map(
    (host) =>
      `<tr>${hostColumns.map(({ numeric, cell }) => `<td${numberClass(numeric)}>${isolated(cell(host))}</td>`).join('')}</tr>`,
  );
  return `<section id="hosts">
<h2>Hosts (${report.hosts.length})</h2>
<div class="card scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>
</section>`;
}

type SeverityOf = (row: ReportRow, code: FindingCode) => Finding['severity'];

function snapshots(report: Report): string {
  // The findings are in order of severity, so that the first of a kind is the worst.
  const worst = new Map<string, Finding['severity']>();
  // A copied VM has the same UUID on two hosts.
  const keyOf = (hostName: string, vmUuid: string | null, code: FindingCode) =>
    JSON.stringify([hostName, vmUuid, code]);
  for (const { hostName, vmUuid, code, severity } of report.findings) {
    const key = keyOf(hostName, vmUuid, code);
    if (!worst.has(key)) worst.set(key, severity);
  }
  const severityOf: SeverityOf = ({ hostName, vmUuid }, code) =>
    worst.get(keyOf(hostName, vmUuid, code)) ?? 'information';
  return `<section id="snapshots">
<h2>VMs and their snapshots (${report.rows.length} rows)</h2>
<p class="soft">${escaped(sizeMeaning)}</p>
${byVm(report.rows)
  .map((rows) => vmSection(rows, severityOf))
  .join('\n')}
</section>`;
}

function vmSection(rows: readonly [ReportRow, ...ReportRow[]], severityOf: SeverityOf): string {
  const [first] = rows;
  const count = rows.filter(({ snapshotId }) => snapshotId !== null).length;
  const facts = vmFacts(first, count).map(escaped).join(' · ');
  const tags = first.vmFindings.map(
    (code) => `<span class="tag ${severityOf(first, code)}">${escaped(findingTitles[code])}</span>`,
  );
  const name = `${isolated(first.vmName)} <span class="host">on ${isolated(first.hostName)}</span>`;
  const header = `<header><h3>${name}</h3><p>${facts}${tags.length > 0 ? ` ${tags.join(' ')}` : ''}</p></header>`;
  if (count === 0) return `<article class="card vm">${header}</article>`;
  const cells = treeCells(rows);
  const head = snapshotColumns
    .map(({ title, numeric }) => `<th scope="col"${numberClass(numeric)}>${title}</th>`)
    .join('');
  const body = rows.map((row, index) => {
    const tree = cells[index];
    const lane = Math.min(tree?.lane ?? 0, mostLanes);
    const [, ...others] = snapshotColumns;
    return `<tr${row.current ? ' class="current"' : ''}><td class="name tree lane-${lane}">${tree ? treeGraphic(tree) : ''}${isolated(row.snapshotName ?? '')}</td>${others
      .map(({ title, numeric, cell }) => `<td${cellClass(title, numeric)}>${isolated(cell(row))}</td>`)
      .join('')}</tr>`;
  });
  return `<article class="card vm">${header}<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div></article>`;
}

const numberClass = (numeric: boolean): string => (numeric ? ' class="number"' : '');

function cellClass(title: string, numeric: boolean): string {
  if (numeric) return ' class="number"';
  return title.startsWith('Created') || title === 'Kind' || title === 'State' || title === 'Current'
    ? ' class="fixed"'
    : '';
}
