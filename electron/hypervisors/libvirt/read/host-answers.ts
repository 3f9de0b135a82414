/** The frames of a reading, sorted by VM. */
import { createHash } from 'node:crypto';
import type { Frame } from '../../../hosts/commands/frames.ts';
import { hostResources, type HostResources } from './definitions/host-resources.ts';

export interface VmAnswers {
  readonly uuid: string;
  readonly isPersistent: boolean;
  readonly hasManagedSave: boolean;
  readonly hasCheckpoints: boolean;
  /** What virsh printed, each; empty where it printed nothing, or died before. */
  readonly name: string;
  readonly state: string;
  readonly listing: string;
  readonly current: string;
  /** Whether it can be asked for its jobs, in the words of `virsh domcontrol`. */
  readonly control: string;
  /** What virsh said of work on the VM as a whole; null where it was not asked. */
  readonly job: string | null;
  /** What virsh said of the block job of a disk, by target. */
  readonly blockJobs: ReadonlyMap<string, string>;
  readonly domain: string;
  /** Null where the VM is shut off. */
  readonly inactive: string | null;
  /** The definition inside the saved memory; null where there is none. */
  readonly memory: string | null;
  /** Snapshot records by the line of `listing` (from 0) that names them. */
  readonly snapshots: ReadonlyMap<number, string>;
  /** Records by name, of names that no line is by itself. */
  readonly lookups: ReadonlyMap<string, string>;
}

/** What is kept of a VM's answers when they have been taken apart: no XML, which is many times as large as what it says. */
export interface KeptAnswers extends Omit<VmAnswers, 'domain' | 'inactive' | 'memory' | 'snapshots' | 'lookups'> {
  /** It has a definition for its next start besides the one by which it runs. */
  readonly isRunning: boolean;
  /** See `digestOfDefinitions`. */
  readonly definitions: string;
}

