import { useState } from 'react';
import type { ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import {
  checkVmName,
  clonedDisks,
  cloneRefusals,
  proposedVmName,
  type CloneKind,
} from '../../shared/rules/snapshots/clone-rules.ts';
import { checkNewFile, newImageBeside } from '../../shared/rules/snapshots/new-files.ts';
import { ChoiceField, TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { imageIndex } from '../store/selectors.ts';
import { useStore } from '../store/store.ts';
import { PlanForm } from './PlanForm.tsx';

/** Asks for the name, the kind and the images of a new VM, then shows the plan for it; back from there loses nothing. */
export function CloneDialog({
  hostId,
  vm,
  snapshot,
  kind: firstKind,
  onClose,
}: {
  readonly hostId: string;
  readonly vm: ReadableVm;
  /** Null: the present state. */
  readonly snapshot: Snapshot | null;
  readonly kind: CloneKind;
  readonly onClose: () => void;
}) {
  const inventory = useStore((state) => state.inventories[hostId]?.inventory);
  const images = imageIndex(inventory?.images ?? []);
  const isLibvirt = inventory?.hypervisor.kind === 'libvirt';
  const [uuid] = useState(() => crypto.randomUUID());
  const [name, setName] = useState(() => proposedVmName(vm, inventory?.vms ?? []));
  const [kind, setKind] = useState(firstKind);
  const [ownPaths, setOwnPaths] = useState<ReadonlyMap<string, string>>(new Map());
  const [tried, setTried] = useState(false);
  const [request, setRequest] = useState<ChangeRequest | null>(null);

  const impossible = (each: CloneKind) =>
    isLibvirt ? (cloneRefusals({ vm, images }, snapshot, each)[0]?.message ?? null) : null;
  const nameError =
    checkVmName(name) ??
    ((inventory?.vms ?? []).some((other) => other.name === name) ? 'This host has a VM of that name already.' : null);
  const cloned = clonedDisks({ vm, images }, snapshot);
  // Follow the name of the VM until somebody names another file.
  const places = cloned.map(({ disk }) => {
    const own = ownPaths.get(disk.target);
    const path = own ?? newImageBeside(disk, name, cloned.length > 1, images) ?? '';
    return { target: disk.target, path, isOwn: own !== undefined, error: checkNewFile(path) };
  });
  const submit = () => {
    setTried(true);
    if (nameError !== null || places.some(({ error }) => error !== null)) return;
    const chosen = places.filter(({ isOwn }) => isOwn).map(({ target, path }) => [target, path] as const);
    setRequest({
      action: 'cloneVm',
      vmUuid: vm.uuid,
      snapshotId: snapshot?.id ?? null,
      kind,
      newVm: { uuid, name },
      ...(chosen.length > 0 && { imagePaths: Object.fromEntries<string>(chosen) }),
    });
  };

  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Make a new VM of <HostText text={vm.name} />
          {snapshot && (
            <>
              {' '}
              at “<HostText text={snapshot.name} />”
            </>
          )}
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
        label="Name of the new VM"
        value={name}
        onChange={setName}
        autoFocus
        error={tried || name !== name.trim() ? nameError : null}
      />
      <ChoiceField<CloneKind>
        label="Kind"
        value={kind}
        onChange={setKind}
        choices={[
          {
            value: 'thin',
            label: 'Thin instance',
            description:
              snapshot === null
                ? `New overlays on the images of ${vm.name}, made at once and small. ${vm.name} becomes a template: it must not be started any more.`
                : 'New overlays on the images of the snapshot, made at once and small. Both VMs need these images from then on.',
            impossible: impossible('thin'),
          },
          {
            value: 'full',
            label: 'Full clone',
            description: 'Every disk is copied whole into an image of its own, which needs nothing of the old VM.',
            impossible: impossible('full'),
          },
        ]}
      />
      {places.map(({ target, path, isOwn, error }) => (
        <TextField
          key={target}
          label={`Image of ${target}`}
          value={path}
          onChange={(value) => {
            setOwnPaths(new Map([...ownPaths, [target, value]]));
          }}
          mono
          error={tried || isOwn ? error : null}
        />
      ))}
    </PlanForm>
  );
}
