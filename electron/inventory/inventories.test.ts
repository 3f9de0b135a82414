import { describe, expect, it } from 'vitest';
import { inventory } from '../../shared/model/inventory.fixtures.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import { createLog } from '../base/log.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import type { HypervisorDriver } from '../hypervisors/driver.ts';
import { createInventories } from './inventories.ts';
import { fewestPlaces } from './reading-turns.ts';

/** Lets everything go on that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Hosts that have what `now` gives, or that never answer. */
function inventoriesOf(now: (hostId: string) => Inventory | null) {
  const asked: string[] = [];
  const read: HypervisorDriver['read'] = async (runner) => {
    await runner.runScript({ script: '', title: '' });
    return now(runner.hostName) ?? inventory([], []);
  };
  const driver: HypervisorDriver = {
    kind: 'libvirt',
    read,
    createMemory: () => ({ kind: 'libvirt' }),
    poll: async (runner) => ({ inventory: await read(runner, { priority: 'poll' }), hasChanged: true }),
    probe: () => Promise.reject(new Error('not asked')),
    probeStages: [],
    remedyFor: () => null,
    plan: () => {
      throw new Error('not asked');
    },
  };
  const runnerFor = (hostName: string): CommandRunner => {
    const answer: CommandRunner['run'] = () => {
      asked.push(hostName);
      const result = { exitCode: 0, signal: null, stdout: '', stderr: '', failure: null };
      return now(hostName) === null ? new Promise(() => undefined) : Promise.resolve(result);
    };
    return { hostName, run: answer, runScript: () => answer({ argv: [] }), follow: () => answer({ argv: [] }) };
  };
  return {
    asked,
    inventories: createInventories({
      runnerFor,
      driverFor: () => driver,
      clock: () => 0,
      timers: { schedule: () => () => undefined, random: () => 0 },
      log: createLog({ level: 'silent' }),
    }),
  };
}

describe('inventories', () => {
  it('have what is read to be shown take turns, and never what a plan is made from', async () => {
    const { inventories, asked } = inventoriesOf(() => null);
    const hosts = Array.from({ length: 2 * fewestPlaces }, (_, index) => `host${index}`);
    for (const host of hosts) void inventories.refresh(host);
    await settle();
    expect(asked).toEqual(hosts.slice(0, fewestPlaces));
    void inventories.read('planned');
    expect(asked.at(-1)).toBe('planned');
  });
});
