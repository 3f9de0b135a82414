import type { LucideIcon } from 'lucide-react';
import { memo } from 'react';
import type { Vm } from '../../shared/model/inventory.ts';
import { Chip, type Tone } from '../design/Chip.tsx';
import { visibleString } from '../../shared/rules/visible-text.ts';
import { vmAppearance } from './vm-state.ts';

/** A VM's state as a chip: icon and word. The reason, where the hypervisor gave one, is its title. */
export function VmStateLabel({ vm }: { readonly vm: Vm }) {
  const { word, icon, tone } = vmAppearance(vm);
  return <StateChip word={word} icon={icon} tone={tone} reason={vm.readable ? vm.stateReason : vm.reason} />;
}

/** By what it says: a VM that was read again is another object. */
const StateChip = memo(function StateChip({
  word,
  icon: Icon,
  tone,
  reason,
}: {
  readonly word: string;
  readonly icon: LucideIcon;
  readonly tone: Tone;
  readonly reason: string | null;
}) {
  return (
    <Chip tone={tone} icon={<Icon size={11} aria-hidden />} title={reason === null ? undefined : visibleString(reason)}>
      {word}
    </Chip>
  );
});
