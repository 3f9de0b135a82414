import { expect, it } from 'vitest';
import { inventory } from '../../shared/model/inventory.fixtures.ts';
import type { HostMemory, HypervisorDriver } from '../hypervisors/driver.ts';
import { createInventories } from './inventories.ts';

const empty = inventory([], []);
const quiet = () => undefined;
const notUsed = () => {
  throw new Error('not used');
};

/** Inventories over a driver that answers when it is told to. */
function scene() {
  const memories: HostMemory[] = [];
  const answers: (() => void)[] = [];
  let watched = 0;
  const driver: HypervisorDriver = {
    kind: 'libvirt',
    probe: notUsed,
    probeStages: [],
    remedyFor: notUsed,
    plan: notUsed,
    createMemory: () => ({ kind: 'libvirt' }),
    read: (_runner, { memory }) => {
      if (memory) memories.push(memory);
      const { promise, resolve } = Promise.withResolvers<typeof empty>();
      answers.push(() => {
        resolve({ ...empty, readAt: answers.length });
      });
      return promise;
    },
    poll: () => new Promise(quiet),
    watch: () => {
      watched += 1;
      return new Promise(quiet);
    },
  };
  const inventories = createInventories({
    runnerFor: () => ({ run: notUsed, runScript: notUsed, hostName: 'host' }) as never,
    driverFor: () => driver,
    clock: () => 1000,
    timers: { schedule: () => quiet, random: () => 0 },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  const read = async () => {
    const reading = inventories.read('a');
    answers.at(-1)?.();
    await reading;
  };
  return { inventories, memories, answers, read, watched: () => watched };
}

it('shows nothing of a host whose settings lead elsewhere now, until that was read', async () => {
  const { inventories, memories, read, answers } = scene();
  await read();
  const late = inventories.read('a');
  const told: unknown[] = [];
  inventories.onChange((hostId) => told.push(inventories.state(hostId).inventory));
  inventories.startOver('a');
  expect(told).toEqual([null]);
  // What was still being read is of the place before.
  answers.at(-1)?.();
  await late;
  expect(inventories.state('a').inventory).toBeNull();
  await read();
  expect(inventories.state('a').inventory).not.toBeNull();
  const [before, , after] = memories;
  expect(after).not.toBe(before);
});

it('watches the new place where the one before was watched, and not where it was not', async () => {
  const { inventories, read, watched } = scene();
  await read();
  inventories.startOver('a');
  expect(watched()).toBe(0);
  inventories.watch('a');
  inventories.startOver('a');
  expect(watched()).toBe(2);
  inventories.close();
});
