/** What an operation or a step is doing, in a word, a shape and a tone. */
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleQuestionMark,
  CircleX,
  LoaderCircle,
  Minus,
  type LucideIcon,
} from 'lucide-react';
import type { Batch, BatchItem } from '../../shared/model/batch.ts';
import type { Examination, Operation, OperationState, StepState } from '../../shared/model/operation.ts';
import { batchItemWords } from '../../shared/rules/operations/batch-words.ts';
import type { Tone } from '../design/Chip.tsx';

export interface Appearance {
  readonly word: string;
  readonly icon: LucideIcon;
  readonly tone: Tone;
  readonly spins: boolean;
}

/** Shape and tone by what it means, whatever it is of; the word is the usual one. */
const looks = {
  waiting: { word: 'waiting', icon: CircleDashed, tone: 'neutral', spins: false },
  running: { word: 'running', icon: LoaderCircle, tone: 'accent', spins: true },
  done: { word: 'done', icon: CircleCheck, tone: 'success', spins: false },
  failed: { word: 'failed', icon: CircleX, tone: 'danger', spins: false },
  cancelled: { word: 'cancelled', icon: Ban, tone: 'neutral', spins: false },
  unknown: { word: 'outcome unknown', icon: CircleQuestionMark, tone: 'warning', spins: false },
  notRun: { word: 'not run', icon: Minus, tone: 'neutral', spins: false },
} as const satisfies Record<string, Appearance>;

const operationStates: Readonly<Record<OperationState, Appearance>> = {
  preparing: { ...looks.running, word: 'preparing' },
  running: looks.running,
  verifying: { ...looks.running, word: 'verifying' },
  succeeded: looks.done,
  failed: looks.failed,
  cancelled: looks.cancelled,
  interrupted: { ...looks.unknown, word: 'interrupted, outcome unknown' },
  forgotten: { ...looks.notRun, word: 'interrupted, forgotten' },
};

const stepStates: Readonly<Record<StepState, Appearance>> = {
  waiting: looks.waiting,
  running: looks.running,
  done: looks.done,
  failed: looks.failed,
  cancelled: looks.cancelled,
  unknown: looks.unknown,
  skipped: looks.notRun,
};

const batchStates: Readonly<Record<Batch['state'], Appearance>> = {
  running: looks.running,
  stopping: { ...looks.running, word: 'cancelling', tone: 'warning' },
  interrupted: { ...looks.unknown, word: 'interrupted' },
  succeeded: looks.done,
  incomplete: { ...looks.failed, word: 'done in part' },
  cancelled: looks.cancelled,
  forgotten: { ...looks.notRun, word: 'interrupted, forgotten' },
};

const batchItemLooks: Readonly<Record<BatchItem['state'], Appearance>> = {
  waiting: looks.waiting,
  running: looks.running,
  succeeded: looks.done,
  failed: looks.failed,
  interrupted: looks.unknown,
  notRun: looks.notRun,
};

export const findingWords: Readonly<Record<Examination['finding'], string>> = {
  completed: 'It was completed',
  notStarted: 'It was not started',
  partlyDone: 'It is partly done',
  stillRunning: 'It is still running on the host',
  unclear: 'It cannot be told what became of it',
};

export function operationAppearance(state: OperationState): Appearance {
  return operationStates[state];
}

export function stepAppearance(state: StepState): Appearance {
  return stepStates[state];
}

export function batchAppearance(state: Batch['state']): Appearance {
  return batchStates[state];
}

export function batchItemAppearance(state: BatchItem['state']): Appearance {
  return { ...batchItemLooks[state], word: batchItemWords[state] };
}

/** Steps done, of all. */
export function progressOf(operation: Operation): { readonly done: number; readonly all: number } {
  return {
    done: operation.steps.filter((step) => step.state === 'done').length,
    all: operation.plan.steps.length,
  };
}
