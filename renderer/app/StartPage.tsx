import { FlaskConical, Import, Plus } from 'lucide-react';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { useClient } from '../ipc/client-context.ts';
import { showDialog } from '../store/store.ts';
import { addDemoHosts } from '../feed/demo.ts';
import styles from './StartPage.module.css';

const css = classes(styles);

/** What a newcomer sees: what this is, and how to begin. */
export function StartPage() {
  const client = useClient();
  return (
    <div className={css('page')}>
      <svg className={css('picture')} width="220" height="124" viewBox="0 0 220 124" aria-hidden>
        <path className={css('branch')} d="M40 14V30Q40 38 48 38H66V62" />
        <path className={css('path')} d="M40 14V110" />
        <circle className={css('node')} cx="40" cy="14" r="6" />
        <circle className={css('side')} cx="66" cy="38" r="6" />
        <circle className={css('side')} cx="66" cy="62" r="6" />
        <circle className={css('node')} cx="40" cy="86" r="6" />
        <circle className={css('here')} cx="40" cy="110" r="8" />
        <circle className={css('node')} cx="40" cy="110" r="3" />
        <path className={css('words')} d="M62 14h74M88 38h52M88 62h66M62 86h92" />
        <path className={css('hereWords')} d="M62 110h58" />
      </svg>
      <h2 className={css('title')}>See every snapshot, and what stands on it</h2>
      <p>
        Snaptree shows the snapshots of your virtual machines as they are on the hosts, with the images that hold their
        data. Every change is shown as a plan before it runs, down to the command.
      </p>
      <div className={css('ways')}>
        <Button
          tone="primary"
          onPress={() => {
            showDialog({ kind: 'addHost' });
          }}
        >
          <Plus size={15} aria-hidden />
          Add a host
        </Button>
        <Button
          onPress={() => {
            showDialog({ kind: 'importHosts' });
          }}
        >
          <Import size={15} aria-hidden />
          Import hosts…
        </Button>
        <Button
          onPress={() => {
            addDemoHosts(client);
          }}
        >
          <FlaskConical size={15} aria-hidden />
          Try it on a demo fleet
        </Button>
      </div>
      <p className={css('quiet')}>
        A host needs SSH and libvirt (virsh, qemu-img). Nothing is installed on it. The demo fleet is simulated inside
        Snaptree.
      </p>
    </div>
  );
}
