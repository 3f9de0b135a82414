/** What is asked for, of what was chosen. Pure. */
import type { BatchRequest } from '../../shared/model/batch.ts';
import type { Inventory } from '../../shared/model/inventory.ts';
import { dependentsIndex } from '../../shared/rules/chains/chains.ts';
import { mergeRequest } from '../../shared/rules/snapshots/merge-proposals.ts';
import { stateObstacle } from '../../shared/rules/snapshots/quiesce.ts';
import { startingChoices } from '../plans/merge/merge-choices.ts';
import type { Deed, Subject } from './subjects.ts';

/** What all new snapshots have in common. */
export interface NewSnapshots {
  readonly name: string;
  readonly kind: 'internal' | 'external';
  readonly description: string;
  /** External: of guests that run, the file systems are frozen. */
  readonly quiesces: boolean;
}

export function requestsOf(
  deed: Deed,
  chosen: readonly Subject[],
  created: NewSnapshots,
  inventoryOf: (hostId: string) => Inventory | null,
): readonly BatchRequest[] {
  switch (deed) {
    case 'delete':
      return chosen.map(({ hostId, vm, snapshot }) => ({
        hostId,
        request: {
          action: 'deleteSnapshot',
          vmUuid: vm.uuid,
          snapshotId: snapshot?.id ?? '',
          withDescendants: false,
        },
      }));
    case 'create':
      return chosen.map(({ hostId, vm }) => ({
        hostId,
        request: {
          action: 'createSnapshot',
          vmUuid: vm.uuid,
          kind: created.kind,
          name: created.name,
          description: created.description,
          diskTargets: null,
          ...(created.kind === 'external' && created.quiesces && stateObstacle(vm) === null && { quiesce: true }),
        },
      }));
    case 'merge':
      return merges(chosen, inventoryOf);
  }
}

/** Each chain as far down as nobody else needs an image of it. */
function merges(
  chosen: readonly Subject[],
  inventoryOf: (hostId: string) => Inventory | null,
): readonly BatchRequest[] {
  const dependents = new Map<string, ReturnType<typeof dependentsIndex>>();
  return chosen.flatMap(({ hostId, vm }) => {
    const inventory = inventoryOf(hostId);
    if (!inventory) return [];
    const ofHost = dependents.get(hostId) ?? dependentsIndex(inventory);
    dependents.set(hostId, ofHost);
    const all = { direction: 'down', snapshot: null, youngest: null, target: null } as const;
    const disks = startingChoices(all, vm, inventory, ofHost).filter(({ included }) => included);
    if (disks.length === 0) return [];
    return [{ hostId, request: mergeRequest('down', vm.uuid, disks, { oneByOne: false, bytesPerSecond: null }) }];
  });
}
