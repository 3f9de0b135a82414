import { Check, ChevronDown, ChevronUp, Minus } from 'lucide-react';
import { memo, useCallback, useMemo, useState } from 'react';
import {
  Cell,
  CheckboxButton,
  CheckboxField,
  Column,
  Row,
  Table,
  TableBody,
  TableHeader,
  TableLayout,
  Virtualizer,
  type Key,
  type Selection,
  type SortDescriptor,
} from 'react-aria-components';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { classes } from '../design/classes.ts';
import { HostText } from '../design/HostText.tsx';
import type { Subject } from './subjects.ts';
import type { SubjectColumn } from './subject-columns.tsx';
import styles from './SubjectTable.module.css';

const css = classes(styles);
const layoutOptions = { rowHeight: 28, headingHeight: 28 };

/** Rows to choose from, drawn only where they can be seen; by mouse with Shift, or by keyboard alone. */
export const SubjectTable = memo(function SubjectTable({
  label,
  columns,
  subjects,
  chosen,
  empty,
  onChoose,
}: {
  readonly label: string;
  /** The same as long as the rows look the same. */
  readonly columns: readonly SubjectColumn[];
  readonly subjects: readonly Subject[];
  /** Keys, also of what is not among the rows: that stays chosen. */
  readonly chosen: ReadonlySet<string>;
  /** What to say where there is no row. */
  readonly empty: string;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}) {
  const [sort, setSort] = useState<SortDescriptor | null>(null);
  const rows = useMemo(() => sorted(subjects, columns, sort), [subjects, columns, sort]);
  const keys = useMemo(() => new Set(rows.map(({ key }) => key)), [rows]);
  const chosenHere = useMemo(() => new Set([...chosen].filter((key) => keys.has(key))), [chosen, keys]);
  // Where Shift counts from is in what the table gave: another set of the same keys would lose it.
  const [given, setGiven] = useState<ReadonlySet<Key>>(chosenHere);
  const change = (selection: Selection) => {
    if (selection !== 'all') setGiven(selection);
    const elsewhere = [...chosen].filter((key) => !keys.has(key));
    onChoose(new Set([...elsewhere, ...(selection === 'all' ? keys : [...selection].map(String))]));
  };
  const renderRow = useCallback(
    (subject: Subject) => (
      <Row id={subject.key} className={css('row')} textValue={subject.snapshot?.name ?? subject.vm.name}>
        <Cell className={css('cell', 'boxCell')}>
          <Box />
        </Cell>
        {columns.map((column) => (
          <Cell key={column.id} className={css('cell', column.quiet === true && 'quiet')}>
            {column.render?.(subject) ?? (
              <span className={css('text')} title={visibleString(column.text(subject))}>
                <HostText text={column.text(subject)} />
              </span>
            )}
          </Cell>
        ))}
      </Row>
    ),
    [columns],
  );
  // The same while only the choice changes: React Aria goes through all rows again for another.
  const content = useMemo(
    () => (
      <>
        <TableHeader className={css('head')}>
          <Column width={36} minWidth={36} className={css('column', 'boxCell')}>
            <Box />
          </Column>
          {columns.map((column) => (
            <Column
              key={column.id}
              id={column.id}
              isRowHeader={column.names === true}
              allowsSorting
              width={column.width}
              minWidth={72}
              className={css('column')}
            >
              {({ sortDirection }) => (
                <>
                  <span className={css('text')}>{column.title}</span>
                  {sortDirection === 'ascending' && <ChevronUp size={12} aria-hidden />}
                  {sortDirection === 'descending' && <ChevronDown size={12} aria-hidden />}
                </>
              )}
            </Column>
          ))}
        </TableHeader>
        <TableBody
          items={rows}
          dependencies={[renderRow]}
          renderEmptyState={() => <p className={css('empty')}>{empty}</p>}
        >
          {renderRow}
        </TableBody>
      </>
    ),
    [columns, rows, renderRow, empty],
  );
  return (
    <Virtualizer layout={TableLayout} layoutOptions={layoutOptions}>
      <Table
        aria-label={label}
        className={css('table')}
        selectionMode="multiple"
        selectedKeys={isSame(given, chosenHere) ? given : chosenHere}
        onSelectionChange={change}
        {...(sort ? { sortDescriptor: sort } : {})}
        onSortChange={setSort}
      >
        {content}
      </Table>
    </Virtualizer>
  );
});

function Box() {
  return (
    <CheckboxField slot="selection">
      <CheckboxButton className={css('box')}>
        {({ isSelected, isIndeterminate }) => (
          <span className={css('boxMark')}>
            {isIndeterminate ? (
              <Minus size={12} strokeWidth={3} aria-hidden />
            ) : (
              isSelected && <Check size={12} strokeWidth={3} aria-hidden />
            )}
          </span>
        )}
      </CheckboxButton>
    </CheckboxField>
  );
}

function isSame(a: ReadonlySet<Key>, b: ReadonlySet<Key>): boolean {
  return a.size === b.size && [...a].every((key) => b.has(key));
}

function sorted(
  subjects: readonly Subject[],
  columns: readonly SubjectColumn[],
  sort: SortDescriptor | null,
): readonly Subject[] {
  const column = columns.find(({ id }) => id === sort?.column);
  if (!column) return subjects;
  const turn = sort?.direction === 'descending' ? -1 : 1;
  return [...subjects].sort((a, b) => {
    const [first, second] = [column.order?.(a) ?? column.text(a), column.order?.(b) ?? column.text(b)];
    return turn * (typeof first === 'number' && typeof second === 'number' ? first - second : compare(first, second));
  });
}

const { compare: compareTexts } = new Intl.Collator(undefined, { numeric: true });
const compare = (a: string | number, b: string | number): number => compareTexts(String(a), String(b));
