/** What a simulated libvirt knows: VMs, their snapshots, pools. Only data; the laws are in the files beside this one. */
import type { GuestMemory } from '../images/disk-image.ts';
import type { Definition } from './definition.ts';
import type { CopyState } from './job-progress.ts';

export interface SnapshotDisk {
  readonly target: string;
  readonly kind: 'internal' | 'external' | 'no';
  /** External only: the overlay that was made. */
  readonly overlay: string | null;
}

export interface Snapshot {
  readonly name: string;
  readonly description: string;
  readonly parent: string | null;
  /** Epoch seconds, whole. */
  readonly createdAt: number;
  readonly state: 'running' | 'paused' | 'shutoff' | 'disk-snapshot';
  /** `external`: the path of the memory's file. */
  readonly memory: 'no' | 'internal' | { readonly file: string };
  readonly disks: readonly SnapshotDisk[];
  /** The VM when the snapshot was taken; null in hand-made records. */
  readonly definition: Definition | null;
  /** The definition for its next start, where it ran. */
  readonly inactive: Definition | null;
}

/** What runs in a VM, whatever it is defined as. */
export interface Guest {
  /**
   * What the agent in it does where there is a channel for it. `refuses`: a hook in the guest lets no freezing begin. `stuck`: it hangs
   * in the middle of freezing, for longer than it is waited for.
   */
  readonly agent: 'answers' | 'silent' | 'notConnected' | 'refuses' | 'stuck';
  /** It takes no notice of its power button, as one in its boot loader. */
  readonly ignoresPowerButton?: true;
  readonly writes: readonly GuestWrites[];
}

/** What a guest writes all the time: round and round over a part of a disk. */
export interface GuestWrites {
  readonly target: string;
  readonly start: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

/** The memory of a guest that runs or stands still: a count at a time, advancing while it runs. */
export interface LiveMemory {
  readonly count: number;
  /** Epoch seconds; null while the guest is paused. */
  readonly countingSince: number | null;
}

/** A block job, from its begin to its end (block-jobs.ts has the laws). */
export interface BlockJob {
  readonly target: string;
  /** `activeCommit`: of the active layer, which ends by a pivot only. */
  readonly kind: 'commit' | 'activeCommit' | 'pull';
  /** The paths of the images that go away from the chain, the uppermost first. */
  readonly merged: readonly string[];
  /** The image that stays below them; null: of a pull down to the end. */
  readonly base: string | null;
  /** 0: as fast as the host is. */
  readonly bytesPerSecond: number;
  readonly copyBytes: number;
  readonly virtualBytes: number;
  /** How far it was when somebody looked last; it goes on from there. */
  readonly copy: CopyState;
  /** How much what is written to grows by it. */
  readonly growBytes: number;
  /** It is to pivot as soon as nothing is left. */
  readonly pivots: boolean;
  /** A test lets it fail then; null: it does not. */
  readonly failsAtBytes: number | null;
}

export interface LiveVm {
  readonly id: number;
  readonly state: 'running' | 'paused';
  readonly reason: string;
  readonly definition: Definition;
  readonly memory: LiveMemory;
  /** At most one a disk. */
  readonly jobs: readonly BlockJob[];
  /** For how many seconds its guest has written all in all, and when that was so (epoch seconds). */
  readonly wrote: { readonly seconds: number; readonly at: number };
  /** The file systems of its guest are frozen. */
  readonly frozen?: boolean;
  /** When its guest will have shut down (epoch seconds); it was asked to. */
  readonly endsAt?: number;
  /** How many seconds of waiting for it an agent that got stuck goes on hanging. */
  readonly agentHangsFor?: number;
}

export interface ManagedSave {
  readonly definition: Definition;
  readonly memory: GuestMemory;
  readonly paused: boolean;
}

export interface Vm {
  readonly uuid: string;
  /** The definition of the next start; of a VM that is not persistent, what it runs by. */
  readonly definition: Definition;
  readonly persistent: boolean;
  readonly live: LiveVm | null;
  /** Why it is off. */
  readonly offReason: string;
  readonly managedSave: ManagedSave | null;
  readonly snapshots: readonly Snapshot[];
  readonly current: string | null;
  readonly guest: Guest;
  /** What libvirt says instead of the definition; null where all is well. */
  readonly unreadable: string | null;
}

export interface Pool {
  readonly name: string;
  readonly uuid: string;
  readonly path: string;
  readonly active: boolean;
  /** Gone when it is stopped. */
  readonly transient?: boolean;
}

export interface LibvirtState {
  readonly vms: readonly Vm[];
  readonly pools: readonly Pool[];
  readonly nextId: number;
}

/** How fast guests count. */
const countsPerSecond = 18;

export function memoryAt({ count, countingSince }: LiveMemory, now: number): GuestMemory {
  return { count: countingSince === null ? count : count + Math.floor((now - countingSince) * countsPerSecond) };
}

/** The definition that the VM goes by now. */
export function definitionOf(vm: Vm): Definition {
  return vm.live?.definition ?? vm.definition;
}

/** A refusal in libvirt's words; `lines` go behind "error: ", each. */
export class LibvirtError extends Error {
  readonly lines: readonly string[];

  constructor(...lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

export function snapshotOf(vm: Vm, name: string): Snapshot {
  const snapshot = vm.snapshots.find((each) => each.name === name);
  if (snapshot) return snapshot;
  throw new LibvirtError(`Domain snapshot not found: no domain snapshot with matching name '${name}'`);
}

export function isExternal({ memory, disks }: Snapshot): boolean {
  return typeof memory === 'object' || disks.some(({ kind }) => kind === 'external');
}

/** The snapshot and everything below it, parents first. */
export function withDescendants(vm: Vm, snapshot: Snapshot): readonly Snapshot[] {
  const children = vm.snapshots.filter(({ parent }) => parent === snapshot.name);
  return [snapshot, ...children.flatMap((child) => withDescendants(vm, child))];
}