export interface HostAnswers {
  readonly versions: string;
  /** Of libvirt's files, before anything was read; empty where it could not be taken. */
  readonly stamp: string;
  /** See `writtenFor` in state-files.ts; empty where there is no stamp. */
  readonly written: string;
  /** virsh there knows checkpoints. */
  readonly knowsCheckpoints: boolean;
  /** The list of VMs as virsh gave it. */
  readonly list: string;
  /** The list of storage pools as virsh gave it, and what each is. */
  readonly poolList: string;
  readonly pools: ReadonlyMap<string, string>;
  readonly resources: HostResources;
  /** UUIDs of the VMs that have snapshots, also such as their lists leave out. */
  readonly withSnapshots: ReadonlySet<string>;
  readonly vms: readonly VmAnswers[];
  /** What virsh said of volumes, by `POOL/VOLUME`. */
  readonly volumes: ReadonlyMap<string, string>;
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The UUIDs among the lines of a list, without what libvirt may have to say besides. */
export function uuidsIn(list: string): readonly string[] {
  return list.split('\n').filter((line) => uuidPattern.test(line));
}

/** Lines of a list of UUIDs that are none: words of libvirt, or a list that was damaged on its way. */
export function strayLines(list: string): readonly string[] {
  return list.split('\n').filter((line) => line !== '' && !uuidPattern.test(line));
}

/** What the kind of a frame with a block job begins with; the target of the disk is the rest. */
const blockJobFrame = 'blockjob-';

/** Sorts the frames of `inventoryScript`. */
export function sortAnswers(frames: readonly Frame[]): HostAnswers {
  const byKey = new Map<string, string>();
  const snapshots = new Map<string, Map<number, string>>();
  const lookups = new Map<string, Map<string, string>>();
  const blockJobs = new Map<string, Map<string, string>>();
  const volumes = new Map<string, string>();
  const pools = new Map<string, string>();
  const uuids = new Set<string>();
  let asked = '';
  for (const {
    kind,
    arguments: [uuid = '', line],
    body,
  } of frames) {
    switch (kind) {
      case 'snapshot':
        entryOf(snapshots, uuid).set(Number(line) - 1, body);
        break;
      case 'ask':
      case 'volume':
        asked = body;
        break;
      case 'lookup':
        entryOf(lookups, uuid).set(asked, body);
        break;
      case 'path':
        volumes.set(asked, body);
        break;
      case 'pool':
        pools.set(uuid, body);
        break;
      default:
        if (kind.startsWith(blockJobFrame)) entryOf(blockJobs, uuid).set(kind.slice(blockJobFrame.length), body);
        if (uuidPattern.test(uuid)) uuids.add(uuid);
        byKey.set(`${kind} ${uuid}`, body);
    }
  }
  const answer = (kind: string, uuid = ''): string => byKey.get(`${kind} ${uuid}`) ?? '';
  const persistent = new Set(uuidsIn(answer('persistent')));
  const withCheckpoints = new Set(uuidsIn(answer('with-checkpoints')));
  const saved = new Set(uuidsIn(answer('saved')));
  return {
    versions: answer('version'),
    stamp: answer('stamp'),
    written: answer('written'),
    knowsCheckpoints: byKey.has('with-checkpoints '),
    list: answer('vms'),
    poolList: answer('pools'),
    pools,
    resources: hostResources((frame) => byKey.get(`${frame} `) ?? null),
    volumes,
    withSnapshots: new Set(uuidsIn(answer('with-snapshots'))),
    vms: [...uuids].map((uuid) => ({
      uuid,
      isPersistent: persistent.has(uuid),
      hasManagedSave: saved.has(uuid),
      hasCheckpoints: withCheckpoints.has(uuid),
      name: answer('name', uuid),
      state: answer('state', uuid),
      listing: answer('listing', uuid),
      current: answer('current', uuid),
      control: answer('control', uuid),
      job: byKey.get(`job ${uuid}`) ?? null,
      blockJobs: blockJobs.get(uuid) ?? new Map<string, string>(),
      domain: answer('domain', uuid),
      inactive: byKey.get(`inactive ${uuid}`) ?? null,
      memory: byKey.get(`memory ${uuid}`) ?? null,
      snapshots: snapshots.get(uuid) ?? new Map<number, string>(),
      lookups: lookups.get(uuid) ?? new Map<string, string>(),
    })),
  };
}

function entryOf<Key, Value>(maps: Map<string, Map<Key, Value>>, key: string): Map<Key, Value> {
  const known = maps.get(key);
  if (known) return known;
  const added = new Map<Key, Value>();
  maps.set(key, added);
  return added;
}

/** Another one where what is read of a VM's definition, or of the one for its next start, is different. */
export function digestOfDefinitions({ domain, inactive }: Pick<VmAnswers, 'domain' | 'inactive'>): string {
  // What comes after a frame in a batch may add a line break to it, and numbers (sent-elements.ts) are of one reading.
  const own = (xml: string): string => xml.trimEnd().replaceAll(/ snaptree-id='[^']*'/g, '');
  const text = JSON.stringify([own(domain), inactive === null ? null : own(inactive)]);
  return createHash('sha256').update(text).digest('base64');
}

/** virsh's error in a frame's body, without its prefix; null where the body is an answer. */
export function virshError(body: string): string | null {
  if (body.trim() === '') return 'virsh gave no answer';
  if (!body.startsWith('error: ')) return null;
  return body
    .trim()
    .split('\n')
    .map((line) => line.replace(/^error: /, ''))
    .join('; ');
}

/** Versions from `virsh version --daemon`. The daemon's counts, not the client's; null where it did not say. */
export function parseVersions(text: string): { readonly libvirt: string | null; readonly emulator: string | null } {
  const libvirt =
    /^Running against daemon: ([\d.]+)/m.exec(text)?.[1] ?? /^Using library: libvirt ([\d.]+)/m.exec(text)?.[1];
  return { libvirt: libvirt ?? null, emulator: /^Running hypervisor: (.+)$/m.exec(text)?.[1]?.trim() ?? null };
}
