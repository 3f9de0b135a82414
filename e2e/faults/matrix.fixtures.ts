/** The matrix of faults: every procedure, with everything that goes wrong, at every moment of it. Pure. */
import type { Resolution } from '../../shared/model/operation.ts';
import type { Plan, PlanStep } from '../../shared/model/plan.ts';

export const faultWords = {
  sshCut: 'the SSH connection is cut',
  snaptreeKilled: 'Snaptree is killed with SIGKILL',
  libvirtdRestarted: 'libvirtd is killed and started anew',
  qemuKilled: 'QEMU is killed with SIGKILL',
  stepKilled: 'the command of the step is killed with SIGKILL',
  storageFull: 'the storage of the images is full',
  hostFull: 'every file system of the host is full',
  clockJump: 'the clocks of the host and of Snaptree jump',
  permissionDenied: 'QEMU may not open what is in the folder of the images',
  secondAdministrator: 'a second administrator changes the VM',
  startedTwice: 'the same is begun a second time',
  journalFlipped: 'a bit of the journal is flipped',
} as const;
export type FaultKind = keyof typeof faultWords;
export const faultKinds = Object.keys(faultWords) as readonly FaultKind[];

/**
 * A moment of an operation. before: the journal says that the step begins, and nothing of it is on the host. begun: its command runs, and
 * has not asked the hypervisor for anything that changes something. effected: that has been done, and its command has not ended. copying: in
 * the middle of what takes long. end: all steps are done, and the operation has not ended.
 */
export interface Moment {
  readonly when: 'before' | 'begun' | 'effected' | 'copying' | 'end';
  readonly step: number;
}

export interface Point {
  readonly fault: FaultKind;
  readonly moment: Moment;
}

/** A point of a procedure, and what its user takes of what is offered then; null: the first. */
export interface Cell extends Point {
  readonly procedure: string;
  readonly choice: Resolution | null;
}

/** The moments that a procedure has. Those of steps that are run only where something failed come with other faults. */
function momentsOf({ steps }: Pick<Plan, 'steps'>): readonly Moment[] {
  const ordinary = steps.filter(({ runs }) => runs === 'inOrder');
  const last = ordinary.at(-1)?.index ?? 0;
  return [...ordinary.flatMap((step) => momentsOfStep(step)), { when: 'end', step: last }];
}

function momentsOfStep({ index: step, onlyLooks, cancellation, argv }: PlanStep): readonly Moment[] {
  if (onlyLooks === true) return [{ when: 'before', step }];
  return [
    { when: 'before', step },
    { when: 'begun', step },
    ...(cancellation === 'abort' && argv.includes('snaptree-merge') ? [{ when: 'copying', step } as const] : []),
    { when: 'effected', step },
  ];
}

/** What can happen then. What there is nothing to do to is left out: no QEMU runs. */
export function pointsOf(
  plan: Pick<Plan, 'steps'>,
  isRunning: boolean,
  faults: readonly FaultKind[],
): readonly Point[] {
  return faults.flatMap((fault) =>
    momentsOf(plan)
      .filter(({ when }) => isThere(fault, when, isRunning))
      .map((moment) => ({ fault, moment })),
  );
}

function isThere(fault: FaultKind, when: Moment['when'], isRunning: boolean): boolean {
  if (fault === 'stepKilled') return when !== 'before' && when !== 'end';
  return fault !== 'qemuKilled' || isRunning || when === 'copying';
}

export const momentText = ({ when, step }: Moment): string => `${when}:${step}`;

/** @throws for what is none, in words */
export function momentFrom(text: string): Moment {
  const [, when, step] = /^(before|begun|effected|copying|end):(\d+)$/.exec(text) ?? [];
  if (when === undefined) throw new Error(`“${text}” is no moment, such as before:0, begun:2, copying:2 or end:3.`);
  return { when: when as Moment['when'], step: Number(step) };
}

export function cellText({ procedure, fault, moment, choice }: Cell): string {
  return `${procedure}: ${faultWords[fault]} (${momentText(moment)})${choice === null ? '' : `, ${choice}`}`;
}

