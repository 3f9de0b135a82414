import { Callout } from '../design/Callout.tsx';
import { classes } from '../design/classes.ts';
import type { Refusal } from '../ipc/handshake.ts';
import styles from './NotLetIn.module.css';

const css = classes(styles);

const words: Readonly<Record<Refusal, { readonly title: string; readonly text: string }>> = {
  noKey: {
    title: 'This browser has not been let in',
    text: 'Open the address that Snaptree printed when it started, with its token. A browser that keeps no data for this page needs it after every reload.',
  },
  wrongToken: {
    title: 'This address is not good any more',
    text: 'Its token was used before, or is not the one of the Snaptree that runs now. Open the address that Snaptree printed when it started.',
  },
  stranger: {
    title: 'The Snaptree of this page has ended',
    text: 'What answers at this address now is another run of Snaptree, or another program; it was told nothing. Operations go on on their hosts. Open the address that Snaptree printed when it started last.',
  },
};

/** Stands in the place of the window where the server that the page came from will not serve it. */
export function NotLetIn({ refusal }: { readonly refusal: Refusal }) {
  const { title, text } = words[refusal];
  return (
    <main className={css('page')}>
      <Callout tone="warning" title={title} live>
        <p>{text}</p>
      </Callout>
    </main>
  );
}
