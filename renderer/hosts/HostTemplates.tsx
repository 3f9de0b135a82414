import { useMemo } from 'react';
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import { templatesOf, type Template } from '../../shared/rules/chains/templates.ts';
import { fileNameOf } from '../../shared/rules/text/folders.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { Button } from '../design/Button.tsx';
import { Chip } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { count } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { withSelection } from '../store/reducers.ts';
import { update } from '../store/store.ts';
import styles from './HostTemplates.module.css';

const css = classes(styles);
const instancesShownAtOnce = 8;

/** Which VMs hang on which images together: each template with its instances, and those with their snapshots. */
export function HostTemplates({ hostId, inventory }: { readonly hostId: string; readonly inventory: Inventory }) {
  const templates = useMemo(() => templatesOf(inventory), [inventory]);
  if (templates.length === 0) return null;
  return (
    <section className={css('templates')} aria-label="Templates and their instances">
      <h3>Templates and their instances</h3>
      <TemplateList hostId={hostId} templates={templates} />
    </section>
  );
}

function TemplateList({ hostId, templates }: { readonly hostId: string; readonly templates: readonly Template[] }) {
  return (
    <ul className={css('list')}>
      {templates.map((template) => {
        const { image, vms, instances } = template;
        const rest = instances.slice(instancesShownAtOnce);
        return (
          <li key={image.id}>
            <p className={css('template')}>
              <code title={visibleString(image.id)}>
                <HostText text={fileNameOf(image.id)} />
              </code>
              {vms.map((vm) => (
                <VmLink key={vm.uuid} hostId={hostId} vm={vm} />
              ))}
              {vms.length > 0 && (
                <Chip tone={vms.some(({ state }) => state !== 'shutoff') ? 'danger' : 'neutral'}>
                  {vms.some(({ state }) => state !== 'shutoff') ? 'template, runs' : 'template'}
                </Chip>
              )}
            </p>
            <ul className={css('list')}>
              {instances.slice(0, instancesShownAtOnce).map((instance) => (
                <InstanceItem key={instance.vm.uuid} hostId={hostId} instance={instance} />
              ))}
              {rest.length > 0 && (
                <li>
                  <details>
                    <summary>{rest.length} more</summary>
                    <ul className={css('list')}>
                      {rest.map((instance) => (
                        <InstanceItem key={instance.vm.uuid} hostId={hostId} instance={instance} />
                      ))}
                    </ul>
                  </details>
                </li>
              )}
            </ul>
            {template.templates.length > 0 && <TemplateList hostId={hostId} templates={template.templates} />}
          </li>
        );
      })}
    </ul>
  );
}

function InstanceItem({
  hostId,
  instance: { vm, targets },
}: {
  readonly hostId: string;
  readonly instance: Template['instances'][number];
}) {
  return (
    <li className={css('instance')}>
      <VmLink hostId={hostId} vm={vm} />
      <span className={css('quiet')}>
        {vm.disks.length > 1 && (
          <>
            <HostText text={targets.join(', ')} />
            {' · '}
          </>
        )}
        {count(vm.snapshots.length, 'snapshot')}
      </span>
    </li>
  );
}

function VmLink({ hostId, vm }: { readonly hostId: string; readonly vm: ReadableVm }) {
  return (
    <Button
      tone="quiet"
      size="small"
      onPress={() => {
        update((state) => withSelection(state, { hostId, vmUuid: vm.uuid, snapshotId: null }));
      }}
    >
      <HostText text={vm.name} />
    </Button>
  );
}
