import { BatchDialog } from '../batches/BatchDialog.tsx';
import { AboutDialog } from './about/AboutDialog.tsx';
import { HostDialog } from '../hosts/HostDialog.tsx';
import { ImportDialog } from '../hosts/ImportDialog.tsx';
import { RemoveHostDialog } from '../hosts/RemoveHostDialog.tsx';
import { CloneDialog } from '../plans/CloneDialog.tsx';
import { CreateSnapshotDialog } from '../plans/CreateSnapshotDialog.tsx';
import { MergeDialog } from '../plans/merge/MergeDialog.tsx';
import { PlanDialog } from '../plans/PlanDialog.tsx';
import { DescribeDialog, RenameDialog } from '../plans/RecordDialogs.tsx';
import { RepairDialog } from '../plans/RepairDialog.tsx';
import { RestoreMemoryDialog, SaveMemoryDialog } from '../plans/SavedMemoryDialogs.tsx';
import { ReportDialog } from '../reports/ReportDialog.tsx';
import { findSnapshot, findVm } from '../store/state.ts';
import { showDialog, useStore } from '../store/store.ts';

const close = () => {
  showDialog(null);
};

/** The dialog that the user opened. Questions of the main process come above it, on their own. */
export function Dialogs() {
  const dialog = useStore((state) => state.dialog);
  const host = useStore((state) => (dialog && 'hostId' in dialog ? (state.hosts[dialog.hostId]?.host ?? null) : null));
  const vm = useStore((state) => (dialog && 'vmUuid' in dialog ? findVm(state, dialog.hostId, dialog.vmUuid) : null));
  const recorded = useStore((state) =>
    dialog?.kind === 'describe' || dialog?.kind === 'rename'
      ? findSnapshot(findVm(state, dialog.hostId, dialog.vmUuid), dialog.snapshotId)
      : null,
  );
  const inventory = useStore((state) =>
    dialog?.kind === 'merge' || dialog?.kind === 'repair'
      ? (state.inventories[dialog.hostId]?.inventory ?? null)
      : null,
  );
  switch (dialog?.kind) {
    case undefined:
      return null;
    case 'addHost':
      return <HostDialog host={null} onClose={close} />;
    case 'importHosts':
      return <ImportDialog onClose={close} />;
    case 'about':
      return <AboutDialog onClose={close} />;
    case 'report':
      return <ReportDialog onClose={close} />;
    case 'batch':
      return <BatchDialog start={dialog} onClose={close} />;
    case 'editHost':
      return host && <HostDialog host={host} onClose={close} />;
    case 'removeHost':
      return host && <RemoveHostDialog host={host} onClose={close} />;
    case 'createSnapshot':
      return vm?.readable ? <CreateSnapshotDialog hostId={dialog.hostId} vm={vm} onClose={close} /> : null;
    case 'clone':
      return vm?.readable ? (
        <CloneDialog
          hostId={dialog.hostId}
          vm={vm}
          snapshot={findSnapshot(vm, dialog.snapshotId)}
          kind={dialog.cloneKind}
          onClose={close}
        />
      ) : null;
    case 'describe':
      return vm?.readable && recorded ? (
        <DescribeDialog hostId={dialog.hostId} vm={vm} snapshot={recorded} onClose={close} />
      ) : null;
    case 'rename':
      return vm?.readable && recorded ? (
        <RenameDialog hostId={dialog.hostId} vm={vm} snapshot={recorded} onClose={close} />
      ) : null;
    case 'saveMemory':
      return vm?.readable ? <SaveMemoryDialog hostId={dialog.hostId} vm={vm} onClose={close} /> : null;
    case 'restoreMemory':
      return vm?.readable ? <RestoreMemoryDialog hostId={dialog.hostId} vm={vm} onClose={close} /> : null;
    case 'repair':
      return vm?.readable && inventory ? (
        <RepairDialog hostId={dialog.hostId} vm={vm} inventory={inventory} onClose={close} />
      ) : null;
    case 'merge':
      return vm?.readable && inventory ? (
        <MergeDialog
          hostId={dialog.hostId}
          vm={vm}
          inventory={inventory}
          direction={dialog.direction}
          snapshot={findSnapshot(vm, dialog.snapshotId)}
          youngest={findSnapshot(vm, dialog.youngestId ?? null)}
          target={dialog.target}
          onClose={close}
        />
      ) : null;
    case 'plan':
      return <PlanDialog hostId={dialog.hostId} request={dialog.request} onClose={close} />;
  }
}
