import { classes } from '../design/classes.ts';
import styles from './LaneGraph.module.css';
import { laneX, passingLines, type LaneMetrics } from './lane-metrics.ts';
import type { TreeRow } from './layout.ts';

const css = classes(styles);

/** The lanes of one row: what passes, what comes from above, the node, what goes on below. Says nothing to a reader. */
export function LaneGraph({
  row,
  metrics,
  height,
}: {
  readonly row: TreeRow;
  readonly metrics: LaneMetrics;
  readonly height: number;
}) {
  const middle = height / 2;
  const x = laneX(row.lane, metrics);
  const width = x + 9;
  const fromX = row.parentLane === null ? null : laneX(row.parentLane, metrics);
  const radius = 4.5;
  const lines = passingLines(row.passing, metrics).map((line) => ({
    d: `M${line.x} 0V${height}`,
    onPath: line.onPath,
  }));
  if (fromX !== null) lines.push({ d: lineFrom(fromX, x, middle), onPath: row.onPath });
  if (row.hasLineBelow) lines.push({ d: `M${x} ${middle}V${height}`, onPath: row.childOnPath });
  return (
    <svg className={css('graph')} width={width} height={height} aria-hidden>
      {lines
        .sort((a, b) => Number(a.onPath) - Number(b.onPath))
        .map((line, index) => (
          <path key={index} className={css('line', line.onPath && 'onPath')} d={line.d} />
        ))}
      <NodeShape row={row} x={x} y={middle} radius={radius} />
    </svg>
  );
}

/** From the top of the row down its parent's lane, round a corner where that is another lane, to the node. */
function lineFrom(fromX: number, x: number, middle: number): string {
  const bend = Math.min(8, x - fromX);
  return fromX === x
    ? `M${x} 0V${middle}`
    : `M${fromX} 0V${middle - bend}Q${fromX} ${middle} ${fromX + bend} ${middle}H${x}`;
}

/** A circle for internal, a square for external, a diamond for other kinds, a ring for "you are here", a point for saved memory. */
function NodeShape({
  row,
  x,
  y,
  radius,
}: {
  readonly row: TreeRow;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}) {
  if (row.point) return <circle className={css('hereDot')} cx={x} cy={y} r={3} />;
  if (!row.snapshot) {
    return (
      <>
        <circle className={css('hereRing')} cx={x} cy={y} r={radius + 1.5} />
        <circle className={css('hereDot')} cx={x} cy={y} r={2.5} />
      </>
    );
  }
  const className = css('node', row.onPath && 'onPath');
  switch (row.snapshot.kind) {
    case 'internal':
      return <circle className={className} cx={x} cy={y} r={radius} />;
    case 'external':
      return <rect className={className} x={x - 4} y={y - 4} width={8} height={8} rx={1} />;
    case 'mixed':
    case 'volume':
    case 'copy':
    case 'unknown':
      return <path className={className} d={`M${x} ${y - 5.5}L${x + 5.5} ${y}L${x} ${y + 5.5}L${x - 5.5} ${y}Z`} />;
  }
}
