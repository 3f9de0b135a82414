/** Runs cells of the matrix, one after the other. */
import type { Resolution } from '../../shared/model/operation.ts';
import type { LibvirtVersion } from '../testbeds/places.ts';
import { pointsOn, runCell } from './cell.fixtures.ts';
import { FaultServer } from './fault-host.fixtures.ts';
import {
  againText,
  cellText,
  isWell,
  momentText,
  shuffled,
  inTurn,
  type Cell,
  type CellResult,
  type FaultKind,
  type Moment,
} from './matrix.fixtures.ts';
import type { Procedure } from './procedures.fixtures.ts';

export interface MatrixOptions {
  readonly version: LibvirtVersion;
  readonly procedures: readonly Procedure[];
  readonly faults: readonly FaultKind[];
  /** Null: every moment. */
  readonly moment: Moment | null;
  /** Null: each that is offered, in a run of its own; of a sample one of them. */
  readonly choice: Resolution | null;
  readonly seed: number;
  /** So many cells; null: all. */
  readonly sample: number | null;
  /** Of as many parts one. */
  readonly part: { readonly index: number; readonly of: number };
  readonly minutes: number | null;
  readonly tell: (text: string) => void;
}

export interface MatrixResult {
  readonly results: readonly CellResult[];
  /** Those that came to no verdict. Each of them is a failure as well. */
  readonly notJudged: readonly Cell[];
  /** Each with the words to see it again. */
  readonly failures: readonly string[];
}

const wishes: readonly Resolution[] = ['resume', 'undo', 'forget'];

/** Needs root, and a testbed with that version that is up. */
export async function runMatrix(options: MatrixOptions): Promise<MatrixResult> {
  const { version, sample, part, minutes, tell } = options;
  const server = await FaultServer.start(version);
  const results: CellResult[] = [];
  const notJudged: Cell[] = [];
  const failures: string[] = [];
  /** A step that asks the hypervisor for nothing has none of them, whatever goes wrong. */
  const missing = new Set<string>();
  const end = minutes === null ? Infinity : Date.now() + minutes * 60_000;
  try {
    const cells = await cellsOn(server, options);
    const chosen = cells.filter((_, index) => index % part.of === part.index);
    tell(`${chosen.length} cells`);
    for (const [index, first] of chosen.entries()) {
      if (Date.now() > end) {
        tell(`No time is left for ${chosen.length - index} cells.`);
        break;
      }
      const moment = `${first.procedure} ${momentText(first.moment)}`;
      if (missing.has(moment)) continue;
      const queue: Cell[] = [first];
      for (let cell = queue.shift(); cell; cell = queue.shift()) {
        const result = await run(server, options, cell);
        if ('failure' in result) {
          notJudged.push(cell);
          failures.push(result.failure);
          tell(result.failure);
          continue;
        }
        results.push(result);
        if (result.isMissing) missing.add(moment);
        else tell(line(result));
        if (!isWell(result)) {
          failures.push(failureText(result, version));
          tell(failureText(result, version));
        }
        // What else was offered then.
        if (cell.choice === null && options.choice === null && sample === null)
          queue.push(
            ...result.offered.filter((offer) => offer !== result.chosen[0]).map((choice) => ({ ...first, choice })),
          );
      }
    }
  } finally {
    await server.stop();
  }
  return { results, notJudged, failures };
}

/** In the order in which they are run. For a small sample, plans are made only of the procedures that come into it. */
async function cellsOn(
  server: FaultServer,
  { procedures, faults, moment, choice, sample, seed, tell }: MatrixOptions,
): Promise<readonly Cell[]> {
  const pairs = procedures.flatMap(({ name }) => faults.map((fault) => `${name} ${fault}`));
  const drawn = new Set(shuffled(pairs, seed).slice(0, sample ?? pairs.length));
  const cells: Cell[] = [];
  for (const procedure of procedures) {
    const own = faults.filter((fault) => drawn.has(`${procedure.name} ${fault}`));
    if (own.length === 0) continue;
    const { points, refusal } = await pointsOn(server, procedure, own);
    if (refusal !== null) tell(`${procedure.name} is not to be had on libvirt ${server.version}: ${refusal}`);
    for (const point of points)
      if (moment === null || momentText(moment) === momentText(point.moment)) {
        const one = sample === null ? null : (wishes[(seed + cells.length) % wishes.length] ?? null);
        cells.push({ ...point, procedure: procedure.name, choice: choice ?? one });
      }
  }
  return inTurn(cells, seed).slice(0, sample ?? cells.length);
}

async function run(
  server: FaultServer,
  { procedures, version }: MatrixOptions,
  cell: Cell,
): Promise<CellResult | { readonly failure: string }> {
  const procedure = procedures.find(({ name }) => name === cell.procedure);
  if (!procedure) throw new Error(`There is no procedure ${cell.procedure}.`);
  try {
    return await runCell(server, procedure, cell);
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { failure: `${cellText(cell)} | NOT JUDGED | ${why}\n  Again: ${againText(cell, version)}` };
  }
}

function line({ cell, state, chosen, offered, again, seconds, ...rest }: CellResult): string {
  const how = chosen.length === 0 ? 'by itself' : `${chosen.join(', ')} of ${offered.join('/')}`;
  const well = isWell({ cell, state, chosen, offered, again, seconds, ...rest }) ? 'well' : 'NOT WELL';
  return [
    cellText(cell),
    well,
    state.slice(0, 300).replaceAll('\n', ' '),
    how,
    ...(again === '' ? [] : [`again ${again}`]),
    `${seconds.toFixed(1)} s`,
  ].join(' | ');
}

function failureText({ cell, state, lost, notStartable, stuck }: CellResult, version: string): string {
  return [
    `${cellText(cell)}: ${state}`,
    ...[...lost, ...notStartable, ...stuck].map((text) => `  ${text}`),
    `  Again: ${againText(cell, version)}`,
  ].join('\n');
}
