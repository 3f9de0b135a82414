/** The model that procedures are tested against: which snapshot holds which pattern, and nothing of how that is kept. Pure. */
import type { ChangeRequest } from '../../shared/model/plan.ts';

/** What a disk reads as: one byte that fills each of its places. */
export type Content = readonly number[];

export const places = 8;
/** Of a qcow2 image. */
export const clusterBytes = 65_536;
export const empty: Content = new Array<number>(places).fill(0);

export interface ModelSnapshot {
  readonly parent: string | null;
  /** Of the disks that it holds, by target. */
  readonly disks: ReadonlyMap<string, Content>;
}

export interface ModelVm {
  readonly disks: ReadonlyMap<string, Content>;
  readonly snapshots: ReadonlyMap<string, ModelSnapshot>;
  readonly current: string | null;
}

/** The VM after somebody wrote to a disk. */
export function written(vm: ModelVm, target: string, at: readonly number[], byte: number): ModelVm {
  const before = vm.disks.get(target) ?? empty;
  return {
    ...vm,
    disks: new Map(vm.disks).set(
      target,
      before.map((old, place) => (at.includes(place) ? byte : old)),
    ),
  };
}

function withSnapshot(vm: ModelVm, name: string, targets: readonly string[] | null): ModelVm {
  const disks = new Map([...vm.disks].filter(([target]) => targets?.includes(target) ?? true));
  return { ...vm, snapshots: new Map(vm.snapshots).set(name, { parent: vm.current, disks }), current: name };
}

function revertedTo(vm: ModelVm, name: string): ModelVm {
  const snapshot = vm.snapshots.get(name);
  if (!snapshot) throw new Error(`The model has no snapshot ${name}.`);
  return { ...vm, disks: new Map([...vm.disks, ...snapshot.disks]), current: name };
}

/** Without these snapshots: those below them, and the present state, hang on the nearest that stays. */
export function without(vm: ModelVm, gone: ReadonlySet<string>): ModelVm {
  const staying = (name: string | null): string | null => {
    let at = name;
    while (at !== null && gone.has(at)) at = vm.snapshots.get(at)?.parent ?? null;
    return at;
  };
  const kept = [...vm.snapshots].filter(([name]) => !gone.has(name));
  return {
    ...vm,
    snapshots: new Map(kept.map(([name, { parent, disks }]) => [name, { parent: staying(parent), disks }])),
    current: staying(vm.current),
  };
}

function renamed(vm: ModelVm, from: string, to: string): ModelVm {
  const called = (name: string | null) => (name === from ? to : name);
  const snapshots = [...vm.snapshots].map(
    ([name, { parent, disks }]) => [name === from ? to : name, { parent: called(parent), disks }] as const,
  );
  return { ...vm, snapshots: new Map(snapshots), current: called(vm.current) };
}

/** The snapshot and those below it. */
function descent(vm: ModelVm, name: string): ReadonlySet<string> {
  const found = new Set([name]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const [each, { parent }] of vm.snapshots) if (parent !== null && found.has(parent)) found.add(each);
  }
  return found;
}

/**
 * The VM after a procedure that succeeded.
 *
 * @param spoiled the snapshots whose data a merge down writes over: their records go
 */
export function carriedOut(vm: ModelVm, request: ChangeRequest, spoiled: ReadonlySet<string>): ModelVm {
  switch (request.action) {
    case 'createSnapshot':
      return withSnapshot(vm, request.name, request.diskTargets);
    case 'revertToSnapshot': {
      const saved = request.saveAs === null ? vm : withSnapshot(vm, request.saveAs, null);
      return revertedTo(saved, request.snapshotId);
    }
    case 'deleteSnapshot':
      return without(vm, deletedBy(vm, request));
    case 'commitImages':
      return without(vm, spoiled);
    case 'renameSnapshot':
      return renamed(vm, request.snapshotId, request.name);
    default:
      // Merges up, power, memory, descriptions, clones: disks and snapshots stay as they are.
      return vm;
  }
}

/** The snapshots that a deletion is about. */
export function deletedBy(
  vm: ModelVm,
  { snapshotId, otherSnapshotIds = [], withDescendants }: Extract<ChangeRequest, { action: 'deleteSnapshot' }>,
): ReadonlySet<string> {
  return new Set([snapshotId, ...otherSnapshotIds].flatMap((id) => (withDescendants ? [...descent(vm, id)] : [id])));
}

/** The new VM that is made of another: its disks are what those were, and from then on they have nothing to do with each other. */
export function cloned({ disks, snapshots }: ModelVm, snapshotId: string | null): ModelVm {
  const held = snapshotId === null ? disks : snapshots.get(snapshotId)?.disks;
  if (!held) throw new Error(`The model has no snapshot ${snapshotId ?? ''}.`);
  return { disks: held, snapshots: new Map(), current: null };
}

/** What a procedure may have made of the VM that something went wrong with: no disk reads as anything else. */
export function possibleContents(vm: ModelVm, request: ChangeRequest, target: string): readonly Content[] {
  const before = vm.disks.get(target) ?? empty;
  const then = request.action === 'revertToSnapshot' ? vm.snapshots.get(request.snapshotId)?.disks.get(target) : null;
  return then ? [before, then] : [before];
}
