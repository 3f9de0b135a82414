import { memo, useMemo, type ReactNode } from 'react';
import type { Image, ReadableVm, Snapshot, SnapshotDisk } from '../../shared/model/inventory.ts';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { Callout } from '../design/Callout.tsx';
import { Chip } from '../design/Chip.tsx';
import { count, formatAge, formatBytes, formatTime, formatUtc } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useNow } from '../design/use-now.ts';
import { lacksOf } from '../../shared/rules/snapshots/snapshot-lacks.ts';
import { stateWords } from '../../shared/rules/text/state-words.ts';
import { diskKindWords, snapshotKindWords } from '../appearance/model-words.ts';
import { worstOf } from '../../shared/rules/findings/problems.ts';
import { VmStateLabel } from '../appearance/VmStateLabel.tsx';
import { findPoint, findSnapshot } from '../store/state.ts';
import { imageIndex, snapshotsById } from '../store/selectors.ts';
import { useStore } from '../store/store.ts';
import { nameOfPoint, wordsOfPoint, type RestorePoint } from '../../shared/rules/snapshots/restore-points.ts';
import { useRestorePoints } from '../store/use-restore-points.ts';
import { DiskChains } from './DiskChains.tsx';
import styles from './Details.module.css';

const css = classes(styles);

/** The right pane: the selected snapshot or the present state, then the disk chains of the VM. */
export const Details = memo(function Details({ hostId, vm }: { readonly hostId: string; readonly vm: ReadableVm }) {
  return (
    <aside className={css('pane')} aria-label="Details">
      <SelectedDetails hostId={hostId} vm={vm} />
      <DiskChains hostId={hostId} vm={vm} />
    </aside>
  );
});

function SelectedDetails({ hostId, vm }: { readonly hostId: string; readonly vm: ReadableVm }) {
  const snapshot = useStore((state) => findSnapshot(vm, state.selection.snapshotId));
  const points = useRestorePoints(hostId, vm);
  const point = useStore((state) => findPoint(points, state.selection));
  const now = useNow();
  if (snapshot) return snapshotDetails(snapshot, hostId, vm, now);
  return point ? pointDetails(point, now) : presentDetails(vm);
}

function snapshotDetails(snapshot: Snapshot, hostId: string, vm: ReadableVm, now: number): ReactNode {
  const parent = snapshot.parentId === null ? undefined : snapshotsById(vm.snapshots).get(snapshot.parentId);
  return (
    <section className={css('section')}>
      <h2 className={css('title')}>
        <span className={css('titleText')}>
          <HostText text={snapshot.name} />
        </span>
        <CopyButton text={snapshot.name} what="snapshot name" />
      </h2>
      <dl className={css('facts')}>
        {fact(
          'Description',
          snapshot.description.trim() === '' ? (
            <span className={css('quiet')}>none</span>
          ) : (
            <>
              <HostText text={snapshot.description} lines />{' '}
              <CopyButton text={snapshot.description} what="description" />
            </>
          ),
        )}
        {fact('Created', momentOf(snapshot.createdAt, now))}
        {fact('Kind', snapshotKindWords[snapshot.kind])}
        {fact('VM was', stateWords[snapshot.vmState])}
        {fact('Memory', memoryOf(snapshot))}
        {fact(
          'Parent',
          snapshot.parentId === null ? (
            <span className={css('quiet')}>none, a root</span>
          ) : (
            <>
              <HostText text={parent?.name ?? snapshot.parentId} />
              {!parent && <Chip tone="warning">missing</Chip>}
            </>
          ),
        )}
      </dl>
      {snapshot.unknownPart !== undefined && (
        <p className={css('quiet')}>
          <HostText text={snapshot.unknownPart} />
        </p>
      )}
      <Lacks hostId={hostId} snapshot={snapshot} />
      <h3 className={css('heading')}>Where its data lives</h3>
      {snapshot.disks.length === 0 && <p className={css('quiet')}>The snapshot names no disk.</p>}
      <ul className={css('disks')}>{snapshot.disks.map(diskLine)}</ul>
    </section>
  );
}

function momentOf(at: number | null, now: number): ReactNode {
  if (at === null) return 'unknown';
  return (
    <>
      {formatTime(at)}{' '}
      <span className={css('quiet')}>
        {formatAge(at, now)}
        <br />
        {formatUtc(at)}
      </span>
    </>
  );
}

const noImages: readonly Image[] = [];

/** All that it lacks to be reverted to: apart, for images are other ones with every reading. */
const Lacks = memo(function Lacks({ hostId, snapshot }: { readonly hostId: string; readonly snapshot: Snapshot }) {
  const images = useStore((state) => state.inventories[hostId]?.inventory?.images ?? noImages);
  const lacks = useMemo(() => lacksOf(snapshot, imageIndex(images)), [snapshot, images]);
  const worst = worstOf(lacks);
  if (worst === null) return null;
  return (
    <div className={css('callout')}>
      <Callout
        tone={worst === 'error' ? 'danger' : 'warning'}
        title={worst === 'error' ? 'Lacks what a revert needs' : 'May lack what a revert needs'}
      >
        <ul className={css('lacks')}>
          {lacks.map(({ message }, index) => (
            <li key={index}>
              <HostText text={message} lines />
            </li>
          ))}
        </ul>
      </Callout>
    </div>
  );
});

