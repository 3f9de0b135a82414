import { expect, it } from 'vitest';
import { internal } from '../../shared/model/inventory.fixtures.ts';
import type { Snapshot } from '../../shared/model/inventory.ts';
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
