import { CircleCheck, CircleDashed, CircleX, PlugZap } from 'lucide-react';
import { useState } from 'react';
import type { ConnectionTest } from '../../shared/contract.ts';
import type { Host } from '../../shared/model/host.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { ChoiceField, TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import { useClient } from '../ipc/client-context.ts';
import { useRequest } from '../ipc/use-request.ts';
import { withSelection } from '../store/reducers.ts';
import { update, useStore } from '../store/store.ts';
import { emptyForm, formOf, settingsOf, type HostForm } from './host-form.ts';
import styles from './HostDialog.module.css';

const css = classes(styles);

/** Adds a host, or edits one. Errors stand by their fields; the connection can be tried before anything is saved. */
export function HostDialog({ host, onClose }: { readonly host: Host | null; readonly onClose: () => void }) {
  const client = useClient();
  const userName = useStore((state) => state.application?.userName ?? '');
  const [form, setForm] = useState<HostForm>(() => (host ? formOf(host, userName) : emptyForm(userName)));
  const [tried, setTried] = useState(false);
  const adding = useRequest('hosts.add');
  const updating = useRequest('hosts.update');
  const testing = useRequest('hosts.test');
  const saving = host ? updating : adding;

  const result = settingsOf(form);
  const errors = tried && result.errors ? result.errors : {};
  const set = (change: Partial<HostForm>) => {
    setForm((before) => ({ ...before, ...change }));
    testing.reset();
  };

  const save = async () => {
    setTried(true);
    const { settings } = result;
    if (!settings || saving.pending) return;
    if (host) {
      if (await updating.send({ hostId: host.id, settings })) onClose();
      return;
    }
    const added = await adding.send({ settings });
    if (!added) return;
    update((state) => withSelection(state, { hostId: added.id, vmUuid: null, snapshotId: null }));
    onClose();
    // Why it failed is shown with the host: the session's state says it.
    client.request('hosts.connect', { hostId: added.id }).catch(() => undefined);
  };
  const test = () => {
    setTried(true);
    if (result.settings) void testing.send({ settings: result.settings });
  };
  const isSsh = form.transport === 'ssh';

  return (
    <Dialog
      title={host ? 'Edit host' : 'Add a host'}
      onClose={onClose}
      footer={
        <>
          <div className={css('left')}>
            <Button
              label="Test connection"
              disabledReason={testing.pending ? 'The connection is being tried.' : null}
              onPress={test}
            >
              <PlugZap size={15} aria-hidden />
              {testing.pending ? 'Testing…' : 'Test connection'}
            </Button>
          </div>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            tone="primary"
            onPress={() => {
              void save();
            }}
          >
            {host ? 'Save' : 'Add and connect'}
          </Button>
        </>
      }
    >
      <form
        className={css('form')}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <ChoiceField<HostForm['transport']>
          label="Where it is"
          row
          value={form.transport}
          onChange={(transport) => {
            set({ transport });
          }}
          choices={[
            { value: 'ssh', label: 'Another machine, over SSH' },
            { value: 'local', label: 'This computer' },
          ]}
        />
        {isSsh && (
          <>
            <div className={css('address')}>
              <TextField
                label="Address"
                value={form.address}
                placeholder="kvm1.example.org"
                autoFocus
                error={errors.address}
                onChange={(address) => {
                  set({ address });
                }}
              />
              <TextField
                label="Port"
                value={form.port}
                inputMode="numeric"
                error={errors.port}
                onChange={(port) => {
                  set({ port });
                }}
              />
            </div>
            <TextField
              label="User"
              value={form.user}
              error={errors.user}
              onChange={(user) => {
                set({ user });
              }}
            />
            <ChoiceField<HostForm['method']>
              label="Authentication"
              row
              value={form.method}
              onChange={(method) => {
                set({ method });
              }}
              choices={[
                { value: 'agent', label: 'SSH agent' },
                { value: 'keyFile', label: 'Key file' },
                { value: 'password', label: 'Password' },
              ]}
            />
            {form.method === 'keyFile' && (
              <TextField
                label="Private key file"
                value={form.keyPath}
                mono
                placeholder="~/.ssh/id_ed25519"
                description="On the machine where Snaptree runs. Its passphrase is asked for and never kept."
                error={errors.keyPath}
                onChange={(keyPath) => {
                  set({ keyPath });
                }}
              />
            )}
            {form.method === 'password' && (
              <p className={css('quiet')}>The password is asked for when connecting and never kept.</p>
            )}
          </>
        )}
        <TextField
          label="Name (optional)"
          value={form.name}
          placeholder={isSsh ? 'as the address' : 'This computer'}
          error={errors.name}
          onChange={(name) => {
            set({ name });
          }}
        />
        <TextField
          label="libvirt URI"
          value={form.libvirtUri}
          mono
          description="As seen on the host itself. qemu:///system for the machine’s own VMs."
          error={errors.libvirtUri}
          onChange={(libvirtUri) => {
            set({ libvirtUri });
          }}
        />
        <div aria-live="polite">{testing.value && <TestStages test={testing.value} />}</div>
        {testing.error && <ErrorCallout error={testing.error} />}
        {saving.error && <ErrorCallout error={saving.error} />}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

const stageWords = {
  name: 'Name',
  port: 'Port',
  hostKey: 'Host key',
  authentication: 'Sign-in',
  shell: 'Commands',
  virsh: 'virsh',
  socket: 'Access to libvirt',
  versions: 'Versions',
} as const;
const stageStates = {
  passed: { icon: CircleCheck, word: 'passed' },
  failed: { icon: CircleX, word: 'failed' },
  skipped: { icon: CircleDashed, word: 'not needed' },
  notReached: { icon: CircleDashed, word: 'not reached' },
} as const;

function TestStages({ test }: { readonly test: ConnectionTest }) {
  return (
    <ol className={css('stages')} aria-label="Connection test">
      {test.stages.map((stage) => {
        const { icon: Icon, word } = stageStates[stage.state];
        return (
          <li key={stage.stage} className={css('stage', stage.state)}>
            <Icon size={16} aria-hidden />
            <div>
              <p>
                <strong>{stageWords[stage.stage]}</strong> {word}
              </p>
              <p className={css('message')}>
                <HostText text={stage.message} lines />
              </p>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
