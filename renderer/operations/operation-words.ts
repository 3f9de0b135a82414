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

interface Appearance {
  readonly word: string;
  readonly icon: LucideIcon;
  readonly tone: Tone;
  readonly spins: boolean;
}

const operationStates: Readonly<Record<OperationState, Appearance>> = {
  preparing: { word: 'preparing', icon: LoaderCircle, tone: 'accent', spins: true },
  running: { word: 'running', icon: LoaderCircle, tone: 'accent', spins: true },
  verifying: { word: 'verifying', icon: LoaderCircle, tone: 'accent', spins: true },
  succeeded: { word: 'done', icon: CircleCheck, tone: 'success', spins: false },
  failed: { word: 'failed', icon: CircleX, tone: 'danger', spins: false },
  cancelled: { word: 'cancelled', icon: Ban, tone: 'neutral', spins: false },
  interrupted: { word: 'interrupted, outcome unknown', icon: CircleQuestionMark, tone: 'warning', spins: false },
  forgotten: { word: 'interrupted, forgotten', icon: Minus, tone: 'neutral', spins: false },
};

const stepStates: Readonly<Record<StepState, Appearance>> = {
  waiting: { word: 'waiting', icon: CircleDashed, tone: 'neutral', spins: false },
  running: { word: 'running', icon: LoaderCircle, tone: 'accent', spins: true },
  done: { word: 'done', icon: CircleCheck, tone: 'success', spins: false },
  failed: { word: 'failed', icon: CircleX, tone: 'danger', spins: false },
  cancelled: { word: 'cancelled', icon: Ban, tone: 'neutral', spins: false },
  unknown: { word: 'outcome unknown', icon: CircleQuestionMark, tone: 'warning', spins: false },
  skipped: { word: 'not run', icon: Minus, tone: 'neutral', spins: false },
};

const batchStates: Readonly<Record<Batch['state'], Appearance>> = {
  running: { word: 'running', icon: LoaderCircle, tone: 'accent', spins: true },
  stopping: { word: 'cancelling', icon: LoaderCircle, tone: 'warning', spins: true },
  interrupted: { word: 'interrupted', icon: CircleQuestionMark, tone: 'warning', spins: false },
  succeeded: { word: 'done', icon: CircleCheck, tone: 'success', spins: false },
  incomplete: { word: 'done in part', icon: CircleX, tone: 'danger', spins: false },
  cancelled: { word: 'cancelled', icon: Ban, tone: 'neutral', spins: false },
  forgotten: { word: 'interrupted, forgotten', icon: Minus, tone: 'neutral', spins: false },
};

const batchItemStates: Readonly<Record<BatchItem['state'], Appearance>> = {
  waiting: { word: batchItemWords.waiting, icon: CircleDashed, tone: 'neutral', spins: false },
  running: { word: batchItemWords.running, icon: LoaderCircle, tone: 'accent', spins: true },
  succeeded: { word: batchItemWords.succeeded, icon: CircleCheck, tone: 'success', spins: false },
  failed: { word: batchItemWords.failed, icon: CircleX, tone: 'danger', spins: false },
  interrupted: { word: batchItemWords.interrupted, icon: CircleQuestionMark, tone: 'warning', spins: false },
  notRun: { word: batchItemWords.notRun, icon: Minus, tone: 'neutral', spins: false },
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
  return batchItemStates[state];
}

/** Steps done, of all. */
export function progressOf(operation: Operation): { readonly done: number; readonly all: number } {
  return {
    done: operation.steps.filter((step) => step.state === 'done').length,
    all: operation.plan.steps.length,
  };
}
