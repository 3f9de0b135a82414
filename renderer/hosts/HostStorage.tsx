import type { Inventory } from '../../shared/model/inventory.ts';
import { classes } from '../design/classes.ts';
import { formatBytes } from '../design/format.ts';
import { HostText } from '../design/HostText.tsx';
import styles from './HostStorage.module.css';
import type { FileSystem } from '../../shared/rules/findings/findings-storage.ts';
import { isNearlyFull } from '../appearance/host-problems.ts';
import { storageGroups, usedShare } from './storage-groups.ts';

const css = classes(styles);
const shownAtOnce = 3;

/** The file systems that hold images: how full each is, and which folders are on it. */
export function HostStorage({ inventory }: { readonly inventory: Inventory }) {
  const groups = storageGroups(inventory.filesystems);
  if (groups.length === 0) return null;
  return (
    <section className={css('storage')}>
      <h3>Storage</h3>
      <table className={css('table')}>
        <thead>
          <tr>
            <th scope="col">Used</th>
            <th scope="col">Free</th>
            <th scope="col">Size</th>
            <th scope="col" className={css('folders')}>
              Folders with images
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.folders[0]}>
              <td>
                <Used share={usedShare(group)} isFull={isNearlyFull(group)} />
              </td>
              <td>{formatBytes(group.freeBytes)}</td>
              <td>{formatBytes(group.totalBytes)}</td>
              <td className={css('folders')}>
                <Folders group={group} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Used({ share, isFull }: { readonly share: number; readonly isFull: boolean }) {
  return (
    <span className={css('used')}>
      <span className={css('bar', isFull && 'full')}>
        <span style={{ width: `${share * 100}%` }} />
      </span>
      {Math.round(share * 100)} %{isFull && ', nearly full'}
    </span>
  );
}

function Folders({ group: { folders } }: { readonly group: FileSystem }) {
  const rest = folders.slice(shownAtOnce);
  return (
    <>
      <FolderList folders={folders.slice(0, shownAtOnce)} />
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} more</summary>
          <FolderList folders={rest} />
        </details>
      )}
    </>
  );
}

function FolderList({ folders }: { readonly folders: readonly string[] }) {
  return (
    <ul>
      {folders.map((folder) => (
        <li key={folder}>
          <code>
            <HostText text={folder} />
          </code>
        </li>
      ))}
    </ul>
  );
}
