/** Whether a row of the list of hosts and VMs looks as before. Of thousands of rows, a reading changes a few. */
import type { Problem, Vm } from '../../shared/model/inventory.ts';
import { vmAppearance } from '../appearance/vm-state.ts';
import { hostLine } from './row-words.ts';
import type { NavigationRow } from './navigation-rows.ts';

export function isSameRow(a: NavigationRow, b: NavigationRow): boolean {
  if (a.level !== b.level || a.positionInSet !== b.positionInSet || a.setSize !== b.setSize) return false;
  if (a.expanded !== b.expanded) return false;
  if (a.kind === 'host') {
    return (
      b.kind === 'host' && a.entry === b.entry && hostLine(a) === hostLine(b) && areSameProblems(a.problems, b.problems)
    );
  }
  if (a.kind === 'vm') {
    return b.kind === 'vm' && a.stale === b.stale && isSameVm(a.vm, b.vm) && areSameProblems(a.problems, b.problems);
  }
  return b.kind === 'snapshot' && a.snapshot.name === b.snapshot.name;
}

function isSameVm(a: Vm, b: Vm): boolean {
  if (a === b) return true;
  if (a.name !== b.name || a.uuid !== b.uuid) return false;
  if (!a.readable || !b.readable) return !a.readable && !b.readable && a.reason === b.reason;
  return vmAppearance(a).word === vmAppearance(b).word && a.snapshots.length === b.snapshots.length;
}

function areSameProblems(a: readonly Problem[], b: readonly Problem[]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every(({ severity, message }, index) => severity === b[index]?.severity && message === b[index].message))
  );
}
