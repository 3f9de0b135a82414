import { Play } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { SnaptreeError } from '../../shared/errors.ts';
import type { BatchPlan, BatchRequest, PlannedBatchItem } from '../../shared/model/batch.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { canRun, reasonsAgainst } from '../../shared/rules/operations/batch-items.ts';
import { batchRunMeaning } from '../../shared/rules/operations/batch-words.ts';
import { Button } from '../design/Button.tsx';
import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { Skeleton } from '../design/Skeleton.tsx';
import { useRequest } from '../ipc/use-request.ts';
import { PlanNotes } from '../plans/PlanNotes.tsx';
import styles from './BatchReview.module.css';
import { BatchRooms } from './BatchRooms.tsx';
import { foldNotes, partsOf } from './folded-notes.ts';
import { FoldedNotes } from './FoldedNotes.tsx';
import { PlannedItems } from './PlannedItems.tsx';

const css = classes(styles);

/** Makes the plan of a batch, shows it whole, and runs it if its reader says so. */
export function BatchReview({
  requests,
  onBack,
  onClose,
}: {
  readonly requests: readonly BatchRequest[];
  /** To where it was chosen, with what was chosen. */
  readonly onBack: () => void;
  readonly onClose: () => void;
}) {
  const planning = useRequest('batches.plan');
  const starting = useRequest('batches.start');
  const { send } = planning;
  useEffect(() => {
    void send({ requests: [...requests] });
  }, [send, requests]);
  const cancelButton = useRef<HTMLButtonElement>(null);

  const plan = planning.pending ? null : planning.value;
  const { made, leftOut } = partsOf(plan ?? { items: [] });
  const destructive = requests.some(({ request }) => loses(request));
  const isForgotten = SnaptreeError.is(starting.error, 'planNotFound');
  const isRunnable = plan !== null && canRun(plan) && !isForgotten;
  const planAgain = () => {
    starting.reset();
    void send({ requests: [...requests] });
  };
  const run = async () => {
    if (!plan) return;
    const started = await starting.send({ batchPlanId: plan.id });
    if (started) onClose();
  };
  return (
    <Dialog
      title={plan ? <HostText text={plan.title} /> : `Batch of ${count(requests.length, 'change')}`}
      width="wide"
      onClose={onClose}
      footer={
        <>
          <div className={css('left')}>
            <Button onPress={onBack}>Back</Button>
          </div>
          <Button ref={cancelButton} autoFocus={destructive} onPress={onClose}>
            {plan && !isRunnable && !isForgotten ? 'Close' : 'Cancel'}
          </Button>
          {isRunnable && (
            <Button
              tone={destructive ? 'danger' : 'primary'}
              label={`Run ${count(made.length, 'change')}`}
              disabledReason={starting.pending ? 'The batch is being started.' : null}
              onPress={() => {
                void run();
              }}
            >
              <Play size={14} aria-hidden />
              Run {count(made.length, 'change')}
            </Button>
          )}
          {isForgotten && (
            <Button tone="primary" onPress={planAgain}>
              Make the plan again
            </Button>
          )}
        </>
      }
    >
      <div className={css('content')}>
        {starting.error && !planning.pending && <ErrorCallout error={starting.error} />}
        {planning.pending && (
          <>
            <p className={css('quiet')}>
              Reading the hosts and planning {count(requests.length, 'change')}. Nothing is changed yet.
            </p>
            <Skeleton lines={8} label="Making the plan" />
          </>
        )}
        {planning.error && (
          <ErrorCallout error={planning.error} actions={<Button onPress={planAgain}>Try again</Button>} />
        )}
        {plan && <Whole plan={plan} made={made} leftOut={leftOut} />}
      </div>
    </Dialog>
  );
}

function Whole({ plan, made, leftOut }: { readonly plan: BatchPlan } & ReturnType<typeof partsOf>) {
  const { items, refusals, warnings, rooms } = plan;
  const all = items.length;
  return (
    <>
      {refusals.length > 0 ? (
        <Callout tone="danger" title="This batch is refused, and nothing was changed">
          <PlanNotes notes={refusals} />
        </Callout>
      ) : made.length === 0 ? (
        <Callout tone="danger" title={`${all === 1 ? 'This change' : `None of these ${all} changes`} can be made`} />
      ) : (
        <p>
          <strong>
            {leftOut.length === 0 ? count(made.length, 'change') : `${made.length} of ${count(all, 'change')}`}.
          </strong>{' '}
          <span className={css('quiet')}>Nothing has run yet. {batchRunMeaning}</span>
        </p>
      )}
      {leftOut.length > 0 && (
        <Callout tone="warning" title={`${leftOut.length} of ${all} cannot be made, and are left out`}>
          <FoldedNotes notes={foldNotes(leftOut, reasonsAgainst)} />
        </Callout>
      )}
      <KnowFirst warnings={warnings} made={made} />
      {rooms.length > 0 && (
        <section>
          <h3 className={css('heading')}>Room</h3>
          <BatchRooms rooms={rooms} />
        </section>
      )}
      {made.length > 0 && (
        <section>
          <h3 className={css('heading')}>Changes, by VM</h3>
          <PlannedItems items={made} />
        </section>
      )}
    </>
  );
}

function KnowFirst({
  warnings,
  made,
}: {
  readonly warnings: BatchPlan['warnings'];
  readonly made: readonly PlannedBatchItem[];
}) {
  const ofItems = foldNotes(made, ({ plan }) => plan?.warnings ?? []);
  if (warnings.length + ofItems.length === 0) return null;
  return (
    <Callout tone="warning" title="Know this first">
      {warnings.length > 0 && <PlanNotes notes={warnings} />}
      <FoldedNotes notes={ofItems} />
    </Callout>
  );
}

const harmless: ReadonlySet<ChangeRequest['action']> = new Set([
  'createSnapshot',
  'describeSnapshot',
  'renameSnapshot',
]);

/** Whether something is lost by it, or may be. */
function loses({ action }: ChangeRequest): boolean {
  return !harmless.has(action);
}
