import { X } from 'lucide-react';
import { useState } from 'react';
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
  const letInAgain = useStore((state) => state.letInAgain);
  const [knowsThatNothingIsKept, setKnows] = useState(false);
  const forgetful = letInAgain !== 'browser' && !knowsThatNothingIsKept ? letInAgain : null;
  if (shellConnected !== false && notices.length === 0 && forgetful === null) return null;
  return (
    <div className={css('banners')}>
      {shellConnected === false && wasConnected && (
        <Callout tone="danger" title="No connection to Snaptree" live>
          It is being made again. What is shown may have changed; an operation that runs goes on without this window.
        </Callout>
      )}
      {forgetful !== null && (
        <Callout
          tone="information"
          title="This browser keeps nothing for this page"
          live
          actions={
            <Dismiss
              onPress={() => {
                setKnows(true);
              }}
            />
          }
        >
          {lostWords[forgetful]} Colours, widths and what is selected are forgotten as well. Allow this page to keep
          data in the settings of the browser to change that.
        </Callout>
      )}
      {notices.map((notice) => (
        <Callout
          key={notice.id}
          tone={tones[notice.severity]}
          live
          actions={
            <Dismiss
              onPress={() => {
                client.request('notices.dismiss', { noticeId: notice.id }).catch((error: unknown) => {
                  reportFailure('The notice could not be dismissed', error);
                });
              }}
            />
          }
        >
          <HostText text={notice.message} lines />
        </Callout>
      ))}
    </div>
  );
}

const lostWords = {
  tab: 'A reload works; another tab needs the address that Snaptree printed when it started.',
  page: 'A reload or another tab needs the address that Snaptree printed when it started.',
} as const;

function Dismiss({ onPress }: { readonly onPress: () => void }) {
  return (
    <Button size="small" tone="quiet" iconOnly label="Dismiss notice" onPress={onPress}>
      <X size={14} aria-hidden />
    </Button>
  );
}
