import { Fragment } from 'react';
import type { PlanRoom } from '../../shared/model/plan.ts';
import {
  fitWords,
  freeWords,
  neededWords,
  roomFit,
  sizeWords,
  type RoomFit,
} from '../../shared/rules/operations/room-words.ts';
import { Chip, type Tone } from '../design/Chip.tsx';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './PlanRooms.module.css';

const css = classes(styles);

const tones: Readonly<Partial<Record<RoomFit, Tone>>> = { tooLittle: 'danger', mayNotFit: 'warning' };

/** The room that a plan needs and finds: of one file system in a sentence, of several in a table. */
export function PlanRooms({ rooms }: { readonly rooms: readonly PlanRoom[] }) {
  const [room, ...others] = rooms;
  if (!room) return 'No file system of the host is filled by this.';
  if (others.length > 0) return <RoomTable rooms={rooms} />;
  return (
    <>
      {asSentence(neededWords(room))}; {freeWords(room)} in <Folders room={room} /> <Fit room={room} />
    </>
  );
}

/** How much is free, of a room in a table. */
export const freeSize = (freeBytes: number | null): string => (freeBytes === 0 ? '0 B' : sizeWords(freeBytes));

const asSentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

function RoomTable({ rooms }: { readonly rooms: readonly PlanRoom[] }) {
  const withGuest = rooms.some(({ guestBytes }) => guestBytes !== 0);
  return (
    <table className={css('table')}>
      <thead>
        <tr>
          <th scope="col">File system of</th>
          <th scope="col">Likely</th>
          <th scope="col">At most</th>
          {withGuest && <th scope="col">Guest may add</th>}
          <th scope="col">Free</th>
        </tr>
      </thead>
      <tbody>
        {rooms.map((room) => (
          <tr key={room.folders.join('\0')}>
            <th scope="row">
              <Folders room={room} /> <Fit room={room} />
            </th>
            <td>{sizeWords(room.likelyBytes)}</td>
            <td>{sizeWords(room.atMostBytes)}</td>
            {withGuest && <td>{sizeWords(room.guestBytes)}</td>}
            <td>{freeSize(room.freeBytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Where a file system is. */
export function Folders({ room }: { readonly room: Pick<PlanRoom, 'folders'> }) {
  return room.folders.map((folder, index) => (
    <Fragment key={folder}>
      {index > 0 && ', '}
      <code>
        <HostText text={folder} />
      </code>
    </Fragment>
  ));
}

/** Whether it will be enough, where that is worth a word. */
export function Fit({ room }: { readonly room: PlanRoom }) {
  const fit = roomFit(room);
  const words = fitWords[fit];
  const tone = tones[fit];
  if (words === null) return null;
  return tone === undefined ? <span className={css('quiet')}>({words})</span> : <Chip tone={tone}>{words}</Chip>;
}
