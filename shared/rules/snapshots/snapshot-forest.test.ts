import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../model/inventory.ts';
import { internal } from '../../model/inventory.fixtures.ts';
import { snapshotForest, subtreeIds, type SnapshotNode } from './snapshot-forest.ts';

const snapshot = (id: string, parentId: string | null, createdAt: number | null = 0): Snapshot =>
  internal(id, parentId, { createdAt });

/** `a(b c)`: a node with its children; oddities behind a `!`. */
function drawn(nodes: readonly SnapshotNode[]): string {
  return nodes
    .map(
      ({ snapshot: { id }, children, oddity }) =>
        `${id}${oddity ? `!${oddity}` : ''}${children.length ? `(${drawn(children)})` : ''}`,
    )
    .join(' ');
}

describe('the forest of snapshots', () => {
  it('has branches and several roots, in the order of their creation', () => {
    const snapshots = [snapshot('c', 'a', 3), snapshot('b', 'a', 2), snapshot('a', null, 1), snapshot('r', null, 0)];
    expect(drawn(snapshotForest(snapshots))).toBe('r a(b c)');
  });

  it('makes a snapshot whose parent is missing a root, and says so', () => {
    expect(drawn(snapshotForest([snapshot('b', 'gone'), snapshot('c', 'b')]))).toBe('b!missingParent(c)');
  });

  it('opens a cycle at its oldest member, with what hangs on it', () => {
    const snapshots = [snapshot('a', 'c', 3), snapshot('b', 'a', 1), snapshot('c', 'b', 2), snapshot('tail', 'a', 9)];
    expect(drawn(snapshotForest(snapshots))).toBe('b!cycle(c(a(tail)))');
    expect(drawn(snapshotForest([snapshot('self', 'self')]))).toBe('self!cycle');
  });

  it('stands a chain of 20 000', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) =>
      snapshot(`${index}`, index ? `${index - 1}` : null, index),
    );
    let depth = 0;
    for (let node = snapshotForest(chain)[0]; node; node = node.children[0]) depth += 1;
    expect(depth).toBe(20_000);
  });

  const records = fc.array(fc.record({ parent: fc.option(fc.nat(12)), createdAt: fc.option(fc.nat(5)) }), {
    maxLength: 12,
  });

  it('shows every snapshot exactly once, whatever the records say and in whatever order they come', () => {
    fc.assert(
      fc.property(records, fc.nat(), (list, seed) => {
        const snapshots = list.map(({ parent, createdAt }, index) =>
          snapshot(`${index}`, parent === null ? null : `${parent}`, createdAt),
        );
        const ids: string[] = [];
        const open = [...snapshotForest(snapshots)];
        for (let node = open.pop(); node; node = open.pop()) {
          ids.push(node.snapshot.id);
          open.push(...node.children);
          // A child stands under the parent that its record names.
          for (const child of node.children) expect(child.snapshot.parentId).toBe(node.snapshot.id);
        }
        expect(ids.toSorted()).toEqual(snapshots.map(({ id }) => id).toSorted());
        const turned = snapshots
          .map((_, index) => snapshots[(index + seed) % snapshots.length])
          .filter((one) => one !== undefined);
        expect(drawn(snapshotForest(turned))).toBe(drawn(snapshotForest(snapshots)));
      }),
    );
  });
});

describe('a subtree', () => {
  it('names parents before children and stands a cycle', () => {
    const snapshots = [snapshot('c', 'b'), snapshot('b', 'a'), snapshot('a', null), snapshot('x', null)];
    expect(subtreeIds('a', snapshots)).toEqual(['a', 'b', 'c']);
    expect(subtreeIds('a', [snapshot('a', 'b'), snapshot('b', 'a')])).toEqual(['a', 'b']);
  });
});
