import { useState } from 'react';
import type { ReadableVm, Snapshot } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { checkDescription } from '../../shared/rules/snapshots/record-refusals.ts';
import { checkSnapshotName } from '../../shared/rules/snapshots/snapshot-names.ts';
import { TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { PlanForm } from './PlanForm.tsx';

interface DialogProps {
  readonly hostId: string;
  readonly vm: ReadableVm;
  readonly snapshot: Snapshot;
  readonly onClose: () => void;
}

/** Asks for another description of a snapshot, then shows the plan. */
export function DescribeDialog({ hostId, vm, snapshot, onClose }: DialogProps) {
  const [description, setDescription] = useState(snapshot.description);
  const [request, setRequest] = useState<ChangeRequest | null>(null);
  const error = description.length > 10_000 ? 'At most 10 000 characters.' : checkDescription(description);
  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Description of <HostText text={snapshot.name} />
        </>
      }
      request={request}
      onSubmit={() => {
        if (error === null)
          setRequest({ action: 'describeSnapshot', vmUuid: vm.uuid, snapshotId: snapshot.id, description });
      }}
      onBack={() => {
        setRequest(null);
      }}
      onClose={onClose}
    >
      <TextField
        label="Description"
        value={description}
        onChange={setDescription}
        multiline
        autoFocus
        error={error}
        description="Only the record of the snapshot changes. The VM notices nothing."
      />
    </PlanForm>
  );
}

/** Asks for another name of an external snapshot, then shows the plan. */
export function RenameDialog({ hostId, vm, snapshot, onClose }: DialogProps) {
  const [name, setName] = useState(snapshot.name);
  const [tried, setTried] = useState(false);
  const [request, setRequest] = useState<ChangeRequest | null>(null);
  const error =
    checkSnapshotName(name) ??
    (name === snapshot.name
      ? 'That is its name already.'
      : vm.snapshots.some((each) => each.name === name)
        ? 'This VM has a snapshot of that name already.'
        : null);
  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Rename <HostText text={snapshot.name} />
        </>
      }
      request={request}
      onSubmit={() => {
        setTried(true);
        if (error === null) setRequest({ action: 'renameSnapshot', vmUuid: vm.uuid, snapshotId: snapshot.id, name });
      }}
      onBack={() => {
        setRequest(null);
      }}
      onClose={onClose}
    >
      <TextField
        label="New name"
        value={name}
        onChange={setName}
        autoFocus
        error={tried || name !== name.trim() ? error : null}
        description="The files of its images keep their names."
      />
    </PlanForm>
  );
}
