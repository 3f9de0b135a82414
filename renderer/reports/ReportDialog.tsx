import { useState } from 'react';
import { reportThresholdsSchema, type ReportThresholds } from '../../shared/model/report.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { CheckboxLine, TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { sessionAppearance } from '../appearance/session-words.ts';
import { useRequest } from '../ipc/use-request.ts';
import { useStore } from '../store/store.ts';
import styles from './ReportDialog.module.css';
import { ReportProgress } from './ReportProgress.tsx';
import { ReportResult } from './ReportResult.tsx';
import { useReport } from './use-report.ts';

const css = classes(styles);
const noHosts: readonly string[] = [];

const thresholdFields = [
  { name: 'maximumAgeDays', label: 'Snapshots older than', unit: 'days' },
  { name: 'maximumSnapshots', label: 'More snapshots of a VM than', unit: '' },
  { name: 'maximumChainLength', label: 'Chains longer than', unit: 'images' },
  { name: 'minimumFreePercent', label: 'Storage with less free than', unit: '%' },
] as const satisfies readonly { name: keyof ReportThresholds; label: string; unit: string }[];

type ThresholdTexts = Readonly<Record<keyof ReportThresholds, string>>;

/** Chooses hosts and limits, makes the report while showing how far it is, and saves it in a format. */
export function ReportDialog({ onClose }: { readonly onClose: () => void }) {
  const hostIds = useStore((state) => state.hostIds ?? noHosts);
  const hosts = useStore((state) => state.hosts);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [texts, setTexts] = useState<ThresholdTexts>(() => textsOf(defaultReportThresholds));
  const [tried, setTried] = useState(false);
  const starting = useRequest('reports.start');
  const [reportId, setReportId] = useState<string | null>(null);
  const { state, error } = useReport(reportId);

  const chosen = hostIds.filter((hostId) => !left.has(hostId));
  const { thresholds, errors } = thresholdsOf(texts);
  const start = async () => {
    setTried(true);
    if (!thresholds || chosen.length === 0 || starting.pending) return;
    const started = await starting.send({ hostIds: [...chosen], thresholds });
    if (started) setReportId(started.reportId);
  };

  if (reportId !== null) {
    const report = state?.report ?? null;
    return (
      <Dialog
        title="Report"
        width="wide"
        onClose={onClose}
        footer={
          <>
            <div className={css('left')}>
              <Button
                onPress={() => {
                  setReportId(null);
                }}
              >
                Back
              </Button>
            </div>
            <Button onPress={onClose}>Close</Button>
          </>
        }
      >
        <div className={css('content')} aria-live="polite">
          {error && <ErrorCallout error={error} />}
          {report ? <ReportResult reportId={reportId} report={report} /> : <ReportProgress state={state} />}
        </div>
      </Dialog>
    );
  }

  return (
    <Dialog
      title="Report"
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="primary"
            disabledReason={chosen.length === 0 ? 'No host is chosen.' : null}
            onPress={() => {
              void start();
            }}
          >
            Make the report
          </Button>
        </>
      }
    >
      <form
        className={css('content')}
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <p>Every snapshot with its age, size and risk, and what could not be read. The hosts are read anew for it.</p>
        <fieldset className={css('group')}>
          <legend>Hosts</legend>
          {hostIds.map((hostId) => {
            const entry = hosts[hostId];
            if (!entry) return null;
            return (
              <CheckboxLine
                key={hostId}
                selected={!left.has(hostId)}
                onChange={(selected) => {
                  const next = new Set(left);
                  if (selected) next.delete(hostId);
                  else next.add(hostId);
                  setLeft(next);
                }}
              >
                <HostText text={entry.host.name} />
                <span className={css('quiet')}>{sessionAppearance(entry.session).word}</span>
              </CheckboxLine>
            );
          })}
        </fieldset>
        <fieldset className={css('group')}>
          <legend>Point out</legend>
          <div className={css('thresholds')}>
            {thresholdFields.map(({ name, label, unit }) => (
              <TextField
                key={name}
                label={unit === '' ? label : `${label} (${unit})`}
                value={texts[name]}
                inputMode="numeric"
                error={tried ? (errors[name] ?? null) : null}
                onChange={(text) => {
                  setTexts({ ...texts, [name]: text });
                }}
              />
            ))}
          </div>
        </fieldset>
        {starting.error && <ErrorCallout error={starting.error} />}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

function textsOf(thresholds: ReportThresholds): ThresholdTexts {
  return {
    maximumAgeDays: String(thresholds.maximumAgeDays),
    maximumSnapshots: String(thresholds.maximumSnapshots),
    maximumChainLength: String(thresholds.maximumChainLength),
    minimumFreePercent: String(thresholds.minimumFreePercent),
  };
}

/** The limits that were typed, or for each field what is wrong with it; judged by the schema of the contract. */
function thresholdsOf(texts: ThresholdTexts): {
  readonly thresholds: ReportThresholds | null;
  readonly errors: Readonly<Partial<Record<string, string>>>;
} {
  const numbers = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN]),
  );
  const parsed = reportThresholdsSchema.safeParse(numbers);
  if (parsed.success) return { thresholds: parsed.data, errors: {} };
  const errors = parsed.error.issues.map(({ path: [name], code, ...issue }): [string, string] => {
    const least = 'minimum' in issue ? `${issue.minimum} or more` : 'a whole number';
    const most = 'maximum' in issue ? `${issue.maximum} or less` : least;
    return [String(name), `Must be ${code === 'too_big' ? most : least}.`];
  });
  return { thresholds: null, errors: Object.fromEntries(errors) };
}
