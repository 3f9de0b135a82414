/** Laying out a large snapshot tree: does the time grow with the number of snapshots, or faster? */
import type { Snapshot } from '../../shared/model/inventory.ts';
import { layoutTree } from '../../renderer/tree/layout.ts';

const small = 1_000;
const large = 10_000;

export function run(): void {
  const one = milliseconds(() => layoutTree(tree(small), `${small - 1}`, new Set()));
  const ten = milliseconds(() => layoutTree(tree(large), `${large - 1}`, new Set()));
  console.log(`snapshot-tree: ${large} snapshots laid out in ${ten.toFixed(1)} ms`);
  console.log(`snapshot-tree: ${(ten / one).toFixed(1)} times the time of ${small} (10 is linear)`);
}

/** A trunk with a branch at every seventh snapshot. */
function tree(count: number): Snapshot[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${index}`,
    name: `snapshot ${index}`,
    parentId: index === 0 ? null : `${index % 7 === 0 ? Math.floor(index / 2) : index - 1}`,
    kind: 'internal' as const,
    vmState: 'running' as const,
    createdAt: 1_700_000_000 + index,
    description: '',
    memory: { kind: 'internal' as const },
    disks: [],
  }));
}

/** The median of several runs, after warming up. */
function milliseconds(work: () => unknown): number {
  const times = Array.from({ length: 15 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  })
    .slice(4)
    .sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? 0;
}
