import { X } from 'lucide-react';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import { useClient } from '../ipc/client-context.ts';
import { useStore } from '../store/store.ts';
import styles from './Banners.module.css';
import { reportFailure } from '../feed/messages.ts';

const css = classes(styles);
const tones = { information: 'information', warning: 'warning', error: 'danger' } as const;

/** What concerns the whole window: the connection to Snaptree itself, and notices. */
export function Banners() {
  const client = useClient();
  const shellConnected = useStore((state) => state.shellConnected);
  const wasConnected = useStore((state) => state.application !== null);
  const notices = useStore((state) => state.notices);
  if (shellConnected !== false && notices.length === 0) return null;
  return (
    <div className={css('banners')}>
      {shellConnected === false && wasConnected && (
        <Callout tone="danger" title="No connection to Snaptree" live>
          It is being made again. What is shown may have changed; an operation that runs goes on without this window.
        </Callout>
      )}
      {notices.map((notice) => (
        <Callout
          key={notice.id}
          tone={tones[notice.severity]}
          live
          actions={
            <Button
              size="small"
              tone="quiet"
              iconOnly
              label="Dismiss notice"
              onPress={() => {
                client.request('notices.dismiss', { noticeId: notice.id }).catch((error: unknown) => {
                  reportFailure('The notice could not be dismissed', error);
                });
              }}
            >
              <X size={14} aria-hidden />
            </Button>
          }
        >
          <HostText text={notice.message} lines />
        </Callout>
      ))}
    </div>
  );
}
