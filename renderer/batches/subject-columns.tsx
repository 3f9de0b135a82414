/** The columns of what can be chosen, by what is made of it. */
import type { ReactNode } from 'react';
import { snapshotKindWords } from '../appearance/model-words.ts';
import { vmAppearance } from '../appearance/vm-state.ts';
import { classes } from '../design/classes.ts';
import { formatAge, formatTime } from '../design/format.ts';
import { count } from '../../shared/rules/text/units.ts';
import styles from './SubjectTable.module.css';
import type { Deed, Subject } from './subjects.ts';

const css = classes(styles);

export interface SubjectColumn {
  readonly id: string;
  readonly title: string;
  /** Of the room that the columns share. */
  readonly width: `${number}fr`;
  readonly text: (subject: Subject) => string;
  /** What is drawn instead of the text. */
  readonly render?: (subject: Subject) => ReactNode;
  /** What is sorted by instead of the text. */
  readonly order?: (subject: Subject) => number;
  readonly quiet?: true;
  /** It is part of what names the row. */
  readonly names?: true;
}

const vmColumn: SubjectColumn = { id: 'vm', title: 'VM', width: '3fr', text: ({ vm }) => vm.name, names: true };
const hostColumn: SubjectColumn = {
  id: 'host',
  title: 'Host',
  width: '2fr',
  text: ({ hostName }) => hostName,
  quiet: true,
  names: true,
};
const stateColumn: SubjectColumn = {
  id: 'state',
  title: 'State',
  width: '2fr',
  text: ({ vm }) => vmAppearance(vm).shortWord,
  render: ({ vm }) => {
    const { word, shortWord, icon: Icon } = vmAppearance(vm);
    return (
      <span className={css('state')} title={word}>
        <Icon size={12} aria-hidden />
        {shortWord}
      </span>
    );
  },
  quiet: true,
};
const snapshotsColumn: SubjectColumn = {
  id: 'snapshots',
  title: 'Snapshots',
  width: '1fr',
  text: ({ vm }) => String(vm.snapshots.length),
  order: ({ vm }) => vm.snapshots.length,
  quiet: true,
};

/** @param now in seconds since 1970 */
export function columnsFor(deed: Deed, now: number): readonly SubjectColumn[] {
  switch (deed) {
    case 'create':
      return [vmColumn, hostColumn, stateColumn, snapshotsColumn];
    case 'merge':
      return [
        vmColumn,
        hostColumn,
        stateColumn,
        {
          id: 'chains',
          title: 'Chains',
          width: '3fr',
          text: ({ disks }) =>
            disks.map(({ target, layers }) => `${target}: ${count(layers.length, 'image')}`).join(', '),
          order: ({ disks }) => Math.max(...disks.map(({ layers }) => layers.length)),
          quiet: true,
        },
      ];
    case 'delete':
      return [
        { id: 'name', title: 'Snapshot', width: '4fr', text: ({ snapshot }) => snapshot?.name ?? '', names: true },
        vmColumn,
        hostColumn,
        {
          id: 'age',
          title: 'Created',
          width: '2fr',
          text: ({ snapshot }) => {
            const createdAt = snapshot?.createdAt ?? null;
            return createdAt === null ? 'unknown' : formatAge(createdAt, now);
          },
          render: ({ snapshot }) => {
            const createdAt = snapshot?.createdAt ?? null;
            if (createdAt === null) return 'unknown';
            return <span title={formatTime(createdAt)}>{formatAge(createdAt, now)}</span>;
          },
          // What is of unknown age comes last, where the oldest come first.
          order: ({ snapshot }) => snapshot?.createdAt ?? Number.MAX_SAFE_INTEGER,
          quiet: true,
        },
        {
          id: 'kind',
          title: 'Kind',
          width: '1.3fr',
          text: ({ snapshot }) => snapshotKindWords[snapshot?.kind ?? 'unknown'],
          quiet: true,
        },
      ];
  }
}
