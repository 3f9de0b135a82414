import type { Host } from '../../shared/model/host.ts';
import { Button } from '../design/Button.tsx';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { HostText } from '../design/HostText.tsx';
import { useRequest } from '../ipc/use-request.ts';

/** Asks before a host leaves the host book. */
export function RemoveHostDialog({ host, onClose }: { readonly host: Host; readonly onClose: () => void }) {
  const removing = useRequest('hosts.remove');
  const remove = async () => {
    if (await removing.send({ hostId: host.id })) onClose();
  };
  return (
    <Dialog
      title={
        <>
          Remove <HostText text={host.name} />?
        </>
      }
      width="narrow"
      alert
      onClose={onClose}
      footer={
        <>
          <Button autoFocus onPress={onClose}>
            Cancel
          </Button>
          <Button
            tone="danger"
            onPress={() => {
              void remove();
            }}
          >
            Remove host
          </Button>
        </>
      }
    >
      <p>Snaptree forgets how to reach this host. Nothing on the host itself is changed: its VMs and snapshots stay.</p>
      {removing.error && <ErrorCallout error={removing.error} />}
    </Dialog>
  );
}
