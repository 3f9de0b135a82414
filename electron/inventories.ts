/** The last inventory of each host, and the reading of new ones. */
import { SnaptreeError } from '../shared/errors.ts';
import type { InventoryState } from '../shared/contract.ts';
import type { Inventory } from '../shared/model/inventory.ts';
import type { CommandRunner } from './hosts/runner.ts';
import type { HypervisorDriver } from './hypervisors/driver.ts';
import type { Log } from './log.ts';
import { createListeners } from './store/listeners.ts';

export interface InventoriesParts {
  /** Throws `hostNotFound`. */
  readonly runnerFor: (hostId: string) => CommandRunner;
  /** Throws `hostNotFound`. */
  readonly driverFor: (hostId: string) => HypervisorDriver;
  /** Seconds since 1970. */
  readonly clock: () => number;
  readonly log: Log;
}

export interface Inventories {
  state(hostId: string): InventoryState;
  /**
   * Reads the host now: a reading that was begun before this call is not good enough where a change is planned or
   * verified. Throws what reading throws; the inventory of before then stays, with the error beside it.
   */
  read(hostId: string, signal?: AbortSignal): Promise<Inventory>;
  /** As `read`, but takes part in a reading that is under way. For showing, not for deciding. */
  refresh(hostId: string): Promise<Inventory>;
  /** Forgets a host that was removed. */
  forget(hostId: string): void;
  /** Called with the host's id whenever its state changed. Gives a function that takes the listener off. */
  onChange(listener: (hostId: string) => void): () => void;
}

interface Entry {
  state: InventoryState;
  /** Readings under way; the newest is last. */
  readings: Promise<Inventory>[];
  /** Numbers readings, so that an old one that ends late does not replace what a newer one found. */
  begun: number;
  shown: number;
}

const unread: InventoryState = { inventory: null, reading: false, error: null, errorAt: null, watching: 'off' };

export function createInventories({ runnerFor, driverFor, clock, log }: InventoriesParts): Inventories {
  const entries = new Map<string, Entry>();
  const changed = createListeners<[string]>();

  function entryOf(hostId: string): Entry {
    const known = entries.get(hostId);
    if (known) return known;
    const entry: Entry = { state: unread, readings: [], begun: 0, shown: 0 };
    entries.set(hostId, entry);
    return entry;
  }

  function show(hostId: string, entry: Entry, state: Partial<InventoryState>): void {
    // A host that was removed meanwhile is not brought back by a reading that ends late.
    if (entries.get(hostId) !== entry) return;
    entry.state = { ...entry.state, ...state };
    changed.call(hostId);
  }

  async function run(hostId: string, entry: Entry, number: number, signal?: AbortSignal): Promise<Inventory> {
    try {
      const options = signal ? { priority: 'user' as const, signal } : { priority: 'user' as const };
      const inventory = await driverFor(hostId).read(runnerFor(hostId), options);
      if (number > entry.shown) {
        entry.shown = number;
        show(hostId, entry, { inventory, error: null, errorAt: null });
      }
      return inventory;
    } catch (error) {
      if (number > entry.shown && !SnaptreeError.is(error, 'cancelled')) {
        entry.shown = number;
        if (!SnaptreeError.is(error)) log.error('Reading a host failed unexpectedly', { hostId, error });
        const said = SnaptreeError.is(error)
          ? error
          : new SnaptreeError('internalError', 'Reading this host failed because of a fault in Snaptree; see its log.');
        show(hostId, entry, { error: said.toData(), errorAt: clock() });
      }
      throw error;
    }
  }

  function read(hostId: string, signal?: AbortSignal): Promise<Inventory> {
    const entry = entryOf(hostId);
    entry.begun += 1;
    const reading = run(hostId, entry, entry.begun, signal).finally(() => {
      entry.readings = entry.readings.filter((other) => other !== reading);
      if (entry.readings.length === 0) show(hostId, entry, { reading: false });
    });
    entry.readings.push(reading);
    show(hostId, entry, { reading: true });
    return reading;
  }

  return {
    state: (hostId) => entries.get(hostId)?.state ?? unread,
    read,
    refresh: (hostId) => entries.get(hostId)?.readings.at(-1) ?? read(hostId),
    forget: (hostId) => {
      entries.delete(hostId);
    },
    onChange: (listener) => changed.add(listener),
  };
}
