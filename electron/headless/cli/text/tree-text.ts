/** A VM's snapshots as a tree of text. */
import type { Problem, ReadableVm, Snapshot } from '../../../../shared/model/inventory.ts';
import { snapshotForest } from '../../../../shared/rules/snapshots/snapshot-forest.ts';
import type { SnapshotNode } from '../../../../shared/rules/snapshots/snapshot-forest.ts';
import type { RestorePoint } from '../../../../shared/rules/snapshots/restore-points.ts';
import { shown } from '../output.ts';
import type { Paint } from '../output.ts';
import { tableLines } from './table.ts';
import type { Cell } from './table.ts';
import { presentStateWords, stateWords } from '../../../../shared/rules/text/state-words.ts';
import { utc } from './words.ts';

export interface TreeRow {
  readonly node: SnapshotNode;
  readonly depth: number;
  /** Of each ancestor and of itself, from the root on: whether it is the last of its siblings. */
  readonly lasts: readonly boolean[];
}

/** The snapshots, parents before their children. Iterative: a chain may be thousands deep. */
export function treeRows(forest: readonly SnapshotNode[]): readonly TreeRow[] {
  const rows: TreeRow[] = [];
  const open: TreeRow[] = [];
  const push = (nodes: readonly SnapshotNode[], depth: number, lasts: readonly boolean[]): void => {
    for (let index = nodes.length - 1; index >= 0; index -= 1) {
      const node = nodes[index];
      if (node) open.push({ node, depth, lasts: [...lasts.slice(-deepestDrawn), index === nodes.length - 1] });
    }
  };
  push(forest, 0, []);
  for (let row = open.pop(); row; row = open.pop()) {
    rows.push(row);
    push(row.node.children, row.depth + 1, row.lasts);
  }
  return rows;
}

/** Deeper than this the lines begin at the left again behind a number: nobody can follow a hundred columns of them. */
const deepestDrawn = 24;

interface Strokes {
  readonly branch: string;
  readonly last: string;
  readonly through: string;
  readonly blank: string;
  readonly here: string;
}

const lines: Strokes = { branch: '├─ ', last: '└─ ', through: '│  ', blank: '   ', here: '● ' };
const ascii: Strokes = { branch: '|- ', last: '`- ', through: '|  ', blank: '   ', here: '* ' };

function prefix({ depth, lasts }: Pick<TreeRow, 'depth' | 'lasts'>, strokes: Strokes): string {
  const drawn = lasts.slice(-deepestDrawn);
  const hidden = depth + 1 - drawn.length;
  const own = drawn.at(-1) === true ? strokes.last : strokes.branch;
  const above = drawn.slice(0, -1).map((last) => (last ? strokes.blank : strokes.through));
  return `${hidden > 0 ? `(${hidden} deeper) ` : ''}${above.join('')}${own}`;
}

const lackWords: Readonly<Record<Problem['severity'], string>> = {
  error: 'lacks what it needs',
  warning: 'may lack what it needs',
};

const wornWords = { writtenSince: 'the disks were written to since', running: 'of no use while the VM runs' } as const;

function snapshotCells(snapshot: Snapshot, lack: Problem['severity'] | null, paint: Paint): readonly Cell[] {
  const { kind, vmState, memory, createdAt } = snapshot;
  return [
    { text: kind },
    { text: `${stateWords[vmState]}${memory.kind === 'none' ? '' : ', with memory'}` },
    { text: utc(createdAt), paint: (text) => paint('dim', text) },
    ...(lack === null
      ? []
      : [{ text: lackWords[lack], paint: (text: string) => paint(lack === 'error' ? 'red' : 'yellow', text) }]),
  ];
}

/**
 * The lines of a tree. The present state stands below the snapshot that it comes from.
 *
 * @param lackOf how bad what a snapshot lacks for a revert is; null: nothing
 * @param points memory that was saved since the snapshot that the present state comes from
 */
export function treeLines(
  vm: Pick<ReadableVm, 'snapshots' | 'currentSnapshotId'> & Parameters<typeof presentStateWords>[0],
  look: { readonly paint: Paint; readonly unicode: boolean },
  lackOf: (snapshot: Snapshot) => Problem['severity'] | null = () => null,
  points: readonly RestorePoint[] = [],
): readonly string[] {
  const { paint, unicode } = look;
  const strokes = unicode ? lines : ascii;
  const here = (text: string): Cell => ({ text, paint: (plain) => paint('green', plain) });
  const present = (before: string): (readonly Cell[])[] => [
    ...points.map((point): readonly Cell[] => [
      { text: `${before}${shown(point.file ?? 'managed save')}` },
      { text: 'memory' },
      { text: '' },
      { text: utc(point.savedAt), paint: (text) => paint('dim', text) },
      ...(point.worn === null ? [] : [{ text: wornWords[point.worn] }]),
    ]),
    [here(`${before}${strokes.here}the present state (${presentStateWords(vm)})`)],
  ];
  const rows = treeRows(snapshotForest(vm.snapshots));
  const found = rows.some(({ node }) => node.snapshot.id === vm.currentSnapshotId);
  const cells = rows.flatMap((row): (readonly Cell[])[] => {
    const { node, depth, lasts } = row;
    const { snapshot, oddity } = node;
    const current = snapshot.id === vm.currentSnapshotId;
    const odd =
      oddity === null ? '' : oddity === 'cycle' ? ' (its parents run in a circle)' : ' (its parent has no record)';
    const own: Cell = {
      text: `${prefix(row, strokes)}${shown(snapshot.name)}${odd}`,
      ...(current ? { paint: (text: string) => paint('bold', text) } : {}),
    };
    const line = [own, ...snapshotCells(snapshot, lackOf(snapshot), paint)];
    if (!current) return [line];
    const below = { depth: depth + 1, lasts: [...lasts, node.children.length === 0] };
    return [line, ...present(prefix(below, strokes))];
  });
  return tableLines(found ? cells : [...cells, ...present('')]);
}
