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
import type { Examination, Operation, OperationState, StepState } from '../../shared/model/operation.ts';
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

/** Steps done, of all. */
export function progressOf(operation: Operation): { readonly done: number; readonly all: number } {
  return {
    done: operation.steps.filter((step) => step.state === 'done').length,
    all: operation.plan.steps.length,
  };
}
