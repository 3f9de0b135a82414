import { memo } from 'react';
import type { Inventory, ReadableVm, Snapshot, SnapshotDisk } from '../../shared/model/inventory.ts';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { Chip } from '../design/Chip.tsx';
import { count, formatAge, formatBytes, formatTime, formatUtc } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { useNow } from '../design/use-now.ts';
import { diskKindWords, snapshotKindWords, vmStateWords } from '../appearance/model-words.ts';
import { VmStateLabel } from '../appearance/VmStateLabel.tsx';
import { DiskChains } from './DiskChains.tsx';
import styles from './Details.module.css';

const css = classes(styles);

/** The right pane: the selected snapshot or the present state, then the disk chains of the VM. */
export function Details({
  vm,
  snapshot,
  inventory,
}: {
  readonly vm: ReadableVm;
  readonly snapshot: Snapshot | null;
  readonly inventory: Inventory;
}) {
  return (
    <aside className={css('pane')} aria-label="Details">
      {snapshot ? <SnapshotDetails snapshot={snapshot} vm={vm} /> : <PresentDetails vm={vm} />}
      <DiskChains vm={vm} inventory={inventory} highlighted={snapshot ? imagesOf(snapshot) : null} />
    </aside>
  );
}

function imagesOf(snapshot: Snapshot): ReadonlySet<string> {
  return new Set(snapshot.disks.flatMap((disk) => (disk.dataImageId === null ? [] : [disk.dataImageId])));
}

const SnapshotDetails = memo(function SnapshotDetails({
  snapshot,
  vm,
}: {
  readonly snapshot: Snapshot;
  readonly vm: ReadableVm;
}) {
  const now = useNow();
  const parent = vm.snapshots.find((candidate) => candidate.id === snapshot.parentId);
  return (
    <section className={css('section')}>
      <h2 className={css('title')}>
        <span className={css('titleText')}>
          <HostText text={snapshot.name} />
        </span>
        <CopyButton text={snapshot.name} what="snapshot name" />
      </h2>
      <dl className={css('facts')}>
        <Fact name="Description">
          {snapshot.description.trim() === '' ? (
            <span className={css('quiet')}>none</span>
          ) : (
            <>
              <HostText text={snapshot.description} lines />{' '}
              <CopyButton text={snapshot.description} what="description" />
            </>
          )}
        </Fact>
        <Fact name="Created">
          {snapshot.createdAt === null ? (
            'unknown'
          ) : (
            <>
              {formatTime(snapshot.createdAt)}{' '}
              <span className={css('quiet')}>
                {formatAge(snapshot.createdAt, now)}
                <br />
                {formatUtc(snapshot.createdAt)}
              </span>
            </>
          )}
        </Fact>
        <Fact name="Kind">{snapshotKindWords[snapshot.kind]}</Fact>
        <Fact name="VM was">{vmStateWords[snapshot.vmState]}</Fact>
        <Fact name="Memory">
          <Memory snapshot={snapshot} />
        </Fact>
        <Fact name="Parent">
          {snapshot.parentId === null ? (
            <span className={css('quiet')}>none, a root</span>
          ) : (
            <>
              <HostText text={parent?.name ?? snapshot.parentId} />
              {!parent && <Chip tone="warning">missing</Chip>}
            </>
          )}
        </Fact>
      </dl>
      {snapshot.unknownPart !== undefined && (
        <p className={css('quiet')}>
          <HostText text={snapshot.unknownPart} />
        </p>
      )}
      <h3 className={css('heading')}>Where its data lives</h3>
      {snapshot.disks.length === 0 && <p className={css('quiet')}>The snapshot names no disk.</p>}
      <ul className={css('disks')}>
        {snapshot.disks.map((disk) => (
          <SnapshotDiskLine key={disk.target} disk={disk} />
        ))}
      </ul>
    </section>
  );
});

function Memory({ snapshot: { memory, vmState } }: { readonly snapshot: Snapshot }) {
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

function SnapshotDiskLine({ disk }: { readonly disk: SnapshotDisk }) {
  return (
    <li className={css('disk')}>
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

const PresentDetails = memo(function PresentDetails({ vm }: { readonly vm: ReadableVm }) {
  const current = vm.snapshots.find((snapshot) => snapshot.id === vm.currentSnapshotId);
  return (
    <section className={css('section')}>
      <h2 className={css('title')}>
        <span className={css('titleText', 'here')}>You are here</span>
      </h2>
      <dl className={css('facts')}>
        <Fact name="VM">
          <HostText text={vm.name} /> <CopyButton text={vm.name} what="VM name" />
        </Fact>
        <Fact name="UUID">
          <code className={css('uuid')}>{vm.uuid}</code> <CopyButton text={vm.uuid} what="UUID" />
        </Fact>
        <Fact name="State">
          <VmStateLabel vm={vm} />{' '}
          {vm.stateReason !== null && (
            <span className={css('quiet')}>
              <HostText text={vm.stateReason} />
            </span>
          )}
        </Fact>
        <Fact name="Built on">
          {current ? (
            <HostText text={current.name} />
          ) : (
            <span className={css('quiet')}>
              {vm.snapshots.length === 0 ? 'no snapshot: there are none' : 'no snapshot is recorded as current'}
            </span>
          )}
        </Fact>
        {(vm.memoryBytes !== null || vm.cpuCount !== null) && (
          <Fact name="Size">
            {formatBytes(vm.memoryBytes)} memory, {vm.cpuCount === null ? 'CPUs unknown' : count(vm.cpuCount, 'CPU')}
          </Fact>
        )}
        {vm.title !== '' && (
          <Fact name="Title">
            <HostText text={vm.title} />
          </Fact>
        )}
        {vm.description !== '' && (
          <Fact name="Description">
            <HostText text={vm.description} lines />
          </Fact>
        )}
      </dl>
      <div className={css('chips')}>
        {!vm.persistent && <Chip tone="warning">transient: gone when it stops</Chip>}
        {vm.hasManagedSave && <Chip tone="warning">has a managed save</Chip>}
        {vm.hasNvram && <Chip>has firmware variables (NVRAM)</Chip>}
      </div>
    </section>
  );
});

/** A path that can be read to its end and copied. */
function Path({ path, what }: { readonly path: string; readonly what: string }) {
  return (
    <span className={css('pathLine')}>
      <code className={css('path')}>
        <HostText text={path} />
      </code>
      <CopyButton text={path} what={what} />
    </span>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div className={css('fact')}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
