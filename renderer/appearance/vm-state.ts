import { CircleQuestionMark, EyeOff, Moon, OctagonX, Pause, Play, Power, Square, type LucideIcon } from 'lucide-react';
import type { Vm, VmState } from '../../shared/model/inventory.ts';
import type { Tone } from '../design/Chip.tsx';
import { presentStateWords, shortPresentStateWord } from '../../shared/rules/text/state-words.ts';

interface Appearance {
  readonly word: string;
  /** The same in one word, for lists. */
  readonly shortWord: string;
  readonly icon: LucideIcon;
  readonly tone: Tone;
}

const icons: Readonly<Record<VmState, readonly [LucideIcon, Tone]>> = {
  running: [Play, 'success'],
  idle: [Play, 'success'],
  paused: [Pause, 'warning'],
  'shutting-down': [Power, 'warning'],
  shutoff: [Square, 'neutral'],
  crashed: [OctagonX, 'danger'],
  suspended: [Moon, 'neutral'],
  unknown: [CircleQuestionMark, 'warning'],
};

/** The shape of each state. */
export const vmStateIcons = Object.fromEntries(
  Object.entries(icons).map(([state, [icon]]) => [state, icon]),
) as Readonly<Record<VmState, LucideIcon>>;

/** How a VM's state is shown: each has a shape and a word of its own, so that none needs its colour. */
export function vmAppearance(vm: Vm): Appearance {
  if (!vm.readable) return { word: 'unreadable', shortWord: 'unreadable', icon: EyeOff, tone: 'danger' };
  const [icon, tone] = icons[vm.state];
  return { word: presentStateWords(vm), shortWord: shortPresentStateWord(vm), icon, tone };
}
