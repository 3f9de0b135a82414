/** The frames of the first round trip, sorted by VM. */
import type { Frame } from '../../hosts/frames.ts';

export interface VmAnswers {
  readonly uuid: string;
  readonly isPersistent: boolean;
  readonly hasManagedSave: boolean;
  /** What virsh printed, each; empty where it printed nothing, or died before. */
  readonly name: string;
  readonly state: string;
  readonly listing: string;
  readonly current: string;
  readonly domain: string;
  /** Null where the VM is shut off. */
  readonly inactive: string | null;
  /** Snapshot records by the line of `listing` (from 0) that names them. */
  readonly snapshots: ReadonlyMap<number, string>;
}

export interface HostAnswers {
  readonly versions: string;
  readonly vms: readonly VmAnswers[];
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Sorts the frames of `inventoryScript`. */
export function sortAnswers(frames: readonly Frame[]): HostAnswers {
  const byKey = new Map<string, string>();
  const snapshots = new Map<string, Map<number, string>>();
  const uuids = new Set<string>();
  for (const {
    kind,
    arguments: [uuid = '', line],
    body,
  } of frames) {
    if (uuidPattern.test(uuid)) uuids.add(uuid);
    if (kind !== 'snapshot') byKey.set(`${kind} ${uuid}`, body);
    else {
      const ofVm = snapshots.get(uuid) ?? new Map<number, string>();
      snapshots.set(uuid, ofVm.set(Number(line) - 1, body));
    }
  }
  const answer = (kind: string, uuid = ''): string => byKey.get(`${kind} ${uuid}`) ?? '';
  const persistent = new Set(answer('persistent').split('\n'));
  const saved = new Set(answer('saved').split('\n'));
  return {
    versions: answer('version'),
    vms: [...uuids].map((uuid) => ({
      uuid,
      isPersistent: persistent.has(uuid),
      hasManagedSave: saved.has(uuid),
      name: answer('name', uuid),
      state: answer('state', uuid),
      listing: answer('listing', uuid),
      current: answer('current', uuid),
      domain: answer('domain', uuid),
      inactive: byKey.get(`inactive ${uuid}`) ?? null,
      snapshots: snapshots.get(uuid) ?? new Map<number, string>(),
    })),
  };
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
