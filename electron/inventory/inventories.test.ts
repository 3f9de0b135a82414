import { afterEach, describe, expect, it, vi } from 'vitest';
import { subscriptions } from '../../shared/contract.ts';
import type { ServerMessage } from '../../shared/messages.ts';
import { inventoryDeltaSchema } from '../../shared/model/inventory-delta.ts';
import { inventory, vm } from '../../shared/model/inventory.fixtures.ts';
import { inventorySchema, type Inventory } from '../../shared/model/inventory.ts';
import { createLog } from '../base/log.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import type { HypervisorDriver } from '../hypervisors/driver.ts';
import { createRendererLink } from '../ipc/renderer-link.ts';
import { recordingLog, stubHandlers } from '../ipc/stub-handlers.fixtures.ts';
import { createInventories } from './inventories.ts';
import { inventorySubscription } from './inventory-subscription.ts';
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

/** Counts whole VMs that are validated from now on. */
function countValidatedVms(): () => number {
  const validations = [
    vi.spyOn(inventorySchema, 'safeParse'),
    vi.spyOn(inventoryDeltaSchema, 'safeParse'),
    vi.spyOn(subscriptions.inventory.event, 'safeParse'),
  ];
  const validated = () => validations.flatMap(({ mock }) => mock.calls.map(([value]) => JSON.stringify(value)));
  return () => validated().join('').split('"readable":').length - 1;
}

const hostId = '0b6c5d0e-7a53-4d0a-9a53-6f2f3f1c9d11';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('inventories', () => {
  it('validate each VM once, where it comes in, and after that only what differs, whoever watches', async () => {
    const vms = [1, 2, 3].map((digit) => vm({ uuid: `11111111-1111-4111-8111-11111111111${digit}` }));
    let present = inventory(vms, []);
    const { inventories } = inventoriesOf(() => present);
    const validated = countValidatedVms();
    await inventories.refresh(hostId);
    expect(validated()).toBe(vms.length);

    const sent: ServerMessage[][] = [[], []];
    for (const messages of sent) {
      const link = createRendererLink({
        handlers: stubHandlers({ subscriptions: { inventory: inventorySubscription(inventories) } }),
        log: recordingLog().log,
        send: (message) => {
          messages.push(message);
          if (message.type === 'event')
            queueMicrotask(() => {
              link.receive({ type: 'received', id: message.id });
            });
        },
      });
      link.receive({ type: 'subscribe', id: 1, topic: 'inventory', parameters: { hostId } });
    }
    await settle();
    present = inventory([...vms.slice(0, 2), vm({ ...vms[2], title: 'changed' })], []);
    await inventories.refresh(hostId);
    await settle();
    for (const messages of sent) {
      expect(JSON.stringify(messages[0])).toContain(vms[1]?.uuid);
      expect(JSON.stringify(messages.slice(1))).toContain('"title":"changed"');
    }
    expect(validated()).toBe(vms.length);
  });

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
