import { CircleAlert, CircleCheck, CircleDashed, LoaderCircle } from 'lucide-react';
import type { ReportState } from '../../shared/model/report.ts';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import { Skeleton } from '../design/Skeleton.tsx';
import styles from './ReportDialog.module.css';

const css = classes(styles);

const appearance = {
  waiting: { icon: CircleDashed, word: 'waits its turn' },
  reading: { icon: LoaderCircle, word: 'is being read…' },
  read: { icon: CircleCheck, word: 'was read' },
  unread: { icon: CircleAlert, word: 'could not be read' },
} as const;

/** Which hosts are read, and which are not yet. */
export function ReportProgress({ state }: { readonly state: ReportState | null }) {
  if (!state) return <Skeleton lines={3} label="Beginning the report" />;
  const done = state.hosts.filter((host) => host.state === 'read' || host.state === 'unread').length;
  return (
    <>
      <progress
        className={css('progress')}
        value={done}
        max={state.hosts.length}
        aria-label={`${done} of ${state.hosts.length} hosts`}
      />
      <ul className={css('hosts')}>
        {state.hosts.map((host) => {
          const { icon: Icon, word } = appearance[host.state];
          return (
            <li key={host.hostId} className={css('host', host.state)}>
              <Icon size={15} aria-hidden className={css(host.state === 'reading' && 'spinning')} />
              <span>
                <HostText text={host.hostName} /> <span className={css('quiet')}>{word}</span>
              </span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
