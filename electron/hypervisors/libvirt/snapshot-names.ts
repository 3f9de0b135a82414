/**
 * Telling snapshot names apart in `virsh snapshot-list --name`, where a name with line breaks looks like several names.
 *
 * A line that is a snapshot by itself and stands there once is that snapshot, since the list holds every snapshot once.
 * All other lines belong together with neighbours of their kind. Which joins of them exist was asked on the host (`awkLookups`).
 */

/** Names of more lines than this are not looked for; `awkLookups` has the same bound. */
const maximumLinesOfName = 8;
const maximumSteps = 100_000;

export interface NameResolution {
  /** Names that are snapshots, in the order of the list. Complete only where `isClear`. */
  readonly names: readonly string[];
  /** Whether there is exactly one way to read the list. */
  readonly isClear: boolean;
}

/** The lines of a list. */
export function listLines(listing: string): readonly string[] {
  const lines = listing.split('\n');
  // Every name is followed by a line break; what comes behind the last one is not a line.
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/**
 * Reads the list: the one partition of its lines in which every segment is an existing and distinct snapshot.
 * Where there is none or there are several with different names, `isClear` is false and `names` holds every segment that
 * exists, so that nothing known is left out.
 */
export function resolveNames(lines: readonly string[], exists: (name: string) => boolean): NameResolution {
  const names: string[] = [];
  let isClear = true;
  let done = 0;
  for (const { start, end } of doubtfulRuns(lines, exists)) {
    names.push(...lines.slice(done, start));
    const partition = onlyPartition(lines.slice(start, end), exists);
    if (partition) names.push(...partition);
    else {
      isClear = false;
      names.push(...existingSegments(lines.slice(start, end), exists));
    }
    done = end;
  }
  names.push(...lines.slice(done));
  const distinct = new Set(names);
  return { names: [...distinct], isClear: isClear && distinct.size === names.length };
}

interface Run {
  readonly start: number;
  /** The index behind the last line. */
  readonly end: number;
}

function doubtfulRuns(lines: readonly string[], exists: (name: string) => boolean): readonly Run[] {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  const runs: { start: number; end: number }[] = [];
  for (const [index, line] of lines.entries()) {
    if (line !== '' && counts.get(line) === 1 && exists(line)) continue;
    const last = runs.at(-1);
    if (last?.end === index) last.end = index + 1;
    else runs.push({ start: index, end: index + 1 });
  }
  return runs;
}

/** The partition of `lines`, or null where there is none, several that differ in their names, or no end of trying. */
function onlyPartition(lines: readonly string[], exists: (name: string) => boolean): readonly string[] | null {
  const found: (readonly string[])[] = [];
  let steps = 0;
  const chosen: string[] = [];
  const place = (from: number): void => {
    if (found.length > 1 || ++steps > maximumSteps) return;
    if (from === lines.length) {
      const isKnown = found.some((other) => new Set([...other, ...chosen]).size === other.length);
      if (!isKnown) found.push([...chosen]);
      return;
    }
    for (let to = from + 1; to <= Math.min(lines.length, from + maximumLinesOfName); to++) {
      const segment = lines.slice(from, to).join('\n');
      if (segment === '' || chosen.includes(segment) || !exists(segment)) continue;
      chosen.push(segment);
      place(to);
      chosen.pop();
    }
  };
  place(0);
  return found.length === 1 && steps <= maximumSteps ? (found[0] ?? null) : null;
}

function existingSegments(lines: readonly string[], exists: (name: string) => boolean): readonly string[] {
  return lines.flatMap((_, from) =>
    Array.from({ length: Math.min(maximumLinesOfName, lines.length - from) }, (_unused, extra) =>
      lines.slice(from, from + extra + 1).join('\n'),
    ).filter((segment) => segment !== '' && exists(segment)),
  );
}
