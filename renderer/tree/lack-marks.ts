/** Which snapshots of a VM lack something that a revert needs, for the rows of its tree. Pure. */
import type { Image, Problem, ReadableVm } from '../../shared/model/inventory.ts';
import { lacksOf } from '../../shared/rules/snapshots/snapshot-lacks.ts';
import { worstOf } from '../../shared/rules/findings/problems.ts';
import { imageIndex } from '../store/selectors.ts';

export interface LackMark {
  /** A warning: it may lack something. */
  readonly severity: Problem['severity'];
  /** What it lacks, in sentences. */
  readonly words: string;
}

/** By the id of the snapshot. */
export type LackMarks = ReadonlyMap<string, LackMark>;

export const noMarks: LackMarks = new Map();

/** The last answer for a list of snapshots: images are other ones with every reading, and what snapshots lack is mostly the same. */
const known = new WeakMap<ReadableVm['snapshots'], { readonly images: readonly Image[]; readonly marks: LackMarks }>();

/** The marks of these snapshots: the same object for as long as they say the same. */
export function lackMarks(snapshots: ReadableVm['snapshots'], images: readonly Image[] | undefined): LackMarks {
  if (!images) return noMarks;
  const before = known.get(snapshots);
  if (before?.images === images) return before.marks;
  const found = marksOf(snapshots, images);
  const marks = areSameMarks(before?.marks ?? noMarks, found) ? (before?.marks ?? noMarks) : found;
  known.set(snapshots, { images, marks });
  return marks;
}

function marksOf(snapshots: ReadableVm['snapshots'], images: readonly Image[]): LackMarks {
  const byId = imageIndex(images);
  const marks = new Map<string, LackMark>();
  for (const snapshot of snapshots) {
    const lacks = lacksOf(snapshot, byId);
    const severity = worstOf(lacks);
    const [first] = lacks.toSorted((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
    if (!first || severity === null) continue;
    const more = lacks.length === 1 ? '' : ` And ${lacks.length - 1} more.`;
    marks.set(snapshot.id, { severity, words: `${first.message}${more}` });
  }
  return marks;
}

export function isSameMark(a: LackMark | null, b: LackMark | null): boolean {
  return a?.severity === b?.severity && a?.words === b?.words;
}

function areSameMarks(a: LackMarks, b: LackMarks): boolean {
  return a.size === b.size && [...b].every(([id, mark]) => isSameMark(a.get(id) ?? null, mark));
}
