import { expect, it } from 'vitest';
import { image, internal } from '../../shared/model/inventory.fixtures.ts';
import type { Snapshot } from '../../shared/model/inventory.ts';
import { lackMarks, type LackMarks } from './lack-marks.ts';
import { layoutTree } from './layout.ts';
import { isSameRow } from './same-row.ts';

const tree = [internal('a', null), internal('b', 'a'), internal('c', 'a'), internal('d', 'b')];

/** The keys of rows of the second tree that do not look like the row of that key in the first. */
function changed(before: readonly Snapshot[], after: readonly Snapshot[], current = 'd'): readonly string[] {
  const rows = new Map(layoutTree(before, 'd', new Set()).rows.map((row) => [row.key, row]));
  return layoutTree(after, current, new Set()).rows.flatMap((row) => {
    const old = rows.get(row.key);
    return old && isSameRow(old, row) ? [] : [row.key];
  });
}

it('takes a row that was read again for the same, and one that says or draws something else for another', () => {
  const readAgain = structuredClone(tree);
  expect(changed(tree, readAgain)).toEqual([]);
  const described = tree.map((each) => (each.id === 'b' ? { ...each, description: 'new' } : each));
  expect(changed(tree, described)).toEqual(['snapshot:b']);
  // "You are here" moves: lines of the path, and lanes that pass, are drawn otherwise.
  expect(changed(tree, readAgain, 'c')).toContain('snapshot:b');
});

it('takes a row for another where what the snapshot lacks is told otherwise', () => {
  const row = (lacks: LackMarks) => {
    const [first] = layoutTree([internal('a', null)], 'a', new Set(), lacks).rows;
    if (!first) throw new Error('There is no row.');
    return first;
  };
  const mark = { severity: 'error' as const, words: 'It is gone.' };
  const marked = row(new Map([['a', mark]]));
  expect(isSameRow(row(new Map()), marked)).toBe(false);
  expect(isSameRow(marked, row(new Map([['a', { ...mark }]])))).toBe(true);
  expect(isSameRow(marked, row(new Map([['a', { ...mark, words: 'So is this.' }]])))).toBe(false);
});

it('keeps the marks of a tree while they say the same', () => {
  const snapshots = [internal('a', null), internal('b', 'a')];
  const gone = () => [image('/srv/images/web.qcow2', { status: 'missing' })];
  const marks = lackMarks(snapshots, gone());
  expect([...marks.values()].map(({ severity }) => severity)).toEqual(['error', 'error']);
  expect(lackMarks(snapshots, gone())).toBe(marks);
  expect(lackMarks(snapshots, []).size).toBe(0);
});
