import { useState } from 'react';
import type { StepControl, StepProgress, StepWish } from '../../shared/model/operation.ts';
import {
  fallsBehindMeaning,
  guestPauseMeaning,
  pauseMeaning,
} from '../../shared/rules/operations/control-sentences.ts';
import { highestMergeLimit, mergeLimit } from '../../shared/rules/snapshots/merge-proposals.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { TextField } from '../design/fields.tsx';
import { formatBytes, formatTime } from '../design/format.ts';
import { toast } from '../design/toasts.ts';
import { reportFailure } from '../feed/messages.ts';
import { useClient } from '../ipc/client-context.ts';
import { useRequest } from '../ipc/use-request.ts';
import styles from './StepControls.module.css';

const css = classes(styles);

interface Props {
  readonly progress: StepProgress;
  readonly control: StepControl;
}

/** How the step that runs is to go on: its speed, a pause, and a pause of the guest where it cannot catch up. */
export function StepControls({ progress, control }: Props) {
  const [dialog, setDialog] = useState<'limit' | 'pauseGuest' | null>(null);
  const { can, isPaused, fallsBehind, guestPausedUntil, bytesPerSecond } = control;
  const close = () => {
    setDialog(null);
  };
  return (
    <div className={css('controls')}>
      <div className={css('buttons')} role="group" aria-label="How it goes on">
        {can.includes('limit') && (
          <Button
            size="small"
            tooltip={
              bytesPerSecond === null
                ? 'It copies as fast as it can.'
                : `At most ${formatBytes(bytesPerSecond)} a second.`
            }
            onPress={() => {
              setDialog('limit');
            }}
          >
            Speed limit…
          </Button>
        )}
        {can.includes('pause') && (
          <Adjust
            progress={progress}
            wish={{ kind: isPaused ? 'continue' : 'pause' }}
            tooltip={isPaused ? 'It goes on with the speed limit that it had.' : pauseMeaning}
          >
            {isPaused ? 'Continue merge' : 'Pause merge'}
          </Adjust>
        )}
        {can.includes('pauseGuest') &&
          (guestPausedUntil === null ? (
            <Button
              size="small"
              tooltip="So that the merge catches up with what the guest writes."
              onPress={() => {
                setDialog('pauseGuest');
              }}
            >
              Pause guest…
            </Button>
          ) : (
            <Adjust progress={progress} wish={{ kind: 'continueGuest' }} tooltip="The merge goes on as well.">
              Let guest go on
            </Adjust>
          ))}
      </div>
      {fallsBehind && (
        <Callout tone="warning" title="The guest writes as fast as is copied" live>
          <p>{fallsBehindMeaning}</p>
        </Callout>
      )}
      {guestPausedUntil !== null && (
        <Callout tone="warning" title="The guest is paused" live>
          <p>
            It goes on as soon as the merge has ended, and at {formatTime(guestPausedUntil)} (by the host’s clock) at
            the latest.
          </p>
        </Callout>
      )}
      {dialog === 'limit' && <LimitDialog progress={progress} control={control} onClose={close} />}
      {dialog === 'pauseGuest' && <PauseGuestDialog progress={progress} control={control} onClose={close} />}
    </div>
  );
}

/** A button that tells the step at once. */
function Adjust({
  progress,
  wish,
  tooltip,
  children,
}: {
  readonly progress: StepProgress;
  readonly wish: StepWish;
  readonly tooltip: string;
  readonly children: string;
}) {
  const client = useClient();
  const [asked, setAsked] = useState(false);
  return (
    <Button
      size="small"
      tooltip={tooltip}
      disabledReason={asked ? 'The host is being told.' : null}
      onPress={() => {
        setAsked(true);
        client
          .request('operations.adjust', { operationId: progress.operationId, wish })
          .then(
            ({ message }) => {
              toast({ tone: 'neutral', title: children, detail: message });
            },
            (error: unknown) => {
              reportFailure(`Not done: ${children}`, error);
            },
          )
          .finally(() => {
            setAsked(false);
          });
      }}
    >
      {children}
    </Button>
  );
}

