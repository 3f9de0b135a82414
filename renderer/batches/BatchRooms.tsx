import { Fragment } from 'react';
import type { BatchRoom } from '../../shared/model/batch.ts';
import { fitWords, roomFit, sizeWords, type RoomFit } from '../../shared/rules/operations/room-words.ts';
import { Chip, type Tone } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import { useFirst } from '../design/ShowMore.tsx';
import styles from './BatchReview.module.css';

const css = classes(styles);
const tones: Readonly<Partial<Record<RoomFit, Tone>>> = { tooLittle: 'danger', mayNotFit: 'warning' };
const shownAtOnce = 6;

/** The room that a batch needs and makes on each file system, the tightest first. */
export function BatchRooms({ rooms }: { readonly rooms: readonly BatchRoom[] }) {
  const { shown, more } = useFirst(rooms, shownAtOnce);
  return (
    <>
      <table className={css('rooms')}>
        <thead>
          <tr>
            <th scope="col">File system of</th>
            <th scope="col">Likely needed</th>
            <th scope="col">At most</th>
            <th scope="col">Freed</th>
            <th scope="col">Free now</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((room) => (
            <tr key={`${room.hostName} ${room.folders.join('\0')}`}>
              <th scope="row">
                <HostText text={room.hostName} />
                {': '}
                {room.folders.map((folder, index) => (
                  <Fragment key={folder}>
                    {index > 0 && ', '}
                    <code>
                      <HostText text={folder} />
                    </code>
                  </Fragment>
                ))}{' '}
                <Fit room={room} />
              </th>
              <td>{sizeWords(room.likelyBytes)}</td>
              <td>{sizeWords(room.atMostBytes)}</td>
              <td>{sizeWords(room.freedBytes)}</td>
              <td>{room.freeBytes === 0 ? '0 B' : sizeWords(room.freeBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </>
  );
}

function Fit({ room }: { readonly room: BatchRoom }) {
  const fit = roomFit({ ...room, guestBytes: 0 });
  const tone = tones[fit];
  return tone === undefined ? null : <Chip tone={tone}>{fitWords[fit]}</Chip>;
}
