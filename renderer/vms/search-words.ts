/** What a search looks into, in small letters, made once for each VM: a search asks for all of it at every key. */
import type { HostWithSession } from '../../shared/model/host.ts';
import type { Snapshot, Vm } from '../../shared/model/inventory.ts';

const names = new WeakMap<Vm, string>();
const snapshotNames = new WeakMap<readonly Snapshot[], readonly string[]>();
const nothing: readonly Snapshot[] = [];
/** Between what stands for itself; no host, VM or typed word holds it. */
const separator = '\u0000';

export function hostWords({ host }: HostWithSession): readonly string[] {
  const { connection } = host;
  const words = [host.name, ...(connection.transport === 'ssh' ? [connection.address] : [])];
  return words.map((word) => word.toLocaleLowerCase());
}

/** Name and UUID. */
export function vmWords(vm: Vm): string {
  let known = names.get(vm);
  if (known === undefined) names.set(vm, (known = `${vm.name ?? ''}${separator}${vm.uuid}`.toLocaleLowerCase()));
  return known;
}

/** The snapshots of a VM whose name holds `wanted`, which is in small letters. */
export function foundSnapshots(vm: Vm, wanted: string): readonly Snapshot[] {
  if (!vm.readable || vm.snapshots.length === 0) return nothing;
  const { snapshots } = vm;
  let known = snapshotNames.get(snapshots);
  if (!known) snapshotNames.set(snapshots, (known = snapshots.map(({ name }) => name.toLocaleLowerCase())));
  const found = known;
  return snapshots.filter((_snapshot, index) => found[index]?.includes(wanted) ?? false);
}
