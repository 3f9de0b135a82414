import type { Vm } from '../../shared/model/inventory.ts';
import { Chip } from '../design/Chip.tsx';
import { visibleString } from '../../shared/rules/visible-text.ts';
import { vmAppearance } from './vm-state.ts';

/** A VM's state as a chip: icon and word. The reason, where the hypervisor gave one, is its title. */
export function VmStateLabel({ vm }: { readonly vm: Vm }) {
  const { word, icon: Icon, tone } = vmAppearance(vm);
  const reason = vm.readable ? vm.stateReason : vm.reason;
  return (
    <Chip tone={tone} icon={<Icon size={11} aria-hidden />} title={reason === null ? undefined : visibleString(reason)}>
      {word}
    </Chip>
  );
}
