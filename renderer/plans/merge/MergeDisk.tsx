import { useId } from 'react';
import { fileNameOf } from '../../../shared/rules/text/folders.ts';
import type { MergeDirection } from '../../../shared/rules/snapshots/merge-proposals.ts';
import { visibleString } from '../../../shared/rules/text/visible-text.ts';
import { Chip, type Tone } from '../../design/Chip.tsx';
import { classes } from '../../design/classes.ts';
import { CheckboxLine } from '../../design/fields.tsx';
import { count, formatBytes } from '../../design/format.ts';
import { HostText } from '../../design/HostText.tsx';
import { partOf, withBase, withTop, type DiskChoice, type LayerChoice, type LayerPart } from './merge-choices.ts';
import styles from './MergeDialog.module.css';

const css = classes(styles);

interface MergeDiskProps {
  readonly direction: MergeDirection;
  readonly disk: DiskChoice;
  /** Whether the disk can be left out. */
  readonly optional: boolean;
  readonly onChange: (change: Partial<Pick<DiskChoice, 'included' | 'choice'>>) => void;
}

/** The chain of one disk, to scale, with what is chosen of it. */
export function MergeDisk({ direction, disk, optional, onChange }: MergeDiskProps) {
  const { target } = disk.disk;
  const title = (
    <span>
      <strong>
        <HostText text={target} />
      </strong>{' '}
      <span className={css('quiet')}>{count(disk.layers.length, 'image')}</span>
    </span>
  );
  return (
    <section className={css('disk')} aria-label={`Disk ${visibleString(target)}`}>
      {optional ? (
        <CheckboxLine
          selected={disk.included}
          onChange={(included) => {
            onChange({ included });
          }}
        >
          {title}
        </CheckboxLine>
      ) : (
        <p>{title}</p>
      )}
      {disk.included && <Chain direction={direction} disk={disk} onChange={onChange} />}
    </section>
  );
}

function Chain({ direction, disk, onChange }: Omit<MergeDiskProps, 'optional'>) {
  const { layers, choice } = disk;
  const name = useId();
  const largest = Math.max(1, ...layers.map(({ image }) => image.allocatedBytes ?? 0));
  const down = direction === 'down';
  return (
    <table className={css('chain')}>
      <thead>
        <tr>
          {down && <th scope="col">From</th>}
          <th scope="col">{down ? 'Into' : 'Onto'}</th>
          <th scope="col">Image, the active layer first</th>
          <th scope="col">On storage</th>
        </tr>
      </thead>
      <tbody>
        {layers.map((layer, index) => (
          <tr key={layer.image.id} className={css(direction, partOf(direction, choice, index))}>
            {down && (
              <Radio
                name={`${name} from`}
                label={`Merge from ${visibleString(layer.image.id)} down`}
                possible={index < layers.length - 1}
                checked={choice.top === index}
                onChoose={() => {
                  onChange({ choice: withTop(choice, index) });
                }}
              />
            )}
            <Radio
              name={`${name} into`}
              label={`${down ? 'Merge into' : 'Hang on'} ${visibleString(layer.image.id)}`}
              possible={index > (down ? 0 : 1)}
              checked={choice.base === index}
              onChoose={() => {
                onChange({ choice: down ? withBase(choice, index) : { top: 1, base: index } });
              }}
            />
            <td>
              <LayerWords layer={layer} part={partOf(direction, choice, index)} direction={direction} />
            </td>
            <td className={css('size')}>
              {formatBytes(layer.image.allocatedBytes)}
              <span className={css('bar')} aria-hidden>
                <span style={{ width: `${((layer.image.allocatedBytes ?? 0) / largest) * 100}%` }} />
              </span>
            </td>
          </tr>
        ))}
        {!down && (
          <tr>
            <Radio
              name={`${name} into`}
              label="Hang on nothing: the active layer stands alone"
              possible
              checked={choice.base === layers.length}
              onChoose={() => {
                onChange({ choice: { top: 1, base: layers.length } });
              }}
            />
            <td colSpan={2}>Nothing: the active layer stands alone</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function Radio({
  name,
  label,
  possible,
  checked,
  onChoose,
}: {
  readonly name: string;
  readonly label: string;
  readonly possible: boolean;
  readonly checked: boolean;
  readonly onChoose: () => void;
}) {
  return (
    <td className={css('radio')}>
      {possible && (
        <label>
          <input type="radio" name={name} aria-label={label} checked={checked} onChange={onChoose} />
        </label>
      )}
    </td>
  );
}

const partWords: Readonly<
  Record<MergeDirection, Readonly<Record<LayerPart, readonly [word: string, tone: Tone] | null>>>
> = {
  down: { merged: ['merged and removed', 'danger'], receives: ['takes them up', 'accent'], untouched: null },
  up: { merged: ['taken up, stays', 'neutral'], receives: ['takes them up', 'accent'], untouched: null },
};

function LayerWords({
  layer: { image, neededBy, snapshots },
  part,
  direction,
}: {
  readonly layer: LayerChoice;
  readonly part: LayerPart;
  readonly direction: MergeDirection;
}) {
  const words = partWords[direction][part];
  // A pull changes nothing of the images that are taken up.
  const concerns = part === 'merged' ? direction === 'down' : part === 'receives';
  return (
    <>
      <span className={css('imageLine')}>
        <code title={visibleString(image.id)}>
          <HostText text={fileNameOf(image.id)} />
        </code>
        {words && <Chip tone={words[1]}>{words[0]}</Chip>}
      </span>
      {snapshots.length > 0 && (
        <span className={css(part !== 'untouched' && direction === 'down' ? 'lost' : 'quiet', 'line')}>
          {part !== 'untouched' && direction === 'down' ? 'Lost: ' : 'Holds '}
          <Names names={snapshots} />
        </span>
      )}
      {neededBy.length > 0 && (
        <span className={css(concerns ? 'lost' : 'quiet', 'line')}>
          Also needed by <Names names={neededBy} />
        </span>
      )}
    </>
  );
}

const shownNames = 4;

function Names({ names }: { readonly names: readonly string[] }) {
  return (
    <>
      {names.slice(0, shownNames).map((name, index) => (
        <span key={name}>
          {index > 0 && ', '}
          <HostText text={name} />
        </span>
      ))}
      {names.length > shownNames && ` and ${names.length - shownNames} more`}
    </>
  );
}
