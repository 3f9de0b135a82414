import { useMemo, useState } from 'react';
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { defineRequest } from '../../shared/rules/repair/definable.ts';
import { repairProposals } from '../../shared/rules/repair/repair-proposals.ts';
import { checkSnapshotName } from '../../shared/rules/snapshots/snapshot-names.ts';
import { visibleLine } from '../../shared/rules/text/visible-text.ts';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { ChoiceField, TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { useRequest } from '../ipc/use-request.ts';
import { PlanForm } from './PlanForm.tsx';

/** The choice that is always there. */
const fromFiles = 'from files';

/** Lists what of a VM's records and chains can be mended, asks for one of that, and shows the plan for it. */
export function RepairDialog({
  hostId,
  vm,
  inventory,
  onClose,
}: {
  readonly hostId: string;
  readonly vm: ReadableVm;
  readonly inventory: Inventory;
  readonly onClose: () => void;
}) {
  const proposals = useMemo(() => repairProposals(vm, inventory), [vm, inventory]);
  const possible = proposals.filter(({ request }) => request !== null);
  const [chosenId, setChosenId] = useState<string | null>(null);
  const [ownName, setOwnName] = useState<string | null>(null);
  const [folder, setFolder] = useState('');
  const reading = useRequest('records.read');
  const [tried, setTried] = useState(false);
  const [request, setRequest] = useState<ChangeRequest | null>(null);
  // Of images that fit equally nobody but the user can say which it is.
  const chosen =
    possible.find(({ id }) => id === chosenId) ??
    (possible.length === 1 && chosenId === null ? possible[0] : undefined);
  const adopts = chosen?.isNamed && chosen.request?.action === 'adoptSnapshot' ? chosen.request : null;
  const name = adopts === null ? null : (ownName ?? adopts.name);
  const nameError =
    name === null
      ? null
      : (checkSnapshotName(name) ??
        (vm.snapshots.some((each) => each.name === name) ? 'This VM has a snapshot of that name already.' : null));
  const defines = chosenId === fromFiles;
  const folderError =
    folder.trim() === '' || folder.startsWith('/')
      ? null
      : 'A folder on the host is named from its root, as /srv/records.';
  const readFiles = async () => {
    const files = await reading.send({ hostId, vmUuid: vm.uuid, folder: folder.trim() === '' ? null : folder });
    if (files) setRequest(defineRequest(files, vm).request);
  };
  return (
    <PlanForm
      hostId={hostId}
      title={
        <>
          Repair records and chains of <HostText text={vm.name} />
        </>
      }
      width="wide"
      request={request}
      onSubmit={() => {
        setTried(true);
        if (defines && folderError === null) void readFiles();
        if (!chosen?.request || nameError !== null) return;
        setRequest(adopts === null || name === null ? chosen.request : { ...adopts, name });
      }}
      onBack={() => {
        setRequest(null);
      }}
      onClose={onClose}
    >
      {proposals.length === 0 && (
        <p>
          Records and images fit each other, as far as this host was read: nothing is known that could be mended here.
        </p>
      )}
      <ChoiceField<string>
        label="What to mend"
        value={defines ? fromFiles : (chosen?.id ?? '')}
        onChange={(id) => {
          setChosenId(id);
          setOwnName(null);
        }}
        choices={[
          ...proposals.map((each) => ({
            value: each.id,
            label: visibleLine(each.title),
            description: visibleLine(each.why),
            impossible: each.request === null ? visibleLine(each.why) : null,
          })),
          {
            value: fromFiles,
            label: 'Define lost records again, from files on the host',
            description:
              'From copies that Snaptree kept, or that virsh snapshot-dumpxml --security-info made. Those of which there is a record are left out.',
          },
        ]}
      />
      {defines && (
        <TextField
          label="Folder on the host"
          value={folder}
          onChange={setFolder}
          mono
          error={folderError}
          description="Left empty: the last copies that Snaptree kept of records of this VM."
        />
      )}
      {reading.error && <ErrorCallout error={reading.error} />}
      {tried && chosen === undefined && !defines && <p role="alert">Choose what to mend.</p>}
      {name !== null && (
        <TextField
          label="Name of the snapshot"
          value={name}
          onChange={setOwnName}
          error={tried || ownName !== null ? nameError : null}
        />
      )}
    </PlanForm>
  );
}
