import { CircleAlert, Download, ExternalLink, Info, TriangleAlert } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { Finding, Report, ReportFormat } from '../../shared/model/report.ts';
import { findingTitles } from '../../shared/rules/findings/findings.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useFirst } from '../design/ShowMore.tsx';
import { useRequest } from '../ipc/use-request.ts';
import { saveDownload } from './save-download.ts';
import styles from './ReportDialog.module.css';

const css = classes(styles);
const unreadShownAtOnce = 5;
/** Of findings of one kind. */
const shownAtOnce = 3;

const formats = [
  { format: 'html', label: 'HTML' },
  { format: 'pdf', label: 'PDF' },
  { format: 'csv', label: 'CSV' },
  { format: 'json', label: 'JSON' },
] as const satisfies readonly { format: ReportFormat; label: string }[];

const severities = [
  { severity: 'critical', word: 'critical', icon: CircleAlert },
  { severity: 'warning', word: 'warning', icon: TriangleAlert },
  { severity: 'information', word: 'note', icon: Info },
] as const;

/** A report that is ready: its totals, what it found, what it could not read, and the formats it can be saved in. */
export function ReportResult({ reportId, report }: { readonly reportId: string; readonly report: Report }) {
  const { totals } = report;
  return (
    <>
      <dl className={css('totals')}>
        <Total name="hosts" value={totals.hosts} />
        <Total name="VMs" value={totals.vms} />
        <Total name="snapshots" value={totals.snapshots} />
        {severities.map(({ severity, word }) => (
          <Total
            key={severity}
            name={plural(word, totals.findings[severity])}
            value={totals.findings[severity]}
            tone={severity}
          />
        ))}
        <Total name="not read" value={totals.unread} tone={totals.unread > 0 ? 'warning' : undefined} />
      </dl>
      <Save reportId={reportId} />
      <Unread report={report} />
      <Findings findings={report.findings} />
    </>
  );
}

function plural(word: string, number: number): string {
  return word === 'critical' || number === 1 ? word : `${word}s`;
}

function Total({
  name,
  value,
  tone,
}: {
  readonly name: string;
  readonly value: number;
  readonly tone?: string | undefined;
}) {
  return (
    <div className={css('total', value > 0 && tone)}>
      <dd>{value}</dd>
      <dt>{name}</dt>
    </div>
  );
}

function Save({ reportId }: { readonly reportId: string }) {
  const saving = useRequest('reports.save');
  const opening = useRequest('files.open');
  const [format, setFormat] = useState<ReportFormat | null>(null);
  const save = async (chosen: ReportFormat) => {
    setFormat(chosen);
    opening.reset();
    const saved = await saving.send({ reportId, format: chosen });
    if (saved?.outcome === 'download') saveDownload(saved);
  };
  const { value } = saving;
  return (
    <section className={css('save')} aria-label="Save the report">
      <div className={css('formats')}>
        <span>Save as</span>
        {formats.map(({ format: each, label }) => (
          <Button
            key={each}
            label={`Save as ${label}`}
            disabledReason={saving.pending ? 'It is being written.' : null}
            onPress={() => {
              void save(each);
            }}
          >
            <Download size={14} aria-hidden />
            {saving.pending && format === each ? 'Writing…' : label}
          </Button>
        ))}
      </div>
      {saving.error && <ErrorCallout error={saving.error} />}
      {value?.outcome === 'saved' && (
        <p className={css('saved')} role="status">
          <span>
            Saved as <code>{value.path}</code>.
          </span>
          <Button
            size="small"
            onPress={() => {
              void opening.send({ fileId: value.fileId });
            }}
          >
            <ExternalLink size={13} aria-hidden />
            Open
          </Button>
        </p>
      )}
      {value?.outcome === 'download' && (
        <p className={css('saved')} role="status">
          The browser downloads {value.fileName}.
        </p>
      )}
      {opening.error && <ErrorCallout error={opening.error} />}
    </section>
  );
}

/** Never left out: a list that is silently shorter than the truth is worse than none. */
function Unread({ report }: { readonly report: Report }) {
  const { shown, more } = useFirst(report.unread, unreadShownAtOnce);
  if (report.unread.length === 0) return <p className={css('quiet')}>Everything that was asked for could be read.</p>;
  return (
    <Callout tone="warning" title={`${count(report.unread.length, 'thing')} are not known or not certain`}>
      <ul className={css('list')}>
        {shown.map(({ hostName, what, reason }, index) => (
          <li key={index}>
            <strong>
              <HostText text={hostName} />
            </strong>
            {what !== hostName && (
              <>
                , <HostText text={what} />
              </>
            )}
            : <HostText text={reason} />
          </li>
        ))}
      </ul>
      {more}
    </Callout>
  );
}

interface FindingGroup {
  readonly key: string;
  readonly first: Finding;
  readonly findings: readonly Finding[];
}

/** Findings of one kind together, the gravest kinds first. */
function grouped(findings: readonly Finding[]): readonly FindingGroup[] {
  const groups = new Map<string, FindingGroup>();
  for (const { severity } of severities) {
    for (const finding of findings) {
      if (finding.severity !== severity) continue;
      const key = `${severity} ${finding.code} ${finding.remedy}`;
      const group = groups.get(key);
      groups.set(
        key,
        group ? { ...group, findings: [...group.findings, finding] } : { key, first: finding, findings: [finding] },
      );
    }
  }
  return [...groups.values()];
}

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  const groups = useMemo(() => grouped(findings), [findings]);
  if (findings.length === 0) return <p>Nothing was found that needs a look.</p>;
  return (
    <section className={css('group')}>
      <h3>Findings</h3>
      <ul className={css('findings')}>
        {groups.map((group) => (
          <FindingsOfAKind key={group.key} group={group} />
        ))}
      </ul>
    </section>
  );
}

function FindingsOfAKind({ group: { first, findings } }: { readonly group: FindingGroup }) {
  const { shown, more } = useFirst(findings, shownAtOnce);
  const { icon: Icon, word } = severities.find(({ severity }) => severity === first.severity) ?? severities[0];
  return (
    <li className={css('finding', first.severity)}>
      <Icon size={15} role="img" aria-label={word} />
      <div>
        <p>
          <strong>{findingTitles[first.code]}</strong> ({findings.length}){' '}
          <span className={css('quiet')}>
            <HostText text={first.remedy} />
          </span>
        </p>
        <ul className={css('instances')}>
          {shown.map((finding, index) => (
            <li key={index}>
              <HostText text={finding.message} lines />{' '}
              <span className={css('quiet')}>{visibleString(finding.hostName)}</span>
            </li>
          ))}
        </ul>
        {more}
      </div>
    </li>
  );
}