function memoryOf({ memory, vmState }: Snapshot): ReactNode {
  switch (memory.kind) {
    case 'none':
      return vmState === 'shutoff'
        ? 'none: the VM was shut off'
        : 'not saved: after a revert the guest starts as after a power cut';
    case 'unknown':
      return 'not known';
    case 'internal':
      return 'saved inside the disk image';
    case 'external':
      return (
        <>
          saved in <code className={css('path')}>{<HostText text={memory.file} />}</code>{' '}
          <CopyButton text={memory.file} what="path of the memory file" />
        </>
      );
  }
}

function diskLine(disk: SnapshotDisk): ReactNode {
  return (
    <li key={disk.target} className={css('disk')}>
      <p>
        <span className={css('target')}>
          <HostText text={disk.target} />
        </span>{' '}
        <span className={css('quiet')}>{diskKindWords[disk.kind]}</span>
      </p>
      {disk.dataImageId !== null && disk.kind !== 'none' && <Path path={disk.dataImageId} what="path of the image" />}
      {disk.overlayImageId !== null && (
        <p className={css('overlay')}>
          <span className={css('quiet')}>writes went on in</span>{' '}
          <Path path={disk.overlayImageId} what="path of the overlay" />
        </p>
      )}
    </li>
  );
}

function pointDetails(point: RestorePoint, now: number): ReactNode {
  const { file, savedAt, allocatedBytes } = point;
  return (
    <section className={css('section')}>
      <h2 className={css('title')}>
        <span className={css('titleText')}>
          <HostText text={nameOfPoint(point)} />
        </span>
      </h2>
      <dl className={css('facts')}>
        {fact('Restore point', `${wordsOfPoint(point)}.`)}
        {fact('Kind', 'memory of the guest, on the disks of “You are here”')}
        {fact('Saved', momentOf(savedAt, now))}
        {fact(
          'File',
          file === null ? 'kept by libvirt for the next start' : <Path path={file} what="path of the file" />,
        )}
        {allocatedBytes !== null && fact('Size', formatBytes(allocatedBytes))}
      </dl>
    </section>
  );
}

function presentDetails(vm: ReadableVm): ReactNode {
  const current = vm.snapshots.find((snapshot) => snapshot.id === vm.currentSnapshotId);
  return (
    <section className={css('section')}>
      <h2 className={css('title')}>
        <span className={css('titleText', 'here')}>You are here</span>
      </h2>
      <dl className={css('facts')}>
        {fact(
          'VM',
          <>
            <HostText text={vm.name} /> <CopyButton text={vm.name} what="VM name" />
          </>,
        )}
        {fact(
          'UUID',
          <>
            <code className={css('uuid')}>{vm.uuid}</code> <CopyButton text={vm.uuid} what="UUID" />
          </>,
        )}
        {fact(
          'State',
          <>
            <VmStateLabel vm={vm} />{' '}
            {vm.stateReason !== null && (
              <span className={css('quiet')}>
                <HostText text={vm.stateReason} />
              </span>
            )}
          </>,
        )}
        {fact(
          'Built on',
          current ? (
            <HostText text={current.name} />
          ) : (
            <span className={css('quiet')}>
              {vm.snapshots.length === 0 ? 'no snapshot: there are none' : 'no snapshot is recorded as current'}
            </span>
          ),
        )}
        {vm.hasManagedSave &&
          fact(
            'Restore point',
            vm.state === 'shutoff'
              ? 'The memory of its guest, saved by libvirt: Start goes on from there. Its disks must stay as they are until then.'
              : 'Memory of its guest that libvirt saved earlier. The disks were written to since: discard it before the next start.',
          )}
        {(vm.memoryBytes !== null || vm.cpuCount !== null) &&
          fact(
            'Size',
            <>
              {formatBytes(vm.memoryBytes)} memory, {vm.cpuCount === null ? 'CPUs unknown' : count(vm.cpuCount, 'CPU')}
            </>,
          )}
        {vm.title !== '' && fact('Title', <HostText text={vm.title} />)}
        {vm.description !== '' && fact('Description', <HostText text={vm.description} lines />)}
      </dl>
      <div className={css('chips')}>
        {!vm.persistent && <Chip tone="warning">transient: gone when it stops</Chip>}
        {/* Where it is shut off its state says so. */}
        {vm.hasManagedSave && vm.state !== 'shutoff' && <Chip tone="warning">memory saved</Chip>}
        {vm.hasNvram && <Chip>has firmware variables (NVRAM)</Chip>}
      </div>
    </section>
  );
}

/** A path that can be read to its end and copied. */
const Path = memo(function Path({ path, what }: { readonly path: string; readonly what: string }) {
  return (
    <span className={css('pathLine')}>
      <code className={css('path')}>
        <HostText text={path} />
      </code>
      <CopyButton text={path} what={what} />
    </span>
  );
});

function fact(name: string, value: ReactNode): ReactNode {
  return (
    <div className={css('fact')}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