/** How a cell is run again. */
export function againText({ procedure, fault, moment, choice }: Cell, version: string): string {
  const chosen = choice === null ? '' : ` --choice ${choice}`;
  return `npm run test:faults -- --libvirt ${version} --procedure ${procedure} --fault ${fault} --moment ${momentText(moment)}${chosen}`;
}

export interface CellResult {
  readonly cell: Cell;
  /** There was no such moment: the step did not ask the hypervisor for anything. Nothing was tried. */
  readonly isMissing: boolean;
  /** How the operation ended, and what was chosen before. */
  readonly state: string;
  readonly chosen: readonly string[];
  /** What was offered when it came to rest the first time. */
  readonly offered: readonly Resolution[];
  /** In sentences; empty where all is well. */
  readonly lost: readonly string[];
  readonly notStartable: readonly string[];
  /** What stands in the way of anything more, or is said wrongly. */
  readonly stuck: readonly string[];
  /** What became of the same procedure, planned again afterwards; '' where it had succeeded. */
  readonly again: string;
  readonly seconds: number;
}

export const isWell = ({ lost, notStartable, stuck }: CellResult): boolean =>
  lost.length + notStartable.length + stuck.length === 0;

/** In another order with each seed. */
export function shuffled<Item>(items: readonly Item[], seed: number): readonly Item[] {
  return items
    .map((item, index) => ({ item, key: scrambled(seed * 7919 + index) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/**
 * In an order in which each procedure with each fault comes once before any comes twice, with moments that each seed chooses anew: however
 * few are run of them, they are spread over all there is.
 */
export function inTurn<Each extends Cell>(cells: readonly Each[], seed: number): readonly Each[] {
  const groups = new Map<string, number>();
  return shuffled(cells, seed)
    .map((cell, index) => {
      const group = `${cell.procedure} ${cell.fault}`;
      const round = groups.get(group) ?? 0;
      groups.set(group, round + 1);
      return { cell, round, index };
    })
    .sort((a, b) => a.round - b.round || a.index - b.index)
    .map(({ cell }) => cell);
}

/** A number that seems to have nothing to do with the given one (the finalizer of MurmurHash3). */
export function scrambled(number: number): number {
  let found = number >>> 0;
  found = Math.imul(found ^ (found >>> 16), 0x85ebca6b);
  found = Math.imul(found ^ (found >>> 13), 0xc2b2ae35);
  return (found ^ (found >>> 16)) >>> 0;
}

/**
 * A row for each procedure: how many points were tried, and what became of them.
 *
 * @param notJudged cells that came to no verdict, because their test itself failed
 */
export function tableText(results: readonly CellResult[], notJudged: readonly Cell[]): string {
  const tried = results.filter(({ isMissing }) => !isMissing);
  const procedures = [...new Set([...tried.map(({ cell }) => cell), ...notJudged].map(({ procedure }) => procedure))];
  const rows = [...procedures.map((name) => [name, name] as const), ['all', null] as const].map(([title, name]) => {
    const own = tried.filter(({ cell }) => name === null || cell.procedure === name);
    const points = new Set(own.map(({ cell }) => `${cell.procedure} ${cell.fault} ${momentText(cell.moment)}`));
    const count = (is: (result: CellResult) => boolean) => own.filter(is).length;
    return [
      title,
      String(points.size),
      String(own.length),
      `${count(({ lost }) => lost.length === 0)}/${own.length}`,
      `${count(({ notStartable }) => notStartable.length === 0)}/${own.length}`,
      String(count(({ chosen }) => chosen.length === 0)),
      String(count(({ chosen }) => chosen.length > 0)),
      String(count(({ lost }) => lost.length > 0)),
      String(count(({ stuck }) => stuck.length > 0)),
      String(notJudged.filter(({ procedure }) => name === null || procedure === name).length),
    ];
  });
  const outcomes = ['data intact', 'startable', 'by itself', 'by offer', 'lost', 'stuck', 'not judged'];
  const head = ['procedure', 'points', 'runs', ...outcomes];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ');
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
