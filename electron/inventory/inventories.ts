/** The last inventory of each host, the reading of new ones, and the noticing of changes on connected hosts. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { InventoryState } from '../../shared/contract.ts';
import { inventorySchema, type Inventory } from '../../shared/model/inventory.ts';
import { inventoryDeltaSchema } from '../../shared/model/inventory-delta.ts';
import { inventoryDelta } from '../../shared/rules/inventory/inventory-delta.ts';
import { watchHost } from './host-watch.ts';
import { createReadingTurns } from './reading-turns.ts';
import type { CommandRunner } from '../hosts/commands/runner.ts';
import { systemClock, type Clock } from '../hosts/session.ts';
import type { HostMemory, HypervisorDriver } from '../hypervisors/driver.ts';
import { boundHeap } from '../base/heap.ts';
import type { Log } from '../base/log.ts';
import { createListeners } from '../base/listeners.ts';

export interface InventoriesParts {
  /** Throws `hostNotFound`. */
  readonly runnerFor: (hostId: string) => CommandRunner;
  /** Throws `hostNotFound`. */
  readonly driverFor: (hostId: string) => HypervisorDriver;
  /** Seconds since 1970. */
  readonly clock: () => number;
  /** When to poll; the system's where left out. */
  readonly timers?: Pick<Clock, 'schedule' | 'random'>;
  readonly log: Log;
}

export interface Inventories {
  state(hostId: string): InventoryState;
  /**
   * Reads the host now: a reading that was begun before this call is not good enough where a change is planned or
   * verified, and one that waits for its turn too late. Throws what reading throws; the inventory of before then stays,
   * with the error beside it.
   */
  read(hostId: string, signal?: AbortSignal): Promise<Inventory>;
  /**
   * As `read`, but takes part in a reading that is under way, and takes turns with other hosts (see reading-turns.ts). For
   * showing, not for deciding.
   */
  refresh(hostId: string): Promise<Inventory>;
  /**
   * Begins to notice what others change on a connected host: by polling, and by its own events where it has some. Begins
   * anew where that went on already, as after a reconnect.
   */
  watch(hostId: string): void;
  /** Ends that, also a poll that is under way. For hosts that are no longer connected. */
  unwatch(hostId: string): void;
  /** Forgets what was read of a host whose settings lead elsewhere now, and watches that where it was watched. */
  startOver(hostId: string): void;
  /** Forgets a host that was removed. */
  forget(hostId: string): void;
  /** Ends all watching. */
  close(): void;
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
  /** What the driver remembers for polls. */
  memory: HostMemory | null;
  /** When all of the host was read last. */
  readAllAt: number | null;
  stopWatching: (() => void) | null;
}

interface ReadingOptions {
  /** Whether it takes turns with other hosts. */
  readonly inTurn: boolean;
  readonly priority: 'user' | 'poll';
  readonly signal?: AbortSignal;
}

const unread: InventoryState = { inventory: null, reading: false, error: null, errorAt: null, watching: 'off' };

