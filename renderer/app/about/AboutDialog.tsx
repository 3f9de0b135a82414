import { useEffect, useState } from 'react';
import { Button } from '../../design/Button.tsx';
import { Callout } from '../../design/Callout.tsx';
import { classes } from '../../design/classes.ts';
import { Dialog } from '../../design/Dialog.tsx';
import { Skeleton } from '../../design/Skeleton.tsx';
import { useStore } from '../../store/store.ts';
import styles from './AboutDialog.module.css';
import { fetchLicenses, type License } from './licenses.ts';

const css = classes(styles);

/** What runs here, and with whose work it was made. */
export function AboutDialog({ onClose }: { readonly onClose: () => void }) {
  const application = useStore((state) => state.application);
  return (
    <Dialog
      title="About Snaptree"
      onClose={onClose}
      footer={
        <Button tone="primary" onPress={onClose}>
          Close
        </Button>
      }
    >
      <dl className={css('facts')}>
        <dt>Version</dt>
        <dd>{application?.version}</dd>
        <dt>Data folder</dt>
        <dd className={css('path')}>{application?.dataFolder}</dd>
        <dt>Licence</dt>
        <dd>MIT</dd>
      </dl>
      <h3 className={css('heading')}>Made with</h3>
      <Licenses />
    </Dialog>
  );
}

function Licenses() {
  const [licenses, setLicenses] = useState<readonly License[] | 'failed' | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    fetchLicenses(controller.signal).then(setLicenses, () => {
      if (!controller.signal.aborted) setLicenses('failed');
    });
    return () => {
      controller.abort();
    };
  }, []);
  if (licenses === null) return <Skeleton lines={6} label="Loading" />;
  if (licenses === 'failed') {
    return (
      <Callout tone="warning">
        <p>The licences could not be loaded. They are in the file THIRD-PARTY-LICENSES.txt of the package as well.</p>
      </Callout>
    );
  }
  return (
    <ul className={css('licenses')}>
      {licenses.map((license) => (
        <li key={`${license.name} ${license.version}`}>
          <LicenseEntry license={license} />
        </li>
      ))}
    </ul>
  );
}

function LicenseEntry({ license: { name, version, identifier, text } }: { readonly license: License }) {
  const [open, setOpen] = useState(false);
  return (
    <details
      className={css('license')}
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>
        <span className={css('name')}>{name}</span>
        <span className={css('quiet')}>{version}</span>
        <span className={css('identifier')}>{identifier}</span>
      </summary>
      {open && <pre className={css('text')}>{text}</pre>}
    </details>
  );
}
