import { Play } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { SnaptreeError } from '../../shared/errors.ts';
import type { ChangeRequest, Plan, PowerChange } from '../../shared/model/plan.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { Dialog } from '../design/Dialog.tsx';
import { CheckboxLine, ChoiceField } from '../design/fields.tsx';
import { formatBytes } from '../design/format.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { HostText } from '../design/HostText.tsx';
import { Skeleton } from '../design/Skeleton.tsx';
import { useRequest } from '../ipc/use-request.ts';
import {
  deletionCosts,
  type DeletionCosts,
  type MergeDirection,
} from '../../shared/rules/snapshots/merge-proposals.ts';
import { imageIndex } from '../store/selectors.ts';
import { findSnapshot, findVm } from '../store/state.ts';
import { useStore } from '../store/store.ts';
import { PlanReview } from './PlanReview.tsx';
import styles from './PlanDialog.module.css';

const css = classes(styles);

const titles: Readonly<Record<ChangeRequest['action'], string>> = {
  createSnapshot: 'Create snapshot',
  revertToSnapshot: 'Revert',
  deleteSnapshot: 'Delete snapshot',
  commitImages: 'Merge down',
  pullImages: 'Merge up',
  changePower: 'Start, end or pause',
  cloneVm: 'Create VM',
  saveMemory: 'Save memory',
  restoreMemory: 'Restore',
  discardMemory: 'Discard saved memory',
  describeSnapshot: 'Change description',
  renameSnapshot: 'Rename snapshot',
  repairRecords: 'Repair records',
  defineRecords: 'Define records',
  adoptSnapshot: 'Make a record',
  setAsideImage: 'Rename image',
  rebaseImage: 'Mend chain',
};

const powerDeeds: Readonly<Record<PowerChange, string>> = {
  start: 'Start VM',
  shutdown: 'Shut down VM',
  destroy: 'Force off VM',
  suspend: 'Pause VM',
  resume: 'Resume VM',
};

/** What the run button says: the deed itself, not "OK". */
function deed(plan: Plan): string {
  switch (plan.request.action) {
    case 'createSnapshot':
      return 'Create snapshot';
    case 'revertToSnapshot':
      return 'Revert VM';
    case 'deleteSnapshot':
      return plan.request.withDescendants || plan.request.otherSnapshotIds ? 'Delete snapshots' : 'Delete snapshot';
    case 'commitImages':
      return 'Merge down';
    case 'pullImages':
      return 'Merge up';
    case 'changePower':
      return powerDeeds[plan.request.to];
    case 'cloneVm':
      return 'Create VM';
    case 'saveMemory':
      return 'Save memory';
    case 'restoreMemory':
      return 'Restore VM';
    case 'discardMemory':
      return 'Discard memory';
    case 'describeSnapshot':
      return 'Change description';
    case 'renameSnapshot':
      return 'Rename snapshot';
    case 'repairRecords':
      return 'Repair records';
    case 'defineRecords':
      return 'Define records';
    case 'adoptSnapshot':
      return 'Make record';
    case 'setAsideImage':
      return 'Rename image';
    case 'rebaseImage':
      return 'Mend chain';
  }
}

const harmless: ReadonlySet<ChangeRequest['action']> = new Set([
  'createSnapshot',
  'cloneVm',
  'saveMemory',
  'restoreMemory',
  'describeSnapshot',
  'renameSnapshot',
  'defineRecords',
  'adoptSnapshot',
  'setAsideImage',
]);

/** Whether something of the present is lost, or may be. */
function isDestructive(request: ChangeRequest): boolean {
  if (request.action === 'changePower') return request.to === 'destroy';
  return !harmless.has(request.action);
}

