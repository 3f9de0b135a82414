/** Reads a libvirt host: VMs and snapshots in one round trip, images in a second; more only where names are odd. */
import type { Inventory, Vm } from '../../../shared/model/inventory.ts';
import type { CommandRunner } from '../../hosts/runner.ts';
import { newNonce, parseFrames, type Frame } from '../../hosts/frames.ts';
import { readImages } from '../../images/read-images.ts';
import type { ReadOptions } from '../driver.ts';
import { assembleVm } from './assemble.ts';
import { inventoryScript, lookupScript, versionScript, type Lookup } from './batch-script.ts';
import type { DiskSource } from './domain-xml.ts';
import { parseVersions, sortAnswers, virshError } from './host-answers.ts';
import { virshFailure, virshNotFound } from './host-failure.ts';
import { beginVmReading, sourcesOf, type VmReading } from './vm-records.ts';

const timeoutSeconds = 120;
/** 20 000 snapshots have about 100 MiB of records. */
const maximumOutputBytes = 256 * 1024 * 1024;
/** Unlisted parents of unlisted parents, one round trip a generation. */
const maximumLookupRounds = 6;

/**
 * Everything on the host that libvirt at `uri` manages. A VM, snapshot or image that cannot be read is in the result as
 * such.
 *
 * @throws SnaptreeError `commandNotFound`, `daemonUnavailable`, `permissionDenied` or `commandFailed` where libvirt cannot be
 * asked; `unexpectedOutput` where an answer is cut short; and what the runner throws
 */
export async function readLibvirt(runner: CommandRunner, uri: string, options: ReadOptions): Promise<Inventory> {
  const ask = createAsk(runner, uri, options);
  const answers = sortAnswers(await ask('Reading VMs and snapshots', (nonce) => inventoryScript(nonce, uri)));
  const readings = answers.vms.map(beginVmReading);
  await lookUpSnapshots(readings, ask, uri);
  const vms = readings.map((reading) => (reading.domain ? reading.records(reading.domain) : reading));
  const readable = vms.filter((vm) => 'snapshots' in vm);

  const sources = readable.flatMap(sourcesOf);
  const volumePaths = await lookUpVolumes(
    sources.map(({ source }) => source),
    ask,
    uri,
  );
  const referenceOf = (source: DiskSource): string | null => {
    if (source.kind === 'image') return source.reference;
    return source.kind === 'volume' ? (volumePaths.get(volumeKey(source)) ?? null) : null;
  };
  const reading = await readImages(
    runner,
    sources.flatMap(({ source, format }) => {
      const reference = referenceOf(source);
      return reference === null ? [] : [{ reference, format }];
    }),
    options,
  );
  const context = {
    images: new Map(reading.images.map((image) => [image.id, image])),
    imageIdOf(source: DiskSource) {
      const reference = referenceOf(source);
      return reference === null ? null : reading.imageIdOf(reference);
    },
  };
  const versions = parseVersions(answers.versions);
  return {
    hypervisor: { kind: 'libvirt', version: versions.libvirt, emulator: versions.emulator, capabilities: [] },
    hostName: runner.hostName,
    readAt: Date.now() / 1000,
    vms: vms
      .map((vm) => ('snapshots' in vm ? assembleVm(vm, context) : unreadable(vm)))
      .sort((a, b) => compare(a.name ?? '', b.name ?? '') || compare(a.uuid, b.uuid)),
    images: reading.images,
    filesystems: reading.filesystems,
    unknownDependents: [],
    problems: [...reading.problems],
  };
}

/**
 * What answers at `uri`, in a few words such as `libvirt 9.0.0 with QEMU 7.2.22`, for the test of a connection.
 *
 * @throws SnaptreeError as `readLibvirt`
 */
export async function probeLibvirt(runner: CommandRunner, uri: string): Promise<string> {
  const ask = createAsk(runner, uri, { priority: 'user' });
  const frames = await ask('Asking for the version of libvirt', (nonce) => versionScript(nonce, uri));
  const { libvirt, emulator } = parseVersions(frames.find(({ kind }) => kind === 'version')?.body ?? '');
  return `libvirt ${libvirt ?? '(version not known)'}${emulator === null ? '' : ` with ${emulator}`}`;
}

type Ask = (title: string, makeScript: (nonce: string) => string) => Promise<readonly Frame[]>;

function createAsk(runner: CommandRunner, uri: string, { priority, signal }: ReadOptions): Ask {
  return async (what, makeScript) => {
    const nonce = newNonce();
    const title = `${what} on ${runner.hostName}`;
    const script = makeScript(nonce);
    const { stdout } = await runner.runScript({
      script,
      title,
      timeoutSeconds,
      maximumOutputBytes,
      priority,
      ...(signal && { signal }),
    });
    const frames = parseFrames(stdout, nonce, title);
    const [first] = frames;
    if (first?.kind === 'novirsh') throw virshNotFound(runner.hostName);
    if (first?.kind === 'failed') throw virshFailure(runner.hostName, uri, first.body);
    return frames;
  };
}

/** Asks about joined names and unlisted parents until there is nothing left to ask. */
async function lookUpSnapshots(readings: readonly VmReading[], ask: Ask, uri: string): Promise<void> {
  for (let round = 0; round < maximumLookupRounds; round++) {
    const open = readings.flatMap((reading) => reading.openLookups().map((lookup) => ({ reading, lookup })));
    if (open.length === 0) return;
    const bodies = await lookUp(
      open.map(({ lookup }) => lookup),
      ask,
      uri,
    );
    for (const [index, { reading, lookup }] of open.entries()) {
      if (lookup.kind === 'snapshot') reading.learn(lookup.name, bodies.get(index) ?? '');
    }
  }
}

async function lookUpVolumes(
  sources: readonly DiskSource[],
  ask: Ask,
  uri: string,
): Promise<ReadonlyMap<string, string>> {
  const volumes = new Map(
    sources.filter((source) => source.kind === 'volume').map((source) => [volumeKey(source), source]),
  );
  if (volumes.size === 0) return new Map();
  const bodies = await lookUp([...volumes.values()], ask, uri);
  const paths = [...volumes.keys()].flatMap((key, index): readonly [string, string][] => {
    const body = bodies.get(index) ?? '';
    return virshError(body) === null ? [[key, body.replace(/\n$/, '')]] : [];
  });
  return new Map(paths);
}

/** What virsh printed for each lookup, by its index. */
async function lookUp(lookups: readonly Lookup[], ask: Ask, uri: string): Promise<ReadonlyMap<number, string>> {
  const frames = await ask('Looking up snapshots and volumes', (nonce) => lookupScript(nonce, uri, lookups));
  return new Map(frames.map(({ arguments: [index], body }) => [Number(index), body]));
}

function volumeKey({ pool, volume }: { readonly pool: string; readonly volume: string }): string {
  return JSON.stringify([pool, volume]);
}

function unreadable({ answers, reason }: VmReading): Vm {
  const name = virshError(answers.name) === null ? answers.name.replace(/\n$/, '') : null;
  return { readable: false, uuid: answers.uuid, name, reason: reason ?? 'It was not examined.' };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
