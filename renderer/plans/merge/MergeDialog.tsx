import { useState } from 'react';
import type { Inventory, ReadableVm, Snapshot } from '../../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../../shared/model/plan.ts';
import { dependentsIndex } from '../../../shared/rules/chains/chains.ts';
import { fileNameOf } from '../../../shared/rules/text/folders.ts';
import {
  highestMergeLimit,
  mergeLimit,
  mergeRequest,
  type MergeDirection,
} from '../../../shared/rules/snapshots/merge-proposals.ts';
import { classes } from '../../design/classes.ts';
import { CheckboxLine, ChoiceField, TextField } from '../../design/fields.tsx';
import { count, formatBytes } from '../../design/format.ts';
import { HostText } from '../../design/HostText.tsx';
import { PlanForm } from '../PlanForm.tsx';
import { MergeDisk } from './MergeDisk.tsx';
import { extentOf, startingChoices, type DiskChoice } from './merge-choices.ts';
import styles from './MergeDialog.module.css';

const css = classes(styles);

interface MergeDialogProps {
  readonly hostId: string;
  readonly vm: ReadableVm;
  readonly inventory: Inventory;
  readonly direction: MergeDirection;
  /** Null: "you are here". */
  readonly snapshot: Snapshot | null;
  /** The younger end of a range that was selected; null: the present state. */
  readonly youngest: Snapshot | null;
  /** Only this disk, to begin with; null: all. */
  readonly target: string | null;
  readonly onClose: () => void;
}

/** Asks which images are merged into which, over the picture of the chains, then shows the plan; back from there loses nothing. */
export function MergeDialog(props: MergeDialogProps) {
  const { hostId, vm, inventory, direction: first, snapshot, youngest, target, onClose } = props;
  const [direction, setDirection] = useState(first);
  // What is chosen is about the chains as they were when the dialog was opened; the plan reads them again.
  const [choices, setChoices] = useState<Readonly<Record<MergeDirection, readonly DiskChoice[]>>>(() => {
    const dependents = dependentsIndex(inventory);
    const start = (way: MergeDirection) =>
      startingChoices({ direction: way, snapshot, youngest, target }, vm, inventory, dependents);
    return { down: start('down'), up: start('up') };
  });
  const [oneByOne, setOneByOne] = useState(false);
  const [limit, setLimit] = useState('');
  const [tried, setTried] = useState(false);
  const [request, setRequest] = useState<ChangeRequest | null>(null);

  const disks = choices[direction];
  const chosen = disks.filter(({ included }) => included);
  const live = vm.state !== 'shutoff';
  const limitError = live ? limitProblem(limit) : null;
  const disksError = chosen.length === 0 ? 'Choose at least one disk.' : null;
  const canStepwise = direction === 'down' && chosen.some(({ choice: { top, base } }) => base - top > 1);
  const submit = () => {
    setTried(true);
    if (limitError !== null || disksError !== null) return;
    setRequest(
      mergeRequest(direction, vm.uuid, chosen, {
        oneByOne: oneByOne && canStepwise,
        bytesPerSecond: live && limit.trim() !== '' ? mergeLimit(Number(limit)) : null,
      }),
    );
  };

  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Merge images of <HostText text={vm.name} />
        </>
      }
      width="wide"
      outlook={<Extent direction={direction} chosen={chosen} live={live} />}
      request={request}
      onSubmit={submit}
      onBack={() => {
        setRequest(null);
      }}
      onClose={onClose}
    >
      <ChoiceField<MergeDirection>
        label="Direction"
        value={direction}
        onChange={setDirection}
        choices={[
          { value: 'down', label: 'Down (commit)', description: meanings.down },
          { value: 'up', label: 'Up (pull)', description: meanings.up },
        ]}
      />
      {disks.map((disk) => (
        <MergeDisk
          key={`${direction} ${disk.disk.target}`}
          direction={direction}
          disk={disk}
          optional={disks.length > 1}
          onChange={(change) => {
            setChoices({
              ...choices,
              [direction]: disks.map((each) => (each === disk ? { ...each, ...change } : each)),
            });
          }}
        />
      ))}
      {disksError !== null && tried && <p className={css('error')}>{disksError}</p>}
      {canStepwise && (
        <CheckboxLine selected={oneByOne} onChange={setOneByOne}>
          <span>
            One image after the other
            <span className={css('quiet')}>
              : each is a step that can be the last, but what several images hold is written several times
            </span>
          </span>
        </CheckboxLine>
      )}
      {live && (
        <div className={css('limit')}>
          <TextField
            label="Speed limit in MiB/s (optional)"
            value={limit}
            onChange={setLimit}
            inputMode="numeric"
            error={tried || limit !== '' ? limitError : null}
            description="Leaves the guest its share of the storage. Without one the merge is as fast as it can be."
          />
        </div>
      )}
    </PlanForm>
  );
}

const meanings: Readonly<Record<MergeDirection, string>> = {
  down: 'What the upper images hold is written into a lower one, and they are removed. Snapshots whose data is in an image that is written to are lost.',
  up: 'The active layer takes up what the images below it hold. They stay as they are, and with them the snapshots in them. With nothing left below, the disk is one image that needs no other.',
};

function Extent({
  direction,
  chosen,
  live,
}: {
  readonly direction: MergeDirection;
  readonly chosen: readonly DiskChoice[];
  readonly live: boolean;
}) {
  const { imageCount, bytes, receiving } = extentOf(direction, chosen);
  const one = receiving.length === 1 ? receiving[0] : undefined;
  if (receiving.length === 0) {
    return (
      <p className={css('extent')} role="status">
        No disk is chosen.
      </p>
    );
  }
  return (
    <p className={css('extent')} role="status">
      {direction === 'down' ? 'Merges' : 'Takes up'} {count(imageCount, 'image')}
      {bytes !== null && `, at most ${formatBytes(bytes)},`} into{' '}
      {one ? <HostText text={fileNameOf(one.id)} /> : `${receiving.length} others`}
      {live ? ', while the VM runs.' : '. The VM must stay shut off until it is done.'}
    </p>
  );
}

function limitProblem(text: string): string | null {
  if (text.trim() === '') return null;
  const limit = Number(text);
  return Number.isInteger(limit) && limit >= 1 && limit <= highestMergeLimit
    ? null
    : `A whole number from 1 to ${highestMergeLimit}, or nothing.`;
}
