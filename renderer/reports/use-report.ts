import { useEffect, useState } from 'react';
import type { SnaptreeError } from '../../shared/errors.ts';
import type { ReportState } from '../../shared/model/report.ts';
import { useClient } from '../ipc/client-context.ts';

export interface FollowedReport {
  readonly state: ReportState | null;
  readonly error: SnaptreeError | null;
}

const nothing: FollowedReport = { state: null, error: null };

/** How far a report is, while somebody looks; it is forgotten when nobody does any more. */
export function useReport(reportId: string | null): FollowedReport {
  const client = useClient();
  const [followed, setFollowed] = useState<{ readonly reportId: string | null } & FollowedReport>({
    reportId: null,
    ...nothing,
  });
  useEffect(() => {
    if (reportId === null) return undefined;
    const stop = client.subscribe(
      'report',
      { reportId },
      {
        next(state) {
          setFollowed({ reportId, state, error: null });
        },
        failed(error) {
          setFollowed((before) => ({ reportId, state: before.reportId === reportId ? before.state : null, error }));
        },
      },
    );
    return () => {
      stop();
      client.request('reports.discard', { reportId }).catch(() => undefined);
    };
  }, [client, reportId]);
  return followed.reportId === reportId ? followed : nothing;
}
