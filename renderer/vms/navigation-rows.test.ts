import { describe, expect, it } from 'vitest';
import { hostWithId } from '../../shared/model/host.fixtures.ts';
import type { InventoryState } from '../../shared/contract.ts';
import type { HostWithSession } from '../../shared/model/host.ts';
import type { ReadableVm, Snapshot, Vm } from '../../shared/model/inventory.ts';
import { vm as madeVm } from '../../shared/model/inventory.fixtures.ts';
import { firstHit, navigationRows } from './navigation-rows.ts';

function snapshot(name: string): Snapshot {
  const rest = { kind: 'internal', vmState: 'running', createdAt: 1, description: '', parentId: null } as const;
  return { ...rest, id: name, name, memory: { kind: 'none' }, disks: [] };
}

const vm = (name: string, snapshots: string[]): ReadableVm =>
  madeVm({ uuid: `uuid of ${name}`, name, disks: [], snapshots: snapshots.map(snapshot) });

function inventory(vms: Vm[]): InventoryState {
  return {
    inventory: {
      hypervisor: { kind: 'libvirt', version: null, emulator: null, capabilities: [] },
      hostName: 'h',
      readAt: 1,
      vms,
      images: [],
      filesystems: [],
      unknownDependents: [],
      problems: [],
    },
    reading: false,
    error: null,
    errorAt: null,
    watching: 'off',
  };
}

function host(id: string, state: 'connected' | 'disconnected'): HostWithSession {
  return {
    host: hostWithId(id),
    session: state === 'connected' ? { state, since: 1 } : { state },
  };
}

const unreadable: Vm = { readable: false, uuid: 'u', name: null, reason: 'r' };
const source = {
  hostIds: ['east', 'west'],
  hosts: { east: host('east', 'connected'), west: host('west', 'disconnected') },
  inventories: { east: inventory([vm('web10', ['before upgrade', 'after']), vm('web9', []), unreadable]) },
  collapsedHosts: new Set<string>(),
  search: '',
};
const shown = (change: Partial<typeof source>) =>
  navigationRows({ ...source, ...change }).map((row) => `${row.level} ${row.key}`);

describe('navigationRows', () => {
  it('lists hosts with their VMs by name, numbers as numbers, unreadable ones among them', () => {
    expect(shown({})).toEqual([
      '1 host:east',
      '2 vm:east/u',
      '2 vm:east/uuid of web9',
      '2 vm:east/uuid of web10',
      '1 host:west',
    ]);
  });

  it('hides the VMs of a collapsed host, but not from a search', () => {
    const collapsedHosts = new Set(['east']);
    expect(shown({ collapsedHosts })).toEqual(['1 host:east', '1 host:west']);
    expect(shown({ collapsedHosts, search: 'WEB9' })).toEqual(['1 host:east', '2 vm:east/uuid of web9']);
  });

  it('finds snapshots by name and shows them below their VM', () => {
    expect(shown({ search: 'upgrade' })).toEqual([
      '1 host:east',
      '2 vm:east/uuid of web10',
      '3 snapshot:east/uuid of web10/before upgrade',
    ]);
  });

  it('shows all VMs of a host whose name is searched for, and nothing where nothing is found', () => {
    expect(shown({ search: 'east' })).toHaveLength(4);
    expect(shown({ search: 'nowhere' })).toEqual([]);
  });

  it('does not reorder the inventory it is given', () => {
    shown({});
    expect(source.inventories.east.inventory?.vms.map(({ uuid }) => uuid)[0]).toBe('uuid of web10');
  });
});

describe('firstHit', () => {
  it.each([
    ['WEB9', 'vm:east/uuid of web9'],
    [' upgrade ', 'snapshot:east/uuid of web10/before upgrade'],
    ['east', 'host:east'],
    ['nowhere', undefined],
  ])('of %j is what holds it itself', (search, key) => {
    expect(firstHit(navigationRows({ ...source, search }), search)?.key).toBe(key);
  });
});
