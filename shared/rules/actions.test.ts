import { describe, expect, it } from 'vitest';
import type { Snapshot, Vm } from '../model/inventory.ts';
import { actionIds, actionsFor, type ActionContext, type ActionId } from './actions.ts';

const vm = { readable: true } as Vm;
const snapshot = { id: 's' } as Snapshot;
const context: ActionContext = {
  shellConnected: true,
  session: 'connected',
  vm,
  snapshot,
  hasDescendants: true,
  readOnly: false,
  operationRuns: false,
};

const possible = (change: Partial<ActionContext>): readonly ActionId[] =>
  actionsFor({ ...context, ...change })
    .filter((action) => action.reason === null)
    .map((action) => action.id);

describe('actionsFor', () => {
  it('shows every action in every state, each that is not possible with a reason', () => {
    for (const change of [{}, { session: 'failed' as const }, { snapshot: null }, { operationRuns: true }]) {
      const actions = actionsFor({ ...context, ...change });
      expect(actions.map((action) => action.id)).toEqual(actionIds);
      expect(actions.every((action) => action.reason === null || action.reason.length > 0)).toBe(true);
    }
  });

  it('offers what is built for a snapshot of a VM that can be changed', () => {
    expect(possible({})).toEqual([
      'createSnapshot',
      'revertToSnapshot',
      'deleteSnapshot',
      'deleteWithDescendants',
      'report',
    ]);
    expect(possible({ snapshot: null })).toEqual(['createSnapshot', 'report']);
    expect(possible({ hasDescendants: false })).not.toContain('deleteWithDescendants');
  });

  it('offers no change without a connection, for an unreadable VM, on a read-only host, or during an operation', () => {
    expect(possible({ shellConnected: false })).toEqual([]);
    expect(possible({ session: 'disconnected' })).toEqual(['report']);
    expect(possible({ readOnly: true })).toEqual(['report']);
    expect(possible({ vm: { readable: false, uuid: 'u', name: null, reason: 'r' } })).toEqual(['report']);
    expect(possible({ operationRuns: true })).toEqual(['report']);
  });
});
