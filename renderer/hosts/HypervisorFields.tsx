import type { HypervisorSettings } from '../../shared/model/host.ts';
import { classes } from '../design/classes.ts';
import { TextField } from '../design/fields.tsx';
import { HostText } from '../design/HostText.tsx';
import type { FormErrors } from './host-form.ts';
import styles from './HostDialog.module.css';

const css = classes(styles);

/** How the hypervisor is spoken to; each kind has fields of its own. */
export function HypervisorFields({
  value,
  errors,
  onChange,
}: {
  readonly value: HypervisorSettings;
  readonly errors: FormErrors;
  readonly onChange: (change: { readonly hypervisor: HypervisorSettings }) => void;
}) {
  switch (value.kind) {
    case 'libvirt':
      return (
        <TextField
          label="libvirt URI"
          value={value.uri}
          mono
          description="As seen on the host itself. qemu:///system for the machine’s own VMs."
          error={errors['hypervisor.uri'] ?? null}
          onChange={(uri) => {
            onChange({ hypervisor: { ...value, uri } });
          }}
        />
      );
    case 'unknown':
      return (
        <p className={css('quiet')}>
          A newer Snaptree entered this host with the hypervisor “
          <HostText text={value.written.kind} />
          ”, which this one does not know. Its settings are kept as they are.
        </p>
      );
  }
}
