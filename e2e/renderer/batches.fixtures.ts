/** A fleet with enough of everything to choose from, and a stand-in for the planner of batches. */
import type { Batch, BatchItem, BatchPlan, BatchRequest, PlannedBatchItem } from '../../shared/model/batch.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import { batchTitle } from '../../shared/rules/operations/batch-words.ts';
import { disk, host, image, now, snapshot, uuid, vm } from './inventories.fixtures.ts';
import type { Harness } from './main-process.fixtures.ts';
import { fakePlan } from './plans.fixtures.ts';

const day = 86_400;
const gibibyte = 1024 ** 3;
const folder = '/var/lib/libvirt/images';

/** A host with `vms` VMs of as many snapshots each: those with even numbers were made before a release, the others weekly. */
function fleetHost(number: number, vms: number, snapshots: number): Inventory {
  const all = Array.from({ length: vms }, (_, index) => {
    const name = `${index % 2 === 0 ? 'web' : 'db'}-${number}${String(index + 1).padStart(2, '0')}`;
    return vm(number * 1000 + index, name, {
      state: index % 3 === 2 ? 'shutoff' : 'running',
      disks: [disk('vda', `${folder}/${name}.qcow2`)],
      snapshots: Array.from({ length: snapshots }, (__, place) => {
        const made = (at: number) => `${at % 2 === 0 ? 'before release' : 'weekly'} ${at + 1}`;
        return snapshot(made(place), place === 0 ? null : made(place - 1), {
          createdAt: place === 1 ? null : now - (snapshots - place) * 10 * day,
        });
      }),
      currentSnapshotId: null,
    });
  });
  return {
    hypervisor: { kind: 'libvirt', version: '11.3.0', emulator: 'QEMU 10.0', capabilities: [] },
    hostName: `kvm${number}`,
    readAt: now - 20,
    vms: all,
    images: all.map(({ name }) => image(`${folder}/${name}.qcow2`)),
    filesystems: [{ folder, freeBytes: 212 * gibibyte, totalBytes: 930 * gibibyte }],
    unknownDependents: [],
    problems: [],
  };
}

/** Two hosts that are connected, and one that is not. */
export function showFleet(harness: Harness, vms = 4, snapshots = 6): void {
  const session = { state: 'connected', since: now } as const;
  harness.setHosts([host(1, 'kvm1', session), host(2, 'kvm2', session), host(3, 'kvm3', { state: 'disconnected' })]);
  for (const number of [1, 2]) harness.setInventory(uuid(number), { inventory: fleetHost(number, vms, snapshots) });
}

let planCount = 0;

/** The last snapshot of each VM cannot be deleted, and of the first of each VM there is a warning. */
export function fakeBatchPlan(
  asked: readonly BatchRequest[],
  inventoryOf: (hostId: string) => Inventory,
  nameOf: (hostId: string) => string,
): BatchPlan {
  planCount += 1;
  const last = new Map<string, number>();
  const items = asked.map(({ hostId, request }, index): PlannedBatchItem => {
    const inventory = inventoryOf(hostId);
    const found = inventory.vms.find(({ uuid: each }) => each === request.vmUuid);
    if (!found?.readable) throw new Error('The fixture has no such VM.');
    const { after: _after, script: _script, ...plan } = fakePlan(hostId, found, inventory, request);
    const isLast = 'snapshotId' in request && request.snapshotId === found.snapshots.at(-1)?.id;
    const isFirst = 'snapshotId' in request && request.snapshotId === found.snapshots[0]?.id;
    const refused = { code: 'imageHasDependents', message: 'Another VM was made of it: wiki-test.', names: [] };
    const warned = {
      code: 'lastCopy',
      message: `No other snapshot holds what ${found.name} was on its first day.`,
      names: [],
    };
    const key = `${hostId}/${found.uuid}`;
    const after = last.get(key) ?? null;
    if (!isLast) last.set(key, index);
    return {
      hostId,
      request,
      index,
      hostName: nameOf(hostId),
      vmName: found.name,
      title: plan.title,
      after,
      plan: {
        ...plan,
        ...(isLast && { refusals: [refused], steps: [] }),
        ...(isFirst && { warnings: [warned] }),
      },
      error: null,
    };
  });
  return {
    id: uuid(60_000 + planCount),
    title: batchTitle(items),
    createdAt: now,
    items,
    rooms: [...new Set(items.map(({ hostName }) => hostName))].map((hostName, index) => ({
      hostName,
      folders: [folder],
      likelyBytes: 4 * gibibyte,
      atMostBytes: (index === 0 ? 300 : 8) * gibibyte,
      freedBytes: 21 * gibibyte,
      freeBytes: 212 * gibibyte,
    })),
    refusals: [],
    warnings: [],
  };
}

/** The batch of a plan, as it has just begun. */
export function batchOf({ title, items }: BatchPlan, number: number, change: Partial<Batch> = {}): Batch {
  return {
    id: uuid(95_000 + number),
    title,
    state: 'running',
    startedAt: now - 65,
    endedAt: null,
    items: items.map(({ plan, error: _error, ...item }): BatchItem => {
      const refusal = plan?.refusals[0]?.message ?? null;
      return { ...item, state: refusal === null ? 'waiting' : 'notRun', operationId: null, message: refusal };
    }),
    ...change,
  };
}