export function createInventories(parts: InventoriesParts): Inventories {
  const { runnerFor, driverFor, clock, log, timers = systemClock } = parts;
  const entries = new Map<string, Entry>();
  const changed = createListeners<[string]>();
  const turns = createReadingTurns(timers);
  let isClosed = false;

  function entryOf(hostId: string): Entry {
    const known = entries.get(hostId);
    if (known) return known;
    const entry: Entry = {
      state: unread,
      readings: [],
      begun: 0,
      shown: 0,
      memory: null,
      readAllAt: null,
      stopWatching: null,
    };
    entries.set(hostId, entry);
    return entry;
  }

  function show(hostId: string, entry: Entry, state: Partial<InventoryState>): void {
    // A host that was removed meanwhile is not brought back by a reading that ends late.
    if (entries.get(hostId) !== entry) return;
    entry.state = { ...entry.state, ...state };
    changed.call(hostId);
  }

  function memoryOf(hostId: string, entry: Entry): HostMemory {
    return (entry.memory ??= driverFor(hostId).createMemory());
  }

  async function run(
    hostId: string,
    entry: Entry,
    number: number,
    { inTurn, ...options }: ReadingOptions,
  ): Promise<Inventory> {
    const readNow = async (runner: CommandRunner): Promise<Inventory> => {
      const memory = memoryOf(hostId, entry);
      const inventory = await driverFor(hostId).read(runner, { ...options, memory });
      examine(hostId, entry.state.inventory, inventory);
      return inventory;
    };
    try {
      const runner = runnerFor(hostId);
      const inventory = inTurn ? await turns.take(runner, options.signal, readNow) : await readNow(runner);
      boundHeap();
      entry.readAllAt = clock();
      if (number > entry.shown) {
        entry.shown = number;
        show(hostId, entry, { inventory, error: null, errorAt: null });
      }
      return inventory;
    } catch (error) {
      failed(hostId, entry, number, error);
      throw error;
    }
  }

  /** Here the text of a host enters: what differs from what was examined before must be of the model, or it is held back. */
  function examine(hostId: string, before: Inventory | null, now: Inventory): void {
    const delta = before && inventoryDelta(before, now);
    const checked = delta ? inventoryDeltaSchema.safeParse(delta) : inventorySchema.safeParse(now);
    if (checked.success) return;
    log.error('A reading of a host does not match the model.', {
      hostId,
      issues: checked.error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.map(String), message })),
    });
    throw new SnaptreeError(
      'invalidResponse',
      'Snaptree made something of this host’s answers that it cannot vouch for and held it back. The details are in its log.',
    );
  }

  function failed(hostId: string, entry: Entry, number: number, error: unknown): void {
    if (number <= entry.shown || SnaptreeError.is(error, 'cancelled')) return;
    entry.shown = number;
    if (!SnaptreeError.is(error)) log.error('Reading a host failed unexpectedly', { hostId, error });
    const said = SnaptreeError.is(error)
      ? error
      : new SnaptreeError('internalError', 'Reading this host failed because of a fault in Snaptree; see its log.');
    show(hostId, entry, { error: said.toData(), errorAt: clock() });
  }

  async function poll(
    hostId: string,
    entry: Entry,
    changedVms: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    entry.begun += 1;
    const number = entry.begun;
    try {
      const memory = memoryOf(hostId, entry);
      const result = await driverFor(hostId).poll(runnerFor(hostId), memory, { signal, changedVms });
      if (number <= entry.shown || signal.aborted) return;
      entry.shown = number;
      const { inventory, error } = entry.state;
      if (result.hasChanged || inventory === null || error !== null) {
        examine(hostId, inventory, result.inventory);
        show(hostId, entry, { inventory: result.inventory, error: null, errorAt: null });
      } else {
        // Nothing to draw again, so nobody is told; whoever asks sees how fresh it is.
        entry.state = { ...entry.state, inventory: { ...inventory, readAt: result.inventory.readAt } };
      }
    } catch (error) {
      if (!signal.aborted) failed(hostId, entry, number, error);
      throw error;
    }
  }

  function watch(hostId: string): void {
    if (isClosed) return;
    const entry = entryOf(hostId);
    entry.stopWatching?.();
    const driver = driverFor(hostId);
    const listen = driver.watch?.bind(driver) ?? null;
    entry.stopWatching = watchHost({
      clock: { now: clock, schedule: timers.schedule, random: timers.random },
      poll: (changedVms, signal) => poll(hostId, entry, changedVms, signal),
      readAll: async (signal) => {
        entry.begun += 1;
        await run(hostId, entry, entry.begun, { inTurn: true, priority: 'poll', signal });
      },
      readAllAt: () => entry.readAllAt,
      isBeingRead: () => entry.readings.length > 0,
      listen: listen && ((options) => listen(runnerFor(hostId), options)),
      onWatching: (watching) => {
        if (entry.state.watching !== watching) show(hostId, entry, { watching });
      },
    });
  }

  function unwatch(hostId: string): void {
    const entry = entries.get(hostId);
    entry?.stopWatching?.();
    if (entry) entry.stopWatching = null;
  }

  function begin(hostId: string, options: Omit<ReadingOptions, 'priority'>): Promise<Inventory> {
    const entry = entryOf(hostId);
    entry.begun += 1;
    const reading = run(hostId, entry, entry.begun, { ...options, priority: 'user' }).finally(() => {
      entry.readings = entry.readings.filter((other) => other !== reading);
      if (entry.readings.length === 0) show(hostId, entry, { reading: false });
    });
    entry.readings.push(reading);
    show(hostId, entry, { reading: true });
    return reading;
  }

  return {
    state: (hostId) => entries.get(hostId)?.state ?? unread,
    read: (hostId, signal) => begin(hostId, { inTurn: false, ...(signal && { signal }) }),
    refresh: (hostId) => entries.get(hostId)?.readings.at(-1) ?? begin(hostId, { inTurn: true }),
    watch,
    unwatch,
    startOver: (hostId) => {
      const wasWatched = (entries.get(hostId)?.stopWatching ?? null) !== null;
      unwatch(hostId);
      entries.delete(hostId);
      changed.call(hostId);
      if (wasWatched) watch(hostId);
    },
    forget: (hostId) => {
      unwatch(hostId);
      entries.delete(hostId);
    },
    close: () => {
      isClosed = true;
      for (const hostId of entries.keys()) unwatch(hostId);
    },
    onChange: (listener) => changed.add(listener),
  };
}
