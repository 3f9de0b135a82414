import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../shared/model/inventory.ts';
import { hereKey, layoutTree, passingLanes, snapshotKey, type TreeRow } from './layout.ts';

function snapshot(id: string, parentId: string | null, createdAt = 0): Snapshot {
  return {
    id,
    name: id,
    parentId,
    kind: 'internal',
    vmState: 'running',
    createdAt,
    description: '',
    memory: { kind: 'none' },
    disks: [],
  };
}

const none: ReadonlySet<string> = new Set();
const picture = (rows: readonly TreeRow[]) => rows.map((row) => `${'  '.repeat(row.lane)}${row.snapshot?.id ?? '@'}`);

/** Any records at all: parents that are missing, circles, several roots, and a current snapshot that may not exist. */
const anyTree = fc
  .array(fc.record({ parent: fc.option(fc.integer({ min: 0, max: 30 }), { nil: null }), time: fc.nat(5) }), {
    maxLength: 25,
  })
  .map((records) =>
    records.map(({ parent, time }, index) => snapshot(String(index), parent === null ? null : String(parent), time)),
  );
const anyCollapsed = fc
  .array(fc.integer({ min: 0, max: 25 }), { maxLength: 4 })
  .map((numbers) => new Set(numbers.map((number) => snapshotKey(String(number)))));
const anyCurrent = fc.option(fc.integer({ min: 0, max: 30 }).map(String), { nil: null });

