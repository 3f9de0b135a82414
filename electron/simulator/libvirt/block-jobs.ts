/**
 * Block jobs of running VMs, by the laws of libvirt 9.0 and QEMU 7.2. How far a job is follows from the clock; what it has done is
 * put into the images when it ends, however it ends (`settle` before anybody asks).
 */
import { firstBytes, nothing, overlay, storedBytes, type Content } from '../images/content.ts';
import type { BackingLayer, Definition, DefinitionDisk } from './definition.ts';
import { guestsWrite, writesTo } from './guest-writes.ts';
import { advance, leftBytes, type CopyState } from './job-progress.ts';
import { definitionOf, LibvirtError, type BlockJob, type Vm } from './model.ts';
import { backingLayers, chainFrom, changeImage, changeVm, knownChain, vmOf, type Layer, type World } from './world.ts';

export interface JobRequest {
  readonly target: string;
  readonly base: string | null;
  /** 0: as fast as the host is. */
  readonly bytesPerSecond: number;
}

export interface JobInfo {
  readonly type: string;
  readonly bytesPerSecond: number;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

const typeWords: Readonly<Record<BlockJob['kind'], string>> = {
  commit: 'Block Commit',
  activeCommit: 'Active Block Commit',
  pull: 'Block Pull',
};

/** Begins `blockcommit`. @param top null: the active layer @throws LibvirtError where libvirt refuses */
export function beginCommit(
  world: World,
  vm: Vm,
  { target, base, bytesPerSecond }: JobRequest,
  { top, active }: { readonly top: string | null; readonly active: boolean },
): void {
  const chain = knownChain(world, vm, diskOf(vm, target).target);
  const topIndex = top === null ? 0 : chain.indexOf(top);
  if (topIndex < 0)
    throw new LibvirtError(`invalid argument: could not find image '${top ?? ''}' in chain for '${target}'`);
  const topPath = chain[topIndex] ?? '';
  const below = chain.slice(topIndex + 1);
  const basePath = base ?? below.at(-1);
  if (basePath === undefined) {
    throw new LibvirtError(`invalid argument: could not find base image in chain for '${target}'`);
  }
  if (!below.includes(basePath)) {
    throw new LibvirtError(
      `invalid argument: could not find image '${basePath}' beneath '${topPath}' in chain for '${target}'`,
    );
  }
  requireRunning(vm);
  if (topIndex === 0 && !active) {
    throw new LibvirtError(`invalid argument: commit of '${target}' active layer requires active flag`);
  }
  if (topIndex > 0 && active) {
    throw new LibvirtError(`invalid argument: active commit requested but '${topPath}' is not active`);
  }
  const merged = chain.slice(topIndex, chain.indexOf(basePath));
  const kind = topIndex === 0 ? 'activeCommit' : 'commit';
  begin(world, vm, { target, kind, merged, base: basePath, bytesPerSecond });
}

/** Begins `blockpull`, into the active layer. @throws LibvirtError where libvirt refuses */
export function beginPull(world: World, vm: Vm, { target, base, bytesPerSecond }: JobRequest): void {
  requireRunning(vm);
  const [active = '', ...below] = knownChain(world, vm, diskOf(vm, target).target);
  if (base !== null && !below.includes(base)) {
    throw new LibvirtError(
      `invalid argument: could not find image '${base}' beneath '${active}' in chain for '${target}'`,
    );
  }
  const merged = base === null ? below : below.slice(0, below.indexOf(base));
  begin(world, vm, { target, kind: 'pull', merged, base, bytesPerSecond });
}

function begin(
  world: World,
  vm: Vm,
  job: Pick<BlockJob, 'target' | 'kind' | 'merged' | 'base' | 'bytesPerSecond'>,
): void {
  const { target } = diskOf(vm, job.target);
  requireNoJob(vm, [target]);
  const layers = chainFrom(world, activePath(vm, target) ?? '');
  const content = contentOf(layers, job.merged);
  const copyBytes = storedBytes([content]);
  const dirty = Math.min(copyBytes, job.kind === 'activeCommit' ? writesTo(vm, target).bytes : 0);
  const begun: BlockJob = {
    ...job,
    target,
    copyBytes,
    virtualBytes: layers[0]?.image.virtualBytes ?? 0,
    copy: { copied: 0, settled: copyBytes - dirty, dirty, wasEmptied: false, at: world.now() },
    growBytes: growthBy(world, layers, job, content),
    pivots: false,
    failsAtBytes: world.jobFails(vm.uuid) ? copyBytes / 2 : null,
  };
  changeJobs(world, vm, (jobs) => [...jobs, begun]);
}

/** What `blockjob --info` tells of the job on a disk; null where there is none. @throws LibvirtError where there is no such disk */
export function jobInfo(world: World, vm: Vm, target: string): JobInfo | null {
  requireRunning(vm);
  const job = findJob(vm, target);
  if (!job) return null;
  const { kind, bytesPerSecond, copyBytes, virtualBytes } = job;
  const copy = copyNow(world, vm, job);
  const copied = Math.floor(copy.copied);
  // Of an active commit QEMU counts what is copied, and of the others how far in the disk it has come.
  const [doneBytes, totalBytes] =
    kind === 'activeCommit'
      ? [copied, copied + Math.ceil(leftBytes(copy))]
      : [Math.floor((virtualBytes * copied) / Math.max(1, copyBytes)), virtualBytes];
  // Where there is nothing to copy, libvirt says 1 of 1.
  return {
    type: typeWords[kind],
    bytesPerSecond,
    doneBytes: totalBytes === 0 ? 1 : doneBytes,
    totalBytes: totalBytes === 0 ? 1 : totalBytes,
  };
}

/** `blockjob --bandwidth`. @throws LibvirtError where there is no job */
export function limitJob(world: World, vm: Vm, target: string, bytesPerSecond: number): void {
  const job = requireJob(vm, target);
  const copy = copyNow(world, vm, job);
  changeJobs(world, vm, (jobs) => jobs.map((each) => (each === job ? { ...job, bytesPerSecond, copy } : each)));
}

/** `blockjob --abort`: what was copied so far stays where it is, and nothing reads otherwise by it. */
export function abortJob(world: World, vm: Vm, target: string): void {
  give(world, vm, requireJob(vm, target));
}

/** `blockjob --pivot`. @throws LibvirtError where there is no job, or it is not ready */
export function pivotJob(world: World, vm: Vm, target: string): void {
  const job = requireJob(vm, target);
  if (!isReady(world, vm, job) || job.pivots) {
    const name = `${job.kind === 'pull' ? 'pull' : 'commit'}-${target}-libvirt-1-format`;
    throw new LibvirtError(`block copy still active: block job '${name}' not ready for pivot yet`);
  }
  changeJobs(world, vm, (jobs) => jobs.map((each) => (each === job ? { ...job, pivots: true } : each)));
  settle(world);
}

/** Whether an active commit has copied everything once, and goes on with what the guest writes. */
export function isReady(world: World, vm: Vm, job: BlockJob): boolean {
  return job.kind === 'activeCommit' && copyNow(world, vm, job).wasEmptied;
}

/**
 * Brings the world to what it is now: what guests wrote since somebody looked last is in their images, and what ended by itself has
 * ended. Before anybody looks, and before what guests write or jobs copy changes.
 */
export function settle(world: World): void {
  for (const { uuid, live } of world.state.vms) {
    for (const { target } of live?.jobs ?? []) settleJob(world, vmOf(world, uuid), target);
  }
  guestsWrite(world);
}

function settleJob(world: World, vm: Vm, target: string): void {
  const known = findJob(vm, target);
  if (!known) return;
  const job = { ...known, copy: copyNow(world, vm, known) };
  changeJobs(world, vm, (jobs) => jobs.map((each) => (each === known ? job : each)));
  const { copied } = job.copy;
  const isAllCopied = leftBytes(job.copy) === 0;
  if (job.failsAtBytes !== null && copied >= job.failsAtBytes) give(world, vm, job, 'failed');
  else if (copied >= roomFor(world, vm, job)) give(world, vm, job, 'failed');
  else if (isAllCopied && (job.kind !== 'activeCommit' || job.pivots)) finish(world, vm, job);
}

/** How much it can copy until what it writes to has no room left to grow. */
function roomFor(world: World, vm: Vm, job: BlockJob): number {
  const path = job.kind === 'pull' ? activePath(vm, job.target) : job.base;
  const free = path === null ? Infinity : world.freeBytes(path);
  return job.growBytes <= free ? Infinity : (job.copyBytes * free) / job.growBytes;
}

/** How much larger what is written to gets. */
function growthBy(
  world: World,
  layers: readonly Layer[],
  { kind, base }: Pick<BlockJob, 'kind' | 'base'>,
  content: Content,
): number {
  const own = kind === 'pull' ? layers[0]?.image : base === null ? null : world.files.imageAt(base);
  if (!own || own.format === 'raw') return 0;
  return storedBytes([overlay(own.content, content)]) - storedBytes([own.content]);
}

/** The VM goes down, and its jobs with it. */
export function abandonJobs(world: World, vm: Vm): Vm {
  for (const job of vm.live?.jobs ?? []) give(world, vmOf(world, vm.uuid), job, null);
  return vmOf(world, vm.uuid);
}

/** @throws LibvirtError in the words that libvirt has for a snapshot, or a job, on a disk with a job */
export function requireNoJob(vm: Vm, targets: readonly string[]): void {
  const job = (vm.live?.jobs ?? []).find(({ target }) => targets.includes(target));
  if (!job) return;
  const why = job.kind === 'activeCommit' ? 'block copy still active' : 'Operation not supported';
  throw new LibvirtError(`${why}: disk '${job.target}' already in active block job`);
}

function copyNow(world: World, vm: Vm, { copy, kind, target, bytesPerSecond }: BlockJob): CopyState {
  const writes = kind === 'activeCommit' ? writesTo(vm, target) : { perSecond: 0, bytes: 0 };
  return advance(copy, world.now(), {
    copiedPerSecond: Math.min(world.copyBytesPerSecond, bytesPerSecond === 0 ? Infinity : bytesPerSecond),
    writtenPerSecond: writes.perSecond,
    writtenBytes: writes.bytes,
  });
}

/** The job ends without merging. What it copied is there, and shows nothing that was not read before. */
function give(world: World, vm: Vm, job: BlockJob, word: string | null = 'canceled'): void {
  const active = activePath(vm, job.target) ?? '';
  const bytes = Math.min(copyNow(world, vm, job).copied, roomFor(world, vm, job));
  const copied = firstBytes(contentOf(chainFrom(world, active), job.merged), Math.floor(bytes));
  changeJobs(world, vm, (jobs) => jobs.filter((each) => each !== job));
  write(world, active, job, copied);
  if (word !== null) tell(world, vm, job, word);
}

function finish(world: World, vm: Vm, job: BlockJob): void {
  const active = activePath(vm, job.target) ?? '';
  const layers = chainFrom(world, active);
  const above = job.kind === 'pull' ? active : layers[layers.findIndex(({ path }) => path === job.merged[0]) - 1]?.path;
  write(world, active, job, contentOf(layers, job.merged));
  if (above !== undefined) {
    const format = job.base === null ? null : (world.files.imageAt(job.base)?.format ?? null);
    const backing = job.base === null ? null : { file: job.base, format };
    changeImage(world, above, (image) => ({ ...image, backing }));
  }
  changeJobs(world, vm, (jobs) => jobs.filter((each) => each !== job));
  follow(world, vmOf(world, vm.uuid), job, active);
  tell(world, vm, job, 'completed');
}

/** Into the base, or of a pull into the active layer, under what that holds itself. */
function write(world: World, active: string, job: BlockJob, copied: Content): void {
  if (job.kind === 'pull') {
    changeImage(world, active, (image) => ({ ...image, content: overlay(copied, image.content) }));
  } else if (job.base !== null) {
    changeImage(world, job.base, (image) => ({
      ...image,
      content: overlay(image.content, copied),
      virtualBytes: Math.max(image.virtualBytes, job.virtualBytes),
    }));
  }
}

/** The definitions name the chain as it is now: the one of the next start where it named the same image. */
function follow(world: World, vm: Vm, job: BlockJob, active: string): void {
  const path = job.kind === 'activeCommit' ? (job.base ?? active) : active;
  const layers = backingLayers(world, path);
  const swap = (
    definition: Definition,
    backing: (disk: DefinitionDisk) => readonly BackingLayer[] | null,
  ): Definition => ({
    ...definition,
    disks: definition.disks.map((disk) =>
      disk.target === job.target && disk.source?.kind === 'file' && disk.source.path === active
        ? {
            ...disk,
            source: { kind: 'file', path },
            format: world.files.imageAt(path)?.format ?? disk.format,
            backing: backing(disk),
          }
        : disk,
    ),
  });
  changeVm(world, vm.uuid, {
    definition: swap(vm.definition, ({ backing }) => (backing === null ? null : layers)),
    live: vm.live && { ...vm.live, definition: swap(vm.live.definition, () => layers) },
  });
}

/** What is read through these images, and not through those below them. */
function contentOf(layers: readonly Layer[], paths: readonly string[]): Content {
  return layers
    .filter(({ path }) => paths.includes(path))
    .map(({ image }) => image.content)
    .reverse()
    .reduce(overlay, nothing);
}

function diskOf(vm: Vm, target: string): DefinitionDisk {
  const disk = definitionOf(vm).disks.find((each) => each.target === target || sourcePath(each) === target);
  if (disk) return disk;
  throw new LibvirtError(`invalid argument: disk '${target}' not found in domain`);
}

const sourcePath = ({ source }: DefinitionDisk): string | null => (source?.kind === 'file' ? source.path : null);

function activePath(vm: Vm, target: string): string | null {
  return sourcePath(diskOf(vm, target));
}

function findJob(vm: Vm, target: string): BlockJob | undefined {
  const disk = diskOf(vm, target);
  return vm.live?.jobs.find((job) => job.target === disk.target);
}

function requireJob(vm: Vm, target: string): BlockJob {
  requireRunning(vm);
  const job = findJob(vm, target);
  if (job) return job;
  throw new LibvirtError(`invalid argument: disk ${target} does not have an active block job`);
}

function requireRunning({ live }: Vm): void {
  if (!live) throw new LibvirtError('Requested operation is not valid: domain is not running');
}

function changeJobs(world: World, vm: Vm, change: (jobs: readonly BlockJob[]) => readonly BlockJob[]): void {
  const { live } = vmOf(world, vm.uuid);
  if (live) changeVm(world, vm.uuid, { live: { ...live, jobs: change(live.jobs) } });
}

function tell(world: World, vm: Vm, job: BlockJob, word: string): void {
  world.tell({
    vm: vmOf(world, vm.uuid),
    kind: 'block-job-2',
    what: `${typeWords[job.kind]} for ${job.target} ${word}`,
  });
}
