import { ArrowDown, CircleAlert } from 'lucide-react';
import { memo, useCallback, useMemo, type ReactNode } from 'react';
import type { Disk, Image, Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import { chainOfDisk, dependentsIndex, type Chain, type Dependents } from '../../shared/rules/chains/chains.ts';
import { brokenChainOfDisk, type BrokenChain } from '../../shared/rules/chains/broken-chains.ts';
import { blockJobWords, untilJobEnds } from '../../shared/rules/inventory/jobs.ts';
import { dependenceOf, type LayerDependence } from '../../shared/rules/chains/layer-dependence.ts';
import { Button } from '../design/Button.tsx';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { CopyButton } from '../design/Copy.tsx';
import { areSameProps } from '../design/same-props.ts';
import { useFirst } from '../design/ShowMore.tsx';
import { count, formatBytes, formatTime } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { findSnapshot, findVm, type State } from '../store/state.ts';
import { imageIndex } from '../store/selectors.ts';
import { showDialog, useStore } from '../store/store.ts';
import { useReasonAgainst } from '../store/use-vm-actions.ts';
import styles from './DiskChains.module.css';

const css = classes(styles);
const dependentsShownAtOnce = 3;

/** The disks of a VM, each with its chain of images on storage, from the active layer down to the base. */
export const DiskChains = memo(function DiskChains({
  hostId,
  vm,
}: {
  readonly hostId: string;
  readonly vm: ReadableVm;
}) {
  const inventory = useStore((state) => state.inventories[hostId]?.inventory);
  const images = inventory && imageIndex(inventory.images);
  const dependents = useMemo(() => inventory && dependentsIndex(inventory), [inventory]);
  const reasonAgainstMerge = useReasonAgainst('mergeDown', hostId, vm);
  if (!inventory || !images || !dependents) return null;
  const anyImage = inventory.unknownDependents.filter(({ imageIds }) => imageIds === null).map(({ what }) => what);
  return (
    <section className={css('chains')} aria-label="Disk chains">
      <h3 className={css('heading')}>Disks and their chains</h3>
      {anyImage.length > 0 && vm.disks.length > 0 && (
        <Dependence
          intro="What could not be looked into may need any of these images, so some changes are refused:"
          names={anyImage}
        />
      )}
      {vm.disks.length === 0 && <p className={css('quiet')}>The VM has no disk.</p>}
      {vm.disks.map((disk) => (
        <DiskChain
          key={disk.target}
          hostId={hostId}
          disk={disk}
          vm={vm}
          chain={chainOfDisk(disk, images)}
          broken={brokenChainOfDisk(disk, images)}
          dependents={dependents}
          inventory={inventory}
          reasonAgainstMerge={reasonAgainstMerge}
        />
      ))}
    </section>
  );
});

function DiskChain({
  hostId,
  disk,
  vm,
  chain,
  broken,
  dependents,
  inventory,
  reasonAgainstMerge,
}: {
  readonly hostId: string;
  readonly disk: Disk;
  readonly vm: ReadableVm;
  readonly chain: Chain | null;
  readonly broken: BrokenChain | null;
  readonly dependents: ReadonlyMap<string, Dependents>;
  readonly inventory: Inventory;
  readonly reasonAgainstMerge: string | null;
}) {
  return (
    <div className={css('diskBlock')}>
      <h4 className={css('diskTitle')}>
        <HostText text={disk.target} />
        {disk.device !== 'disk' && <Chip>{disk.device}</Chip>}
        {disk.readOnly && <Chip>read-only</Chip>}
        {disk.shareable && <Chip tone="warning">shareable</Chip>}
        {disk.transient && <Chip tone="warning">thrown away at shut-off</Chip>}
        {disk.blockJob && <Chip tone="warning">block job</Chip>}
        {chain && chain.images.length > 1 && <span className={css('quiet')}>{chain.images.length} layers</span>}
        {chain && chain.images.length > 1 && (
          <MergeButton hostId={hostId} vmUuid={vm.uuid} target={disk.target} reasonAgainst={reasonAgainstMerge} />
        )}
      </h4>
      {disk.blockJob && (
        <p className={css('quiet')}>
          A block job runs: <HostText text={blockJobWords(disk.blockJob)} />. {untilJobEnds}
        </p>
      )}
      {!chain && !broken && <p className={css('quiet')}>empty drive</p>}
      {chain && (
        <ol className={css('layers')}>
          {chain.images.map((image, index) => (
            <Layer
              key={image.id}
              image={image}
              role={layerRole(index, chain)}
              {...dependenceOf(image.id, chain.images, vm, inventory, dependents)}
            />
          ))}
          {broken && (
            <li className={css('end')}>
              <Break broken={broken} />
            </li>
          )}
        </ol>
      )}
      {!chain && broken && (
        <p className={css('end')}>
          <Break broken={broken} />
        </p>
      )}
    </div>
  );
}

/** Opens the choice of what is merged of one disk's chain, whatever is selected in the tree. */
const MergeButton = memo(function MergeButton({
  hostId,
  vmUuid,
  target,
  reasonAgainst,
}: {
  readonly hostId: string;
  readonly vmUuid: string;
  readonly target: string;
  readonly reasonAgainst: string | null;
}) {
  const open = useCallback(() => {
    showDialog({ kind: 'merge', hostId, vmUuid, direction: 'down', snapshotId: null, target });
  }, [hostId, vmUuid, target]);
  return (
    <span className={css('merge')}>
      <Button
        size="small"
        label={`Merge images of ${visibleString(target)}…`}
        disabledReason={reasonAgainst}
        onPress={open}
      >
        Merge…
      </Button>
    </span>
  );
});

function Break({ broken: { words, remedy } }: { readonly broken: BrokenChain }) {
  return (
    <>
      <CircleAlert size={14} aria-hidden />
      <span>
        The chain <HostText text={words} lines /> {remedy}
      </span>
    </>
  );
}

function layerRole(index: number, chain: Chain): string {
  if (index === 0) return chain.images.length === 1 && chain.end === 'base' ? 'active layer, base' : 'active layer';
  return index === chain.images.length - 1 && chain.end === 'base' ? 'base' : 'backing image';
}

interface LayerProps extends LayerDependence {
  readonly image: Image;
  readonly role: string;
}

function PlainLayer(props: LayerProps) {
  const { image, role, others, names, namedByOthers, inOtherChains, ofNoVm, possible, unknown } = props;
  const [folder, file] = splitPath(image.id);
  return (
    <LayerFrame imageId={image.id} role={role} status={<Status image={image} />}>
      <div className={css('pathLine')}>
        <code className={css('path')} title={visibleString(image.id)}>
          <span className={css('folder')}>
            <HostText text={folder} />
          </span>
          <HostText text={file} />
        </code>
        <CopyButton text={image.id} what="path" />
      </div>
      <p className={css('sizes')}>
        {image.format ?? 'format unknown'}
        {image.virtualBytes !== null && <> · {formatBytes(image.virtualBytes)} virtual</>}
        {image.allocatedBytes !== null && <> · {formatBytes(image.allocatedBytes)} on storage</>}
        {image.encryption !== undefined && <> · encrypted ({visibleString(image.encryption)})</>}
        {image.fill !== null && <> · {Math.round(image.fill * 100)} % full</>}
      </p>
      {image.parent?.relation === 'backing' && image.parent.format === null && (
        <p className={css('warning')}>The format of its backing image is not recorded.</p>
      )}
      {image.dataFile && (
        <p className={css('sizes')}>
          Its data is in{' '}
          <code>
            <HostText text={image.dataFile.imageId ?? image.dataFile.reference} />
          </code>
        </p>
      )}
      {image.internalSnapshots.length > 0 && (
        <details className={css('internal')}>
          <summary>{count(image.internalSnapshots.length, 'internal snapshot')} in this image</summary>
          <ul>
            {image.internalSnapshots.map((internal) => (
              <li key={internal.id}>
                <HostText text={internal.name} />
                <span className={css('quiet')}>
                  {' '}
                  id {visibleString(internal.id)}, {formatTime(internal.createdAt)}
                  {internal.memoryBytes > 0 && `, ${formatBytes(internal.memoryBytes)} memory`}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {others.length > 0 && (
        <p className={css('warning')}>
          Also used by {count(others.length, 'VM')}:{' '}
          {others.slice(0, 6).map((other, index) => (
            <span key={index}>
              {index > 0 && ', '}
              <HostText text={other} />
            </span>
          ))}
          {others.length > 6 && ` and ${others.length - 6} more`}
        </p>
      )}
      <Dependence intro="Also named by:" names={names} quiet={!namedByOthers} />
      <Dependence
        intro={`Also needed by ${count(inOtherChains.length, 'image')} in ${inOtherChains.length === 1 ? 'another chain' : 'other chains'} of this VM:`}
        names={inOtherChains}
      />
      <Dependence
        intro={`Also needed by ${count(ofNoVm.length, 'image')} that no VM is known to use:`}
        names={ofNoVm}
      />
      <Dependence intro={`Perhaps also needed by ${count(possible.length, 'image')} used as raw:`} names={possible} />
      <Dependence intro="Perhaps also needed by what could not be looked into:" names={unknown} />
      <ArrowDown size={13} aria-hidden className={css('arrow')} />
    </LayerFrame>
  );
}

/** What depends on what is selected: whether the image holds the data of it. */
function LayerFrame({
  imageId,
  role,
  status,
  children,
}: {
  readonly imageId: string;
  readonly role: string;
  readonly status: ReactNode;
  readonly children: ReactNode;
}) {
  const highlighted = useStore((state) => holdsSelected(state, imageId));
  return (
    <li className={css('layer', highlighted && 'highlighted')}>
      <div className={css('layerHead')}>
        <span className={css('role')}>{role}</span>
        {highlighted && <Chip tone="accent">holds the selected snapshot</Chip>}
        {status}
      </div>
      {children}
    </li>
  );
}

/** One image of a chain, drawn again only where it says something else: with each reading all that it is told is made anew. */
const Layer = memo(PlainLayer, areSameProps);

/** Whether the snapshot that is selected has data in this image. */
function holdsSelected(state: State, imageId: string): boolean {
  const { hostId, vmUuid, snapshotId } = state.selection;
  const snapshot = findSnapshot(findVm(state, hostId, vmUuid), snapshotId);
  return snapshot?.disks.some((disk) => disk.dataImageId === imageId) ?? false;
}

/** Who depends on an image besides other VMs: plans are refused for them too, so they are told in full. */
const Dependence = memo(function Dependence({
  intro,
  names,
  quiet = false,
}: {
  readonly intro: string;
  readonly names: readonly string[];
  /** Nobody else is concerned. */
  readonly quiet?: boolean;
}) {
  const { shown, more } = useFirst(names, dependentsShownAtOnce);
  if (names.length === 0) return null;
  return (
    <div className={css(quiet ? 'note' : 'warning')}>
      <p>{intro}</p>
      <ul className={css('dependents')}>
        {shown.map((name) => (
          <li key={name}>
            <code>
              <HostText text={name} />
            </code>
          </li>
        ))}
      </ul>
      {more}
    </div>
  );
}, areSameProps);

function Status({ image }: { readonly image: Image }) {
  return (
    <>
      {image.status === 'missing' && <Chip tone="danger">missing</Chip>}
      {image.status === 'unreadable' && (
        <Chip tone="danger" title={visibleString(image.problem ?? '')}>
          unreadable
        </Chip>
      )}
      {image.corrupt === true && <Chip tone="danger">marked corrupt</Chip>}
    </>
  );
}

function splitPath(path: string): readonly [folder: string, file: string] {
  const end = path.lastIndexOf('/') + 1;
  return [path.slice(0, end), path.slice(end)];
}
