import { Chip, type Tone } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { formatBytes } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import { fileNameOf } from '../../shared/rules/text/folders.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import type { ChainPart, PlannedChain, PlannedLayer } from './plan-changes.ts';
import styles from './ChainChange.module.css';

const css = classes(styles);

const parts: Readonly<Record<ChainPart, readonly [words: string, tone: Tone] | null>> = {
  stays: null,
  new: ['new', 'success'],
  receives: ['takes up', 'accent'],
  merged: ['merged', 'warning'],
  left: ['left', 'neutral'],
};

/** The chain of a disk before and after in one picture, each image as large as what it has on storage. */
export function ChainChange({ chain, isNew = false }: { readonly chain: PlannedChain; readonly isNew?: boolean }) {
  const largest = Math.max(1, ...chain.layers.map(({ bytes, growthBytes }) => (bytes ?? 0) + (growthBytes ?? 0)));
  const countBefore = chain.layers.filter(({ part }) => part !== 'new').length;
  return (
    <div className={css('chain')}>
      <p className={css('title')}>
        <HostText text={chain.target} />
        {!isNew && <Chip tone={chain.changed ? 'accent' : 'neutral'}>{chain.changed ? 'changed' : 'as before'}</Chip>}
        {chain.changed && !isNew && (
          <span className={css('quiet')}>
            {countBefore} {countBefore === 1 ? 'image' : 'images'} now, {chain.imageIds.length} afterwards
          </span>
        )}
      </p>
      <ol className={css('layers')}>
        {chain.layers.map((layer) => (
          <Layer key={layer.imageId} layer={layer} active={layer.imageId === chain.imageIds[0]} largest={largest} />
        ))}
      </ol>
    </div>
  );
}

function Layer({
  layer: { imageId, part, deleted, bytes, growthBytes },
  active,
  largest,
}: {
  readonly layer: PlannedLayer;
  readonly active: boolean;
  readonly largest: number;
}) {
  const words = parts[part];
  const isGone = part === 'merged' || part === 'left';
  return (
    <li className={css('layer', isGone && 'gone')}>
      <span className={css('line')}>
        <code title={visibleString(imageId)}>
          <HostText text={fileNameOf(imageId)} />
        </code>
        {active && <span className={css('quiet')}>active layer</span>}
        {words && <Chip tone={words[1]}>{words[0]}</Chip>}
        {isGone && <Chip tone={deleted ? 'danger' : 'neutral'}>{deleted ? 'removed' : 'stays on storage'}</Chip>}
      </span>
      <span className={css('sizes')}>
        <span className={css('bar')} aria-hidden>
          <span className={css('now')} style={{ width: `${((bytes ?? 0) / largest) * 100}%` }} />
          {growthBytes !== null && growthBytes > 0 && (
            <span className={css('growth')} style={{ width: `${(growthBytes / largest) * 100}%` }} />
          )}
        </span>
        <span className={css('quiet')}>
          {part === 'new' ? '' : formatBytes(bytes)}
          {growthBytes !== 0 && (growthBytes === null ? ', grows' : ` + at most ${formatBytes(growthBytes)}`)}
        </span>
      </span>
    </li>
  );
}
