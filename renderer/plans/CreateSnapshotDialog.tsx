import { useState } from 'react';
import type { Disk, Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import type { ChangeRequest, PlanNote } from '../../shared/model/plan.ts';
import { isForMedia, writableDisks } from '../../shared/rules/inventory/disks.ts';
import { abilitiesOf } from '../../shared/rules/snapshots/actions.ts';
import type { VmWithImages } from '../../shared/rules/chains/image-refusals.ts';
import { overlayRefusals } from '../../shared/rules/snapshots/libvirt-disk-refusals.ts';
import {
  createExternalRefusals,
  createInternalRefusals,
  createMemoryRefusals,
  noMemoryRefusals,
} from '../../shared/rules/snapshots/libvirt-refusals.ts';
import { checkNewFile, memoryFileBeside, overlayBeside } from '../../shared/rules/snapshots/new-files.ts';
import { checkSnapshotName } from '../../shared/rules/snapshots/snapshot-names.ts';
import { classes } from '../design/classes.ts';
import { CheckboxLine, ChoiceField, TextField } from '../design/fields.tsx';
import { formatBytes, formatSnapshotName } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { imageIndex } from '../store/selectors.ts';
import { useStore } from '../store/store.ts';
import { QuiesceField, useQuiescing } from './QuiesceField.tsx';
import { PlanForm } from './PlanForm.tsx';
import styles from './CreateSnapshotDialog.module.css';

const css = classes(styles);
type Kind = 'internal' | 'external' | 'memory';

/** Asks for name, kind and description of a new snapshot, then shows the plan for it; back from there loses nothing. */
export function CreateSnapshotDialog({
  hostId,
  vm,
  onClose,
}: {
  readonly hostId: string;
  readonly vm: ReadableVm;
  readonly onClose: () => void;
}) {
  const inventory = useStore((state) => state.inventories[hostId]?.inventory);
  const images = inventory && imageIndex(inventory.images);
  const isLibvirt = inventory?.hypervisor.kind === 'libvirt';
  const impossible = impossibleKinds({ vm, images: images ?? new Map() }, inventory?.hypervisor);
  const disks = vm.disks.filter((disk) => !isForMedia(disk) && disk.source !== null);
  const obstacleTo = (disk: Disk): string | null => {
    if (disk.readOnly)
      return `Disk ${disk.target} is read-only for this VM: nothing is written that an overlay could take.`;
    return isLibvirt && images ? (overlayRefusals({ vm, images }, [disk])[0]?.message ?? null) : null;
  };
  const [name, setName] = useState(() => formatSnapshotName(new Date()));
  const [kind, setKind] = useState<Kind>(() => (impossible.internal === null ? 'internal' : 'external'));
  const [description, setDescription] = useState('');
  const [targets, setTargets] = useState<ReadonlySet<string>>(
    () => new Set(writableDisks(disks).flatMap((disk) => (obstacleTo(disk) === null ? [disk.target] : []))),
  );
  const [ownOverlays, setOwnOverlays] = useState<ReadonlyMap<string, string>>(new Map());
  const [ownMemoryFile, setOwnMemoryFile] = useState<string | null>(null);
  const [quiesces, setQuiesces] = useState(true);
  const quiescing = useQuiescing(hostId, vm, kind === 'external');
  const [tried, setTried] = useState(false);
  const [request, setRequest] = useState<ChangeRequest | null>(null);

  const nameError =
    checkSnapshotName(name) ??
    (vm.snapshots.some((snapshot) => snapshot.name === name) ? 'This VM has a snapshot of that name already.' : null);
  const disksError = kind === 'external' && targets.size === 0 ? 'Choose at least one disk.' : null;
  // Follows the name of the snapshot until somebody names another file.
  const memoryFile = ownMemoryFile ?? (images ? memoryFileBeside(vm, name, images) : null) ?? '';
  const memoryError = kind === 'memory' ? checkNewFile(memoryFile) : null;
  // What the plan would choose by itself follows the name of the snapshot, too.
  const overlays = disks
    .filter(
      (disk) =>
        kind !== 'internal' && (kind === 'memory' ? writableDisks([disk]).length > 0 : targets.has(disk.target)),
    )
    .map((disk) => {
      const own = ownOverlays.get(disk.target);
      const path = own ?? (images ? overlayBeside(disk, vm, name, images) : null) ?? '';
      return { target: disk.target, path, isOwn: own !== undefined, error: checkNewFile(path) };
    });
  const submit = () => {
    setTried(true);
    if (nameError !== null || disksError !== null || memoryError !== null) return;
    if (overlays.some(({ error }) => error !== null)) return;
    const chosen = overlays.filter(({ isOwn }) => isOwn).map(({ target, path }) => [target, path] as const);
    const diskTargets =
      kind === 'external' ? disks.map((disk) => disk.target).filter((target) => targets.has(target)) : null;
    setRequest({
      action: 'createSnapshot',
      vmUuid: vm.uuid,
      kind: kind === 'memory' ? 'external' : kind,
      name,
      description,
      diskTargets,
      ...(kind === 'memory' && { memoryFile }),
      ...(kind === 'external' && quiesces && quiescing.possible === true && { quiesce: true as const }),
      ...(chosen.length > 0 && { overlayPaths: Object.fromEntries<string>(chosen) }),
    });
  };

  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Create a snapshot of <HostText text={vm.name} />
        </>
      }
      request={request}
      onSubmit={submit}
      onBack={() => {
        setRequest(null);
      }}
      onClose={onClose}
    >
      <TextField
        label="Name"
        value={name}
        onChange={setName}
        autoFocus
        error={tried || name !== name.trim() ? nameError : null}
      />
      <ChoiceField<Kind>
        label="Kind"
        value={kind}
        onChange={setKind}
        choices={[
          { value: 'internal', label: 'Internal', description: internalMeaning(vm), impossible: impossible.internal },
          {
            value: 'external',
            label: 'External, disks only',
            description: externalMeaning(vm),
            impossible: impossible.external,
          },
          {
            value: 'memory',
            label: 'External, with memory',
            description: memoryMeaning(vm),
            impossible: impossible.memory,
          },
        ]}
      />
      {kind === 'memory' && (
        <TextField
          label="File for the memory"
          value={memoryFile}
          onChange={setOwnMemoryFile}
          mono
          error={tried || ownMemoryFile !== null ? memoryError : null}
          description="A new file on the host. It goes when the snapshot is deleted."
        />
      )}
      {kind === 'external' && (
        <fieldset className={css('disks')}>
          <legend>Disks to include</legend>
          {disks.map((disk) => {
            const obstacle = obstacleTo(disk);
            return (
              <CheckboxLine
                key={disk.target}
                disabled={obstacle !== null}
                {...(obstacle !== null && { description: <HostText text={obstacle} /> })}
                selected={targets.has(disk.target)}
                onChange={(selected) => {
                  const next = new Set(targets);
                  if (selected) next.add(disk.target);
                  else next.delete(disk.target);
                  setTargets(next);
                }}
              >
                <span className={css('target')}>
                  <HostText text={disk.target} />
                </span>
                <code className={css('source')}>
                  <HostText text={disk.source ?? ''} />
                </code>
              </CheckboxLine>
            );
          })}
          {tried && disksError !== null && <p className={css('error')}>{disksError}</p>}
          <p className={css('quiet')}>A disk that is left out keeps its active layer and is not in the snapshot.</p>
        </fieldset>
      )}
      {kind === 'external' && vm.state !== 'shutoff' && (
        <QuiesceField quiescing={quiescing} selected={quiesces} onChange={setQuiesces} />
      )}
      {overlays.map(({ target, path, isOwn, error }) => (
        <TextField
          key={target}
          label={`Overlay of ${target}`}
          value={path}
          onChange={(value) => {
            setOwnOverlays(new Map([...ownOverlays, [target, value]]));
          }}
          mono
          error={tried || isOwn ? error : null}
        />
      ))}
      <TextField
        label="Description (optional)"
        value={description}
        onChange={setDescription}
        multiline
        error={description.length > 10_000 ? 'At most 10 000 characters.' : null}
      />
    </PlanForm>
  );
}

