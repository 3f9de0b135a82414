import { memo } from 'react';
import type { Vm } from '../../shared/model/inventory.ts';
import { Chip } from '../design/Chip.tsx';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { vmAppearance } from './vm-state.ts';

/**
 * A VM's state as a chip: icon and word. The reason, where the hypervisor gave one, is its title. Drawn again only where
 * it says something else: a VM that was read again is another object.
 */
export const VmStateLabel = memo(
  function VmStateLabel({ vm }: { readonly vm: Vm }) {
    const { word, icon: Icon, tone } = vmAppearance(vm);
    const reason = reasonOf(vm);
    return (
      <Chip
        tone={tone}
        icon={<Icon size={11} aria-hidden />}
        title={reason === null ? undefined : visibleString(reason)}
      >
        {word}
      </Chip>
    );
  },
  ({ vm: before }, { vm: after }) => {
    const [a, b] = [vmAppearance(before), vmAppearance(after)];
    return a.word === b.word && a.icon === b.icon && a.tone === b.tone && reasonOf(before) === reasonOf(after);
  },
);

function reasonOf(vm: Vm): string | null {
  return vm.readable ? vm.stateReason : vm.reason;
}
