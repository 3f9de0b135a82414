import type { ReactNode } from 'react';
import type { ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import { presentStateWords, shortPresentStateWord, stateWords } from '../../shared/rules/text/state-words.ts';
import { wordsOfPoint, type RestorePoint } from '../../shared/rules/snapshots/restore-points.ts';
import { snapshotKindWords } from '../appearance/model-words.ts';
import { classes } from '../design/classes.ts';
import { formatAge, formatTime, formatUtc } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { rowIcon } from './row-icons.tsx';
import styles from './SnapshotTree.module.css';

const css = classes(styles);

/** What stands beside the name of a snapshot; `now` in seconds since 1970. */
export function SnapshotCells({ snapshot, now }: { readonly snapshot: Snapshot; readonly now: number }) {
  const { kind, vmState, memory, createdAt, disks } = snapshot;
  const included = disks.filter((disk) => disk.kind !== 'none').length;
  const description = snapshot.description.trim();
  return (
    <>
      {createdCell(createdAt, now)}
      <div
        role="gridcell"
        className={css('cell', 'kind')}
        title={`${snapshotKindWords[kind]}; ${takenWords(snapshot)}`}
      >
        {rowIcon(vmState, 13)}
        <span className={css('text')}>{snapshotKindWords[kind]}</span>
        {memory.kind !== 'none' && rowIcon('memory', 13)}
        <span className={css('spoken')}>{takenWords(snapshot)}</span>
      </div>
      <div role="gridcell" className={css('cell')} title={visibleString(description)}>
        <span className={css('text', 'quiet')}>
          <HostText text={description} />
        </span>
      </div>
      <div role="gridcell" className={css('cell')} title={`${included} of ${disks.length} disks are in this snapshot`}>
        {included === disks.length ? included : `${included} of ${disks.length}`}
      </div>
    </>
  );
}

function createdCell(at: number | null, now: number): ReactNode {
  return (
    <div role="gridcell" className={css('cell', 'created')} title={at === null ? undefined : formatUtc(at)}>
      {at === null ? (
        <span className={css('quiet')}>unknown</span>
      ) : (
        <>
          <span className={css('age')}>{formatAge(at, now).replace(/ ago$/, '')}</span>
          <span className={css('time')}>{formatTime(at).slice(0, 16)}</span>
        </>
      )}
    </div>
  );
}

/** How it was taken, for the eye that does not know the icons and for a reader: `VM was running, with its memory`. */
function takenWords({ vmState, memory }: Snapshot): string {
  const state = vmState === 'disk-only' ? 'disks only' : `VM was ${stateWords[vmState]}`;
  return memory.kind === 'none' || memory.kind === 'unknown' ? state : `${state}, with its memory`;
}

/** What stands beside memory that was saved. */
export function PointCells({
  point,
  disks,
  now,
}: {
  readonly point: RestorePoint;
  readonly disks: number;
  readonly now: number;
}) {
  const words = wordsOfPoint(point);
  return (
    <>
      {createdCell(point.savedAt, now)}
      <div role="gridcell" className={css('cell', 'kind')}>
        {rowIcon('memory', 13)}
        <span className={css('text')}>memory</span>
      </div>
      <div role="gridcell" className={css('cell')} title={words}>
        <span className={css('text', 'quiet')}>{words}</span>
      </div>
      <div role="gridcell" className={css('cell')}>
        {disks}
      </div>
    </>
  );
}

/** What stands beside "you are here". */
export function HereCells({
  state,
  hasManagedSave,
  disks,
  hasNoCurrent,
  stale,
}: {
  readonly state: ReadableVm['state'];
  readonly hasManagedSave: boolean;
  readonly disks: number;
  readonly hasNoCurrent: boolean;
  readonly stale: boolean;
}) {
  const words = presentStateWords({ state, hasManagedSave });
  const description =
    hasManagedSave && state === 'shutoff'
      ? 'Memory saved: its next start goes on from there'
      : hasNoCurrent
        ? 'Present state of the VM; no snapshot is recorded as current'
        : 'Present state of the VM';
  return (
    <>
      <div role="gridcell" className={css('cell', 'created')}>
        {stale ? 'last known' : 'now'}
      </div>
      <div role="gridcell" className={css('cell', 'kind')} title={words}>
        <span className={css('text')} aria-hidden>
          {shortPresentStateWord({ state, hasManagedSave })}
        </span>
        <span className={css('spoken')}>{words}</span>
      </div>
      <div role="gridcell" className={css('cell')} title={description}>
        <span className={css('text', 'quiet')}>{description}</span>
      </div>
      <div role="gridcell" className={css('cell')}>
        {disks}
      </div>
    </>
  );
}
