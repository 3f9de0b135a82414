import { Check, X } from 'lucide-react';
import type { Capability } from '../../shared/model/inventory.ts';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './HostPane.module.css';

const css = classes(styles);

const names: Readonly<Record<Capability['id'], string>> = {
  revertToExternal: 'Revert to external snapshots',
  deleteExternal: 'Delete external snapshots',
  deleteExternalWithDescendants: 'Delete external snapshots with descendants',
  createInternalWithNvram: 'Make internal snapshots of UEFI VMs',
  internalWithNvram: 'Revert to internal snapshots of UEFI VMs',
  events: 'Tell of changes at once',
};

/** What the versions on the host can do, and what they cannot. */
export function Capabilities({ capabilities }: { readonly capabilities: readonly Capability[] }) {
  if (capabilities.length === 0) return null;
  return (
    <section className={css('group')} aria-label="What this host can do">
      <h3>What this host can do</h3>
      <ul className={css('capabilities')}>
        {capabilities.map(({ id, available, explanation }) => {
          const Icon = available ? Check : X;
          return (
            <li key={id} className={css('capability')}>
              <Icon
                size={14}
                role="img"
                aria-label={available ? 'yes' : 'no'}
                className={css(available ? 'can' : 'cannot')}
              />
              <span>{names[id]}</span>
              <span className={css('explanation')}>
                <HostText text={explanation} />
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