describe('layoutTree', () => {
  it('keeps a straight line of snapshots in one lane, with "you are here" at its end', () => {
    const { rows, laneCount } = layoutTree([snapshot('a', null), snapshot('b', 'a'), snapshot('c', 'b')], 'c', none);
    expect(picture(rows)).toEqual(['a', 'b', 'c', '@']);
    expect(laneCount).toBe(1);
    expect(rows.map((row) => row.level)).toEqual([1, 2, 3, 4]);
  });

  it('opens a lane for every child but the last, and draws "you are here" directly below its snapshot', () => {
    const tree = [snapshot('a', null, 1), snapshot('b', 'a', 2), snapshot('c', 'b', 3), snapshot('d', 'a', 4)];
    expect(picture(layoutTree(tree, 'd', none).rows)).toEqual(['a', '  b', '  c', 'd', '@']);
    expect(picture(layoutTree(tree, 'a', none).rows)).toEqual(['a', '  @', '  b', '  c', 'd']);
  });

  it('puts memory that was saved between the current snapshot and "you are here", in its order', () => {
    const points = ['/m1', '/m2'].map((file) => ({ file, savedAt: 1, allocatedBytes: null, worn: null }));
    const tree = [snapshot('a', null, 1), snapshot('b', 'a', 2), snapshot('c', 'a', 3)];
    const shown = ({ rows }: ReturnType<typeof layoutTree>) =>
      rows.map((row) => `${'  '.repeat(row.lane)}${row.point?.file ?? row.snapshot?.id ?? '@'} ${row.level}`);
    const laidOut = (collapsed: ReadonlySet<string>, current: string | null) =>
      layoutTree(tree, current, collapsed, undefined, points);
    expect(shown(laidOut(none, 'b'))).toEqual(['a 1', '  b 2', '  /m1 3', '  /m2 4', '  @ 5', 'c 2']);
    expect(laidOut(none, 'b').rows.map(({ onPath }) => onPath)).toEqual([true, true, true, true, true, false]);
    expect(shown(laidOut(none, null))).toEqual(['/m1 1', '/m2 2', '@ 3', 'a 1', '  b 2', 'c 2']);
    const [hidden] = laidOut(new Set([snapshotKey('a')]), 'b').rows;
    expect([hidden?.hiddenCount, hidden?.hidesHere]).toEqual([5, true]);
  });

  it('makes "you are here" a root where no snapshot is current, or a current one that is not there', () => {
    for (const current of [null, 'gone']) {
      const { rows } = layoutTree([snapshot('a', null)], current, none);
      expect(picture(rows)).toEqual(['@', 'a']);
      expect(rows.map((row) => [row.positionInSet, row.setSize])).toEqual([
        [1, 2],
        [2, 2],
      ]);
    }
  });

  it('marks the line that leads to "you are here", and no other', () => {
    const tree = [snapshot('a', null, 1), snapshot('b', 'a', 2), snapshot('c', 'a', 3), snapshot('d', 'a', 4)];
    const { rows } = layoutTree(tree, 'c', none);
    const path = rows.filter((row) => row.onPath).map((row) => row.snapshot?.id ?? '@');
    expect(path).toEqual(['a', 'c', '@']);
    // Beside b the line of a goes on to c; beside c it goes on to d, which is not the way.
    const beside = (id: string) => passingLanes(rows.find((row) => row.snapshot?.id === id)?.passing ?? null);
    expect(beside('b').map((lane) => lane.onPath)).toEqual([true]);
    expect(beside('c').map((lane) => lane.onPath)).toEqual([false]);
  });

  it('says what a collapsed row hides', () => {
    const tree = [snapshot('a', null), snapshot('b', 'a'), snapshot('c', 'b')];
    const { rows } = layoutTree(tree, 'c', new Set([snapshotKey('b')]));
    expect(picture(rows)).toEqual(['a', 'b']);
    expect(rows[1]).toMatchObject({ expanded: false, hiddenCount: 2, hidesHere: true, hasLineBelow: false });
  });

  it('shows every snapshot once and "you are here" once, whatever the records say', () => {
    fc.assert(
      fc.property(anyTree, anyCurrent, (tree, current) => {
        const keys = layoutTree(tree, current, none).rows.map((row) => row.key);
        expect(keys.toSorted()).toEqual([hereKey, ...tree.map((each) => snapshotKey(each.id))].toSorted());
      }),
    );
  });

  it('draws lines that join up', () => {
    fc.assert(
      fc.property(anyTree, anyCurrent, anyCollapsed, (tree, current, collapsed) => {
        const { rows, laneCount } = layoutTree(tree, current, collapsed);
        let above = new Set<number>();
        for (const [index, row] of rows.entries()) {
          const passing = passingLanes(row.passing).map(({ lane }) => lane);
          // Lines enter at the top exactly where lines left the row above at the bottom.
          const entering = new Set([...passing, ...(row.parentLane === null ? [] : [row.parentLane])]);
          expect(entering).toEqual(above);
          // What passes is to the left of the node and each lane passes once.
          expect(passing.every((lane) => lane < row.lane)).toBe(true);
          expect(new Set(passing).size).toBe(passing.length);
          expect(row.lane).toBeLessThan(laneCount);
          const parent = rows[row.parentIndex];
          expect(row.parentLane).toBe(parent?.lane ?? null);
          expect(row.level).toBe((parent?.level ?? 0) + 1);
          expect(row.parentIndex).toBeLessThan(index);
          above = new Set([...passing, ...(row.hasLineBelow ? [row.lane] : [])]);
        }
        expect(above).toEqual(new Set());
      }),
    );
  });

  it('counts rows: what is shown and what is hidden are all there are', () => {
    fc.assert(
      fc.property(anyTree, anyCurrent, anyCollapsed, (tree, current, collapsed) => {
        const { rows } = layoutTree(tree, current, collapsed);
        const hidden = rows.reduce((sum, row) => sum + row.hiddenCount, 0);
        expect(rows.length + hidden).toBe(tree.length + 1);
      }),
    );
  });

  it('lays out a chain and a comb of ten thousand without recursion', () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      snapshot(String(index), index === 0 ? null : String(index - 1), index),
    );
    expect(layoutTree(chain, '9999', none).rows).toHaveLength(10_001);
    const comb = Array.from({ length: 10_000 }, (_, index) =>
      snapshot(String(index), index === 0 ? null : String(index - 1 - (index % 2 === 0 ? 1 : 0)), index),
    );
    expect(layoutTree(comb, null, none).rows).toHaveLength(10_001);
  });
});
