import { useState } from 'react';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { checkNewFile, memoryFileBeside } from '../../shared/rules/snapshots/new-files.ts';
import { restorePointsOf } from '../../shared/rules/snapshots/restore-points.ts';
import { ChoiceField, TextField } from '../design/fields.tsx';
import { formatBytes } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { imageIndex } from '../store/selectors.ts';
import { findPoint, type State } from '../store/state.ts';
import { useStore } from '../store/store.ts';
import { PlanForm } from './PlanForm.tsx';

interface DialogProps {
  readonly hostId: string;
  readonly vm: ReadableVm;
  readonly onClose: () => void;
}

/** Asks where the memory of a guest is saved, then shows the plan that saves it and ends the VM. */
export function SaveMemoryDialog({ hostId, vm, onClose }: DialogProps) {
  const images = useStore((state) => state.inventories[hostId]?.inventory?.images);
  const [place, setPlace] = useState<'managed' | 'file'>('managed');
  const [file, setFile] = useState(() => (images ? memoryFileBeside(vm, 'saved', imageIndex(images)) : null) ?? '');
  const [request, setRequest] = useState<ChangeRequest | null>(null);
  const error = place === 'file' ? checkNewFile(file) : null;
  const memory = vm.memoryBytes === null ? 'its memory' : `its memory, up to ${formatBytes(vm.memoryBytes)},`;
  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Save the memory of <HostText text={vm.name} /> and end it
        </>
      }
      request={request}
      onSubmit={() => {
        if (error === null) setRequest({ action: 'saveMemory', vmUuid: vm.uuid, file: place === 'file' ? file : null });
      }}
      onBack={() => {
        setRequest(null);
      }}
      onClose={onClose}
    >
      <p>The guest stands still while {memory} is written. Then the VM is off, and goes on from there later.</p>
      <ChoiceField<'managed' | 'file'>
        label="Where it is kept"
        value={place}
        onChange={setPlace}
        choices={[
          {
            value: 'managed',
            label: 'By libvirt, for the next start',
            description:
              'Start lets the guest go on from it, and it is gone then. Nothing else may be done with the disks until that.',
          },
          {
            value: 'file',
            label: 'In a file of its own',
            description: 'Only Restore lets the guest go on from it, as long as nothing was written to its disks.',
          },
        ]}
      />
      {place === 'file' && (
        <TextField
          label="File for the memory"
          value={file}
          onChange={setFile}
          mono
          error={error}
          description="A new file on the host. Nothing removes it."
        />
      )}
    </PlanForm>
  );
}

/** Asks from which file a guest goes on, then shows the plan. */
export function RestoreMemoryDialog({ hostId, vm, onClose }: DialogProps) {
  const [file, setFile] = useState(() => likelyFile(useStore.getState(), hostId, vm) ?? '');
  const [tried, setTried] = useState(false);
  const [request, setRequest] = useState<ChangeRequest | null>(null);
  const error = checkNewFile(file);
  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Restore <HostText text={vm.name} /> from a file
        </>
      }
      request={request}
      onSubmit={() => {
        setTried(true);
        if (error === null) setRequest({ action: 'restoreMemory', vmUuid: vm.uuid, file });
      }}
      onBack={() => {
        setRequest(null);
      }}
      onClose={onClose}
    >
      <TextField
        label="File with the memory"
        value={file}
        onChange={setFile}
        mono
        autoFocus
        error={tried ? error : null}
        description="On the host, as Save memory or “virsh save” made it. Nothing is done where the disks were written to since."
      />
    </PlanForm>
  );
}

/** The one that is selected; else the last that the disks fit; else where Snaptree saved it last, as far as operations are known. */
function likelyFile(state: State, hostId: string, vm: ReadableVm): string | null {
  const points = restorePointsOf(vm, imageIndex(state.inventories[hostId]?.inventory?.images ?? []));
  const files = points.filter(({ file }) => file !== null);
  const selected = findPoint(files, state.selection);
  const fitting = files.findLast(({ worn }) => worn === null);
  return (selected ?? fitting)?.file ?? lastSavedFile(state, hostId, vm.uuid);
}

/** Where the memory of the VM was saved last, as far as operations are known. */
function lastSavedFile({ operations }: State, hostId: string, vmUuid: string): string | null {
  const files = Object.values(operations).flatMap(({ plan, state, startedAt }) =>
    plan.hostId === hostId &&
    plan.request.action === 'saveMemory' &&
    plan.request.vmUuid === vmUuid &&
    plan.request.file !== null &&
    state === 'succeeded'
      ? [{ file: plan.request.file, startedAt }]
      : [],
  );
  return files.toSorted((a, b) => b.startedAt - a.startedAt)[0]?.file ?? null;
}
