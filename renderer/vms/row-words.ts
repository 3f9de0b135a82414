/** What a row of the list of hosts and VMs is called, to be searched for and read out. */
import { count } from '../design/format.ts';
import { visibleString } from '../../shared/rules/text/visible-text.ts';
import { fullStorage } from '../appearance/host-problems.ts';
import { sessionAppearance } from '../appearance/session-words.ts';
import type { NavigationRow } from './navigation-rows.ts';
import { problemCount } from '../appearance/vm-problems.ts';
import { vmAppearance } from '../appearance/vm-state.ts';

/** What typing in the list looks for. */
export function textOf(row: NavigationRow): string {
  switch (row.kind) {
    case 'host':
      return row.entry.host.name;
    case 'vm':
      return row.vm.name ?? row.vm.uuid;
    case 'snapshot':
      return row.snapshot.name;
  }
}

/** The row's accessible name. */
export function nameOf(row: NavigationRow): string {
  const name = visibleString(textOf(row));
  switch (row.kind) {
    case 'host':
      return `${name}, ${hostLine(row)}`;
    case 'vm': {
      const snapshots = row.vm.readable ? `, ${count(row.vm.snapshots.length, 'snapshot')}` : '';
      const problems = row.problems.length > 0 ? `, ${problemCount(row.problems)}` : '';
      return `${name}, ${vmAppearance(row.vm).word}${snapshots}${problems}${row.stale ? ', last known' : ''}`;
    }
    case 'snapshot':
      return `Snapshot ${name}`;
  }
}

/** The second line of a host: its session, and how much was read. */
export function hostLine(row: NavigationRow & { kind: 'host' }): string {
  const { host, session } = row.entry;
  const word = `${sessionAppearance(session).word}${host.readOnly ? ', read-only' : ''}`;
  const known = knownLine(row);
  return known === '' ? word : `${word} · ${known}`;
}

/** The same for the eye: that a host is connected its icon says, and the rest has more room. */
export function shortHostLine(row: NavigationRow & { kind: 'host' }): string {
  return (row.entry.session.state === 'connected' && knownLine(row)) || hostLine(row);
}

/** How much was read of a host, and what is wrong with it; empty where nothing was read. */
function knownLine(row: NavigationRow & { kind: 'host' }): string {
  const inventory = row.inventory?.inventory;
  const vms = inventory ? count(inventory.vms.length, 'VM') : '';
  const unreadable = inventory?.vms.filter((vm) => !vm.readable).length ?? 0;
  const state = row.inventory?.reading ? 'reading…' : row.inventory?.error ? 'last reading failed' : '';
  const problems = inventory?.problems ?? [];
  const incomplete = problems.length > 0 ? `, ${problemCount(problems)}` : '';
  const storage = inventory && fullStorage(inventory).length > 0 ? ', storage nearly full' : '';
  const read = `${vms}${unreadable > 0 ? `, ${unreadable} unreadable` : ''}${incomplete}${storage}`;
  return [read, state].filter((part) => part !== '').join(' · ');
}
