import type { BatchRoom } from '../../shared/model/batch.ts';
import { sizeWords } from '../../shared/rules/operations/room-words.ts';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import { useFirst } from '../design/ShowMore.tsx';
import { Fit, Folders, freeSize } from '../plans/PlanRooms.tsx';
import styles from '../plans/PlanRooms.module.css';

const css = classes(styles);
const shownAtOnce = 6;

/** The room that a batch needs and makes on each file system, the tightest first. */
export function BatchRooms({ rooms }: { readonly rooms: readonly BatchRoom[] }) {
  const { shown, more } = useFirst(rooms, shownAtOnce);
  return (
    <>
      <table className={css('table')}>
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
                <Folders room={room} /> <Fit room={{ ...room, guestBytes: 0 }} />
              </th>
              <td>{sizeWords(room.likelyBytes)}</td>
              <td>{sizeWords(room.atMostBytes)}</td>
              <td>{sizeWords(room.freedBytes)}</td>
              <td>{freeSize(room.freeBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </>
  );
}
