import { classes } from '../design/classes.ts';
import { ChoiceField, TextField } from '../design/fields.tsx';
import styles from './HostDialog.module.css';
import type { EndpointForm, FormErrors } from './host-form.ts';

const css = classes(styles);

/** Address, port, user and authentication of one SSH server. */
export function EndpointFields({
  value,
  errors,
  prefix = '',
  autoFocus = false,
  onChange,
}: {
  readonly value: EndpointForm;
  readonly errors: FormErrors;
  /** What stands before the names of the fields in `errors`. */
  readonly prefix?: string;
  readonly autoFocus?: boolean;
  readonly onChange: (change: Partial<EndpointForm>) => void;
}) {
  return (
    <>
      <div className={css('address')}>
        <TextField
          label="Address"
          value={value.address}
          placeholder={prefix === '' ? 'kvm1.example.org' : 'gate.example.org'}
          autoFocus={autoFocus}
          error={errors[`${prefix}address`] ?? null}
          onChange={(address) => {
            onChange({ address });
          }}
        />
        <TextField
          label="Port"
          value={value.port}
          inputMode="numeric"
          error={errors[`${prefix}port`] ?? null}
          onChange={(port) => {
            onChange({ port });
          }}
        />
      </div>
      <TextField
        label="User"
        value={value.user}
        error={errors[`${prefix}user`] ?? null}
        onChange={(user) => {
          onChange({ user });
        }}
      />
      <ChoiceField<EndpointForm['method']>
        label="Authentication"
        row
        value={value.method}
        onChange={(method) => {
          onChange({ method });
        }}
        choices={[
          { value: 'agent', label: 'SSH agent' },
          { value: 'keyFile', label: 'Key file' },
          { value: 'password', label: 'Password' },
        ]}
      />
      {value.method === 'keyFile' && (
        <TextField
          label="Private key file"
          value={value.keyPath}
          mono
          placeholder="~/.ssh/id_ed25519"
          description="On the machine where Snaptree runs. Its passphrase is asked for and never kept."
          error={errors[`${prefix}keyPath`] ?? null}
          onChange={(keyPath) => {
            onChange({ keyPath });
          }}
        />
      )}
      {value.method === 'password' && (
        <p className={css('quiet')}>
          The password, and whatever else the host asks for, is asked for when connecting and never kept.
        </p>
      )}
    </>
  );
}
