import { describe, expect, it } from 'vitest';
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import { problemCount, problemsByVm, problemsOf, worstOf } from './vm-problems.ts';

const warning = { severity: 'warning', message: 'w' } as const;
const error = { severity: 'error', message: 'e' } as const;

function vm(uuid: string, change: Partial<ReadableVm>): ReadableVm {
  return {
    readable: true,
    uuid,
    name: uuid,
    state: 'shutoff',
    stateReason: null,
    persistent: true,
    hasManagedSave: false,
    hasNvram: false,
    title: '',
    description: '',
    memoryBytes: null,
    cpuCount: null,
    disks: [],
    snapshots: [],
    currentSnapshotId: null,
    problems: [],
    ...change,
  };
}

const gone = { target: 'vda', device: 'disk', imageId: '/gone', source: '/gone', format: 'qcow2' } as const;
const broken = vm('broken', { disks: [{ ...gone, readOnly: false, shareable: false }], problems: [warning] });
const unreadable = { readable: false, uuid: 'unreadable', name: null, reason: 'r' } as const;
const inventory: Inventory = {
  hypervisor: { kind: 'libvirt', version: null, emulator: null },
  hostName: 'h',
  readAt: 1,
  vms: [vm('whole', {}), broken, unreadable],
  images: [],
  filesystems: [],
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
