/** What the outlines of a poll say of a state that is known: which VMs are not what they were. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Frame } from '../../../hosts/commands/frames.ts';
import { isAtWork } from '../read/jobs.ts';
import {
  digestOfDefinitions,
  sortAnswers,
  strayLines,
  uuidsIn,
  type KeptAnswers,
  type VmAnswers,
} from '../read/host-answers.ts';
import { sourceKey } from '../read/definitions/named-files.ts';
import { vmsNaming, type HostState } from '../read/host-state.ts';
import { writtenFor } from '../read/script/state-files.ts';
import { storagePools } from '../read/storage-pools.ts';

export interface Changes {
  readonly isSame: boolean;
  /** UUIDs of the VMs to read again: new ones, and those that are not what they were. */
  readonly toRead: readonly string[];
  readonly present: ReadonlySet<string>;
  /** Of what libvirt offers besides VMs: pools, networks, filters, secrets. */
  readonly haveResourcesChanged: boolean;
  readonly strayLines: readonly string[];
}

/**
 * What changed since `before`.
 *
 * @param frames of `changesScript`
 * @param changedNames names of VMs that are to be read whatever they say
 */
export function findChanges(frames: readonly Frame[], before: HostState, changedNames: ReadonlySet<string>): Changes {
  const lists = new Map(
    frames.flatMap(({ kind, arguments: [uuid], body }) => (uuid === undefined ? [[kind, body]] : [])),
  );
  const list = (kind: string): readonly string[] => uuidsIn(lists.get(kind) ?? '');
  const uuids = list('vms');
  const withSnapshots = new Set(list('with-snapshots'));
  const states = new Map(
    ['running', 'paused', 'shutoff', 'other'].flatMap((state) => list(state).map((uuid) => [uuid, state] as const)),
  );
  const names = (lists.get('names') ?? '').split('\n').filter((name) => name !== '');
  // A name may have a line break of its own; then nothing can be said by its place.
  const nameOf = new Map(names.length === uuids.length ? uuids.map((uuid, index) => [uuid, names[index]]) : []);
  const answers = sortAnswers(frames);
  const outlines = new Map(answers.vms.map((outline) => [outline.uuid, outline]));
  const [writtenThen, writtenNow] = [before.written, answers.written].map(writtenFor);
  const isWritten = (name: string): boolean => answers.stamp !== '' && writtenThen?.(name) !== writtenNow?.(name);
  const volumesThatMoved = new Set(
    [...answers.volumes].flatMap(([key, path]) =>
      lineOf(path) === lineOf(before.volumes.get(key) ?? '') ? [] : [`volume ${key}`],
    ),
  );
  const withOtherVolumes =
    volumesThatMoved.size === 0 ? null : vmsNaming(before, (source) => volumesThatMoved.has(sourceKey(source)));
  const isSame = (uuid: string): boolean => {
    const was = before.vms.get(uuid)?.answers;
    const now = outlines.get(uuid);
    if (was === undefined || now === undefined) return false;
    const had = before.withSnapshots.has(uuid);
    const nameNow = nameOf.get(uuid) ?? lineOf(was.name);
    return (
      nameNow === lineOf(was.name) &&
      !changedNames.has(nameNow) &&
      !isWritten(nameNow) &&
      withOtherVolumes?.has(uuid) !== true &&
      states.get(uuid) === stateGroup(was) &&
      withSnapshots.has(uuid) === had &&
      isOutlineSame(was, now) &&
      (!had || (now.current === was.current && now.listing === was.listing))
    );
  };
  const toRead = uuids.filter((uuid) => !isSame(uuid));
  const haveResourcesChanged =
    !isDeepStrictEqual([...list('pools')].sort(), [...before.poolList].sort()) ||
    !isDeepStrictEqual(storagePools(answers), before.pools) ||
    !isDeepStrictEqual(answers.resources, before.resources);
  const stray = strayLines(lists.get('vms') ?? '');
  const isListSame = uuids.length === before.vms.size && isDeepStrictEqual(stray, before.strayLines);
  return {
    isSame: toRead.length === 0 && isListSame && !haveResourcesChanged,
    strayLines: stray,
    toRead,
    present: new Set(uuids),
    haveResourcesChanged,
  };
}

/** For a VM whose state is the same. */
function isOutlineSame(was: KeptAnswers, now: VmAnswers): boolean {
  return (
    now.isPersistent === was.isPersistent &&
    now.hasManagedSave === was.hasManagedSave &&
    now.hasCheckpoints === was.hasCheckpoints &&
    digestOfDefinitions(now) === was.definitions &&
    !isAtWork(was) &&
    !isAtWork({ ...now, state: was.state })
  );
}

function lineOf(text: string): string {
  return text.replace(/\n$/, '');
}

/** The group of `virsh list --state-…` that a VM with this `domstate` is in. */
function stateGroup({ state }: KeptAnswers): string {
  if (state.startsWith('running')) return 'running';
  if (state.startsWith('paused')) return 'paused';
  return state.startsWith('shut off') ? 'shutoff' : 'other';
}