/** Makes a plan for `request`, shows it whole, and runs it if its reader says so. */
export function PlanDialog({
  hostId,
  request: requested,
  onBack,
  onClose,
}: {
  readonly hostId: string;
  /** A revert saves the present state first where this says so, unless its reader decides otherwise. */
  readonly request: ChangeRequest;
  /** To the form that the request came from, with what was entered. */
  readonly onBack?: (() => void) | undefined;
  readonly onClose: () => void;
}) {
  const canSave = requested.action === 'revertToSnapshot' && requested.saveAs !== null;
  const [saves, setSaves] = useState(canSave);
  const canSaveMemory = requested.action === 'revertToSnapshot' && requested.saveMemoryFile !== undefined;
  const [savesMemory, setSavesMemory] = useState(canSaveMemory);
  const costs = useDeletionCosts(hostId, requested);
  const [direction, setDirection] = useState<MergeDirection>('down');
  const request = useMemo((): ChangeRequest => {
    if (requested.action === 'revertToSnapshot') {
      const { saveMemoryFile, ...rest } = requested;
      if (!saves) return { ...rest, saveAs: null };
      return savesMemory && saveMemoryFile !== undefined ? requested : rest;
    }
    return requested.action === 'deleteSnapshot' && direction === 'up' ? { ...requested, direction } : requested;
  }, [requested, saves, savesMemory, direction]);
  const planning = useRequest('plans.create');
  const starting = useRequest('operations.start');
  const { send: sendPlan } = planning;
  useEffect(() => {
    void sendPlan({ hostId, request });
  }, [sendPlan, hostId, request]);
  const cancelButton = useRef<HTMLButtonElement>(null);

  const plan = planning.pending ? null : planning.value;
  const destructive = isDestructive(request);
  const stale = SnaptreeError.is(starting.error, 'planStale', 'planNotFound');
  /** The operation of another Snaptree that holds the VM. */
  const holder = SnaptreeError.is(starting.error, 'vmLocked') ? starting.error.data['takeOver'] : undefined;
  const planAgain = () => {
    void planning.send({ hostId, request });
  };
  const run = async (takeOver?: string) => {
    if (!plan) return;
    const started = await starting.send({ planId: plan.id, ...(takeOver !== undefined && { takeOver }) });
    if (started) onClose();
  };
  const canRun = plan !== null && plan.refusals.length === 0 && !stale;

  return (
    <Dialog
      title={plan ? <HostText text={plan.title} /> : <NotYetPlanned hostId={hostId} request={request} />}
      width="wide"
      onClose={onClose}
      footer={
        <>
          <div className={css('left')}>
            {onBack && <Button onPress={onBack}>Back</Button>}
            {plan && plan.script !== '' && (
              <CopyButton text={plan.script} what="plan as a shell script" caption="Copy as script" />
            )}
          </div>
          <Button ref={cancelButton} autoFocus={destructive} onPress={onClose}>
            {plan && plan.refusals.length > 0 ? 'Close' : 'Cancel'}
          </Button>
          {canRun && (
            <Button
              tone={destructive ? 'danger' : 'primary'}
              disabledReason={starting.pending ? 'The operation is being started.' : null}
              label={deed(plan)}
              onPress={() => {
                void run();
              }}
            >
              <Play size={14} aria-hidden />
              {deed(plan)}
            </Button>
          )}
          {stale && (
            <Button
              tone="primary"
              onPress={() => {
                starting.reset();
                planAgain();
              }}
            >
              Make the plan again
            </Button>
          )}
        </>
      }
    >
      <div className={css('content')}>
        {canSave && (
          <div className={css('saving')}>
            <CheckboxLine
              selected={saves}
              onChange={(selected) => {
                starting.reset();
                setSaves(selected);
              }}
            >
              <span>
                Save the present state first, as <HostText text={requested.saveAs ?? ''} />
                <span className={css('quiet')}>: this can be undone then</span>
              </span>
            </CheckboxLine>
            {canSaveMemory && saves && (
              <div className={css('more')}>
                <CheckboxLine
                  selected={savesMemory}
                  onChange={(selected) => {
                    starting.reset();
                    setSavesMemory(selected);
                  }}
                >
                  <span>
                    With the memory of the guest, in <HostText text={requested.saveMemoryFile ?? ''} />
                    <span className={css('quiet')}>: it goes on from there when this is undone</span>
                  </span>
                </CheckboxLine>
              </div>
            )}
          </div>
        )}
        {costs && (
          <ChoiceField<MergeDirection>
            label="What of its images goes"
            value={direction}
            onChange={(chosen) => {
              starting.reset();
              setDirection(chosen);
            }}
            choices={[
              {
                value: 'down',
                label: 'The overlay above (merge down)',
                description: `It is written into the image of the snapshot: at most ${formatBytes(costs.down)}.`,
              },
              {
                value: 'up',
                label: 'The image of the snapshot (merge up)',
                description: `The overlay takes it up: at most ${formatBytes(costs.up)}.`,
              },
            ]}
          />
        )}
        {starting.error && !planning.pending && (
          <ErrorCallout
            error={starting.error}
            {...(holder !== undefined && {
              actions: (
                <Button
                  tone="danger"
                  onPress={() => {
                    void run(holder);
                  }}
                >
                  Take the lock over and run
                </Button>
              ),
            })}
          />
        )}
        {planning.pending && (
          <>
            <p className={css('quiet')}>Reading the host and making the plan. Nothing is changed yet.</p>
            <Skeleton lines={8} label="Making the plan" />
          </>
        )}
        {planning.error && (
          <ErrorCallout error={planning.error} actions={<Button onPress={planAgain}>Try again</Button>} />
        )}
        {plan && <PlanReview plan={plan} />}
      </div>
    </Dialog>
  );
}

/** What each direction of a deletion copies, where there are two. */
function useDeletionCosts(hostId: string, request: ChangeRequest): DeletionCosts | null {
  // Of the moment at which it was asked for: the choice does not come and go with readings.
  return useState(() => {
    if (request.action !== 'deleteSnapshot' || request.withDescendants || request.otherSnapshotIds) return null;
    const state = useStore.getState();
    const vm = findVm(state, hostId, request.vmUuid);
    const snapshot = findSnapshot(vm, request.snapshotId);
    const images = state.inventories[hostId]?.inventory?.images;
    return vm?.readable && snapshot && images ? deletionCosts(snapshot, vm, imageIndex(images)) : null;
  })[0];
}

/** What is asked for, as far as it can be said before there is a plan. */
function NotYetPlanned({ hostId, request }: { readonly hostId: string; readonly request: ChangeRequest }) {
  const name = useStore((state) => findVm(state, hostId, request.vmUuid)?.name ?? null);
  return (
    <>
      {titles[request.action]}
      {name !== null && (
        <>
          : <HostText text={name} />
        </>
      )}
    </>
  );
}