interface DialogProps extends Props {
  readonly onClose: () => void;
}

function LimitDialog({ progress, control, onClose }: DialogProps) {
  const { bytesPerSecond } = control;
  const [limit, setLimit] = useState(
    bytesPerSecond === null ? '' : String(Math.max(1, Math.round(bytesPerSecond / 1024 ** 2))),
  );
  const adjusting = useRequest('operations.adjust');
  const error = limitProblem(limit);
  const set = async () => {
    if (error !== null || adjusting.pending) return;
    const wish: StepWish = { kind: 'limit', bytesPerSecond: limit.trim() === '' ? null : mergeLimit(Number(limit)) };
    const answer = await adjusting.send({ operationId: progress.operationId, wish });
    if (!answer) return;
    toast({ tone: 'neutral', title: 'Speed limit', detail: answer.message });
    onClose();
  };
  return (
    <Dialog
      title="Speed limit of the merge"
      width="narrow"
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="primary"
            disabledReason={adjusting.pending ? 'The host is being told.' : error}
            onPress={() => void set()}
          >
            Set limit
          </Button>
        </>
      }
    >
      <div className={css('asked')}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void set();
          }}
        >
          <TextField
            label="MiB a second"
            value={limit}
            onChange={setLimit}
            inputMode="numeric"
            autoFocus
            error={error}
            description={`Empty: as fast as it can. A merge that is paused goes on. ${formatBytes(leftOf(progress))} are left to copy.`}
          />
        </form>
        {adjusting.error && <ErrorCallout error={adjusting.error} />}
      </div>
    </Dialog>
  );
}

function PauseGuestDialog({ progress, control, onClose }: DialogProps) {
  const [seconds, setSeconds] = useState('60');
  const adjusting = useRequest('operations.adjust');
  const error = secondsProblem(seconds);
  const pause = async () => {
    if (error !== null || adjusting.pending) return;
    const wish: StepWish = { kind: 'pauseGuest', seconds: Number(seconds) };
    const answer = await adjusting.send({ operationId: progress.operationId, wish });
    if (!answer) return;
    toast({ tone: 'neutral', title: 'Guest paused', detail: answer.message });
    onClose();
  };
  return (
    <Dialog
      title="Pause the guest?"
      width="narrow"
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="primary"
            disabledReason={adjusting.pending ? 'The host is being told.' : error}
            onPress={() => void pause()}
          >
            Pause guest
          </Button>
        </>
      }
    >
      <div className={css('asked')}>
        <p>{guestPauseMeaning}</p>
        <p>
          {formatBytes(leftOf(progress))} are left to copy
          {control.bytesPerSecond === null
            ? '.'
            : `, at most ${formatBytes(control.bytesPerSecond)} of it a second: lift the speed limit first, and the pause is short.`}
        </p>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void pause();
          }}
        >
          <TextField
            label="Seconds, at most"
            value={seconds}
            onChange={setSeconds}
            inputMode="numeric"
            autoFocus
            error={error}
            description="Then the guest goes on, whether the merge has ended or not."
          />
        </form>
        {adjusting.error && <ErrorCallout error={adjusting.error} />}
      </div>
    </Dialog>
  );
}

const leftOf = ({ doneBytes, totalBytes }: StepProgress): number => Math.max(0, totalBytes - doneBytes);

function limitProblem(text: string): string | null {
  if (text.trim() === '') return null;
  return isWholeNumber(text, highestMergeLimit) ? null : `A whole number from 1 to ${highestMergeLimit}, or nothing.`;
}

const secondsProblem = (text: string): string | null =>
  isWholeNumber(text, 3600) ? null : 'A whole number from 1 to 3600.';

function isWholeNumber(text: string, highest: number): boolean {
  const number = Number(text);
  return text.trim() !== '' && Number.isInteger(number) && number >= 1 && number <= highest;
}