/** Why a kind cannot be taken of this VM on this host, by the rules that plans are refused by; null where it can. */
function impossibleKinds(
  known: VmWithImages,
  hypervisor: Inventory['hypervisor'] | undefined,
): Readonly<Record<Kind, string | null>> {
  const first = (refusals: readonly PlanNote[]) => refusals[0]?.message ?? null;
  if (hypervisor?.kind !== 'libvirt') {
    return { internal: null, external: null, memory: first(noMemoryRefusals(known.vm)) };
  }
  return {
    internal: first(createInternalRefusals(known, abilitiesOf(hypervisor))),
    external: first(createExternalRefusals(known)),
    memory: first(createMemoryRefusals(known)),
  };
}

function memoryMeaning(vm: ReadableVm): string {
  const memory = vm.memoryBytes === null ? '' : ` (up to ${formatBytes(vm.memoryBytes)})`;
  return `New overlays for every disk, and the memory${memory} in a file. The guest stands still while that is written, then runs on.`;
}

function internalMeaning(vm: ReadableVm): string {
  const memory = vm.memoryBytes === null ? '' : ` (up to ${formatBytes(vm.memoryBytes)})`;
  return vm.state === 'shutoff'
    ? 'Kept inside the disk images. The VM is shut off, so there is no memory to save and nothing stands still.'
    : `Kept inside the disk images, with the memory${memory}. The guest stands still while it is written, then runs on; a revert brings it back running.`;
}

function externalMeaning(vm: ReadableVm): string {
  return vm.state === 'shutoff'
    ? 'The present images are frozen and new overlays take the writes from the next start on.'
    : 'The present images are frozen and new overlays take the writes at once: hardly a pause, but no memory. A revert finds the disks as after a power cut, or, where a guest agent freezes the file systems meanwhile, with all files complete.';
}
