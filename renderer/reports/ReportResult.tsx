import { CircleAlert, Download, ExternalLink, Info, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import type { Finding, Report, ReportFormat } from '../../shared/model/report.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useRequest } from '../ipc/use-request.ts';
import { saveDownload } from './save-download.ts';
import styles from './ReportDialog.module.css';

const css = classes(styles);
const shownAtOnce = 50;

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
  const [all, setAll] = useState(false);
  if (report.unread.length === 0) return <p className={css('quiet')}>Everything that was asked for could be read.</p>;
  const shown = all ? report.unread : report.unread.slice(0, 5);
  return (
    <Callout tone="warning" title={`${count(report.unread.length, 'thing')} could not be read`}>
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
      <More all={all} hidden={report.unread.length - shown.length} onToggle={setAll} />
    </Callout>
  );
}

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  const [all, setAll] = useState(false);
  if (findings.length === 0) return <p>Nothing was found that needs a look.</p>;
  const sorted = severities.flatMap(({ severity }) => findings.filter((finding) => finding.severity === severity));
  const shown = all ? sorted : sorted.slice(0, shownAtOnce);
  return (
    <section className={css('group')}>
      <h3>Findings</h3>
      <ul className={css('findings')}>
        {shown.map((finding, index) => (
          <FindingLine key={index} finding={finding} />
        ))}
      </ul>
      <More all={all} hidden={sorted.length - shown.length} onToggle={setAll} />
    </section>
  );
}

function FindingLine({ finding }: { readonly finding: Finding }) {
  const { icon: Icon, word } = severities.find(({ severity }) => severity === finding.severity) ?? severities[0];
  return (
    <li className={css('finding', finding.severity)}>
      <Icon size={15} role="img" aria-label={word} />
      <div>
        <p>
          <HostText text={finding.message} lines />
        </p>
        <p>
          <HostText text={finding.remedy} />
        </p>
        <p className={css('quiet')}>
          <HostText
            text={[finding.hostName, finding.vmName, finding.snapshotName].filter((name) => name !== null).join(' › ')}
          />
        </p>
      </div>
    </li>
  );
}

function More({
  all,
  hidden,
  onToggle,
}: {
  readonly all: boolean;
  readonly hidden: number;
  readonly onToggle: (all: boolean) => void;
}) {
  if (!all && hidden === 0) return null;
  return (
    <div>
      <Button
        size="small"
        tone="quiet"
        expanded={all}
        onPress={() => {
          onToggle(!all);
        }}
      >
        {all ? 'Show less' : `Show ${hidden} more`}
      </Button>
    </div>
  );
}
