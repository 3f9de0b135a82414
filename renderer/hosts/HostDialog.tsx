import { PlugZap } from 'lucide-react';
import { useState } from 'react';
import type { Host } from '../../shared/model/host.ts';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { Dialog } from '../design/Dialog.tsx';
import { ErrorCallout } from '../design/ErrorCallout.tsx';
import { CheckboxLine, ChoiceField, TextField } from '../design/fields.tsx';
import { useClient } from '../ipc/client-context.ts';
import { useRequest } from '../ipc/use-request.ts';
import { withSelection } from '../store/reducers.ts';
import { update, useStore } from '../store/store.ts';
import { EndpointFields } from './EndpointFields.tsx';
import { emptyForm, formOf, settingsOf, type FormErrors, type HostForm } from './host-form.ts';
import styles from './HostDialog.module.css';
import { HypervisorFields } from './HypervisorFields.tsx';
import { JumpHosts } from './JumpHosts.tsx';
import { TestStages } from './TestStages.tsx';

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
  const errors: FormErrors = tried && result.errors ? result.errors : {};
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
        {form.transport !== 'demo' && (
          <ChoiceField<HostForm['transport']>
            label="Where it is"
            value={form.transport}
            onChange={(transport) => {
              set({ transport });
            }}
            choices={[
              { value: 'ssh', label: 'Another machine, over SSH' },
              {
                value: 'openssh',
                label: 'Another machine, through the system’s OpenSSH',
                description: 'For certificates, FIDO keys, GSSAPI, and whatever ~/.ssh/config says.',
              },
              { value: 'local', label: 'This computer' },
              ...(form.written === null
                ? []
                : [
                    {
                      value: 'unknown' as const,
                      label: 'As a newer Snaptree wrote it',
                      description: 'It is kept as it is, and cannot be connected to from here.',
                    },
                  ]),
            ]}
          />
        )}
        {form.transport === 'ssh' && (
          <>
            <EndpointFields value={form} errors={errors} autoFocus onChange={set} />
            <JumpHosts
              jumps={form.jumps}
              errors={errors}
              userName={userName}
              onChange={(jumps) => {
                set({ jumps });
              }}
            />
          </>
        )}
        {form.transport === 'openssh' && <OpensshFields form={form} errors={errors} onChange={set} />}
        {form.transport === 'demo' && (
          <p className={css('quiet')}>
            This host is simulated inside Snaptree, to try things on. Nothing outside this window is touched, and it
            begins anew with Snaptree.
          </p>
        )}
        <TextField
          label="Name (optional)"
          value={form.name}
          placeholder={form.transport === 'local' ? 'This computer' : 'as the address'}
          error={errors['name'] ?? null}
          onChange={(name) => {
            set({ name });
          }}
        />
        <HypervisorFields value={form.hypervisor} errors={errors} onChange={set} />
        <div className={css('section')}>
          {form.transport !== 'demo' && (
            <div>
              <CheckboxLine
                selected={form.sudo}
                onChange={(sudo) => {
                  set({ sudo });
                }}
              >
                Use sudo on the host
              </CheckboxLine>
              <p className={css('hint')}>
                For a user who may not speak to the hypervisor or read the images. It must work without a password.
              </p>
            </div>
          )}
          <div>
            <CheckboxLine
              selected={form.readOnly}
              onChange={(readOnly) => {
                set({ readOnly });
              }}
            >
              Read-only
            </CheckboxLine>
            <p className={css('hint')}>Snaptree then only looks: no change of this host can be planned or run.</p>
          </div>
        </div>
        <div aria-live="polite">{testing.value && <TestStages test={testing.value} />}</div>
        {testing.error && <ErrorCallout error={testing.error} />}
        {saving.error && <ErrorCallout error={saving.error} />}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

/** What the system's OpenSSH must be told; the rest is in its configuration. */
function OpensshFields({
  form,
  errors,
  onChange,
}: {
  readonly form: HostForm;
  readonly errors: FormErrors;
  readonly onChange: (change: Partial<HostForm>) => void;
}) {
  return (
    <>
      <div className={css('address')}>
        <TextField
          label="Destination"
          value={form.destination}
          placeholder="a host name, or a Host of ~/.ssh/config"
          autoFocus
          error={errors['destination'] ?? null}
          onChange={(destination) => {
            onChange({ destination });
          }}
        />
        <TextField
          label="Port"
          value={form.opensshPort}
          inputMode="numeric"
          placeholder="default"
          error={errors['opensshPort'] ?? null}
          onChange={(opensshPort) => {
            onChange({ opensshPort });
          }}
        />
      </div>
      <TextField
        label="User"
        value={form.opensshUser}
        placeholder="as OpenSSH is configured"
        error={errors['opensshUser'] ?? null}
        onChange={(opensshUser) => {
          onChange({ opensshUser });
        }}
      />
    </>
  );
}
