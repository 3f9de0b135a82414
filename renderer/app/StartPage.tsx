import { Plus } from 'lucide-react';
import { Button } from '../design/Button.tsx';
import { classes } from '../design/classes.ts';
import { showDialog } from '../store/store.ts';
import styles from './StartPage.module.css';

const css = classes(styles);

/** What a newcomer sees: what this is, and the one thing to do. */
export function StartPage() {
  return (
    <div className={css('page')}>
      <svg className={css('picture')} width="168" height="112" viewBox="0 0 168 112" aria-hidden>
        <path className={css('path')} d="M28 12V100M28 36C28 52 84 44 84 62M84 62V80" />
        <path className={css('branch')} d="M28 62C28 78 140 66 140 88" />
        <circle cx="28" cy="14" r="7" />
        <circle cx="28" cy="38" r="7" />
        <circle cx="28" cy="66" r="7" />
        <circle cx="28" cy="98" r="7" />
        <circle cx="140" cy="90" r="7" />
        <circle className={css('here')} cx="84" cy="82" r="8" />
        <circle className={css('dot')} cx="84" cy="82" r="3.5" />
      </svg>
      <h2 className={css('title')}>See every snapshot, and what stands on it</h2>
      <p>
        Snaptree shows the snapshots of your virtual machines as they are on the hosts, with the images that hold their
        data. Every change is shown as a plan before it runs, down to the command.
      </p>
      <Button
        tone="primary"
        onPress={() => {
          showDialog({ kind: 'addHost' });
        }}
      >
        <Plus size={15} aria-hidden />
        Add a host
      </Button>
      <p className={css('quiet')}>A host needs SSH and libvirt (virsh, qemu-img). Nothing is installed on it.</p>
    </div>
  );
}
