import { describe, expect, it } from 'vitest';
import { disk, vm } from '../../shared/model/inventory.fixtures.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import { worstOf } from '../../shared/rules/findings/problems.ts';
import { problemCount, problemsByVm, problemsOf } from './vm-problems.ts';

const warning = { severity: 'warning', message: 'w' } as const;
const error = { severity: 'error', message: 'e' } as const;

const broken = vm({ uuid: 'broken', disks: [disk('vda', '/gone')], problems: [warning] });
const unreadable = { readable: false, uuid: 'unreadable', name: null, reason: 'r' } as const;
const inventory: Inventory = {
  hypervisor: { kind: 'libvirt', version: null, emulator: null, capabilities: [] },
  hostName: 'h',
  readAt: 1,
  vms: [vm({ uuid: 'whole', disks: [] }), broken, unreadable],
  images: [],
  filesystems: [],
  unknownDependents: [],
  problems: [],
};

describe('problems of VMs', () => {
  it('has an entry for what has problems only, with broken chains first', () => {
    expect([...problemsByVm(inventory).keys()]).toEqual(['broken']);
    expect(problemsOf(inventory, broken).map(({ severity }) => severity)).toEqual(['error', 'warning']);
    expect(problemsOf(inventory, unreadable)).toEqual([]);
    expect(problemsOf(null, broken)).toEqual([]);
  });

  it('calls them by the graver', () => {
    expect(worstOf([])).toBeNull();
    expect(worstOf([warning, error])).toBe('error');
    expect(problemCount([warning])).toBe('1 warning');
    expect(problemCount([warning, error])).toBe('2 problems');
  });
});
