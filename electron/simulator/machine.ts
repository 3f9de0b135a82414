/** A simulated host: its files, its processes, its libvirt, and the commands that run on it. */
import { randomUUID } from 'node:crypto';
import { createFaults, type Faults } from './faults.ts';
import { createFileSystem, usedBytes, type FileSystem } from './file-system.ts';
import type { QemuImgHost } from './images/qemu-img.ts';
import { definitionOf } from './libvirt/model.ts';
import { activeImages, type VmEvent, type World } from './libvirt/world.ts';
import { createProcesses, type Processes } from './processes.ts';

export interface FilesystemSpec {
  /** Absolute, without a slash at its end; `/` for the root. */
  readonly mountPoint: string;
  readonly device: string;
  readonly totalBytes: number;
  /** What other things take on it. */
  readonly otherBytes: number;
}

export interface Speed {
  /** How long work takes: 1 as on a real host, 0 at once. */
  readonly pace: number;
  /** How many seconds pass there in one of this computer's, for what takes minutes. */
  readonly clockRate: number;
}

export interface MachineSpec extends Pick<Speed, 'pace'>, Partial<Pick<Speed, 'clockRate'>> {
  readonly name: string;
  readonly filesystems: readonly FilesystemSpec[];
}

export interface Machine {
  readonly name: string;
  readonly files: FileSystem;
  readonly processes: Processes;
  readonly world: World;
  readonly faults: Faults;
  /** Epoch seconds. */
  now(): number;
  /** Moves the machine's clock, for what happened in the past. */
  setClock(epochSeconds: number | null): void;
  /** Waits as long as that work takes here. */
  work(milliseconds: number): Promise<void>;
  /** Sleeps as a command does; where work takes no time, a moment. */
  sleep(milliseconds: number): Promise<void>;
  /** Waits as long as copying from image to image takes here, and tells how far it is. Ends sooner when `signal` aborts. */
  copy(bytes: number, signal: AbortSignal, tell: (doneBytes: number) => void): Promise<void>;
  /** The number by which `stat` tells the file system of an absolute path. */
  deviceOf(path: string): number;
  filesystemOf(path: string): FilesystemSpec & { readonly usedBytes: number };
  isInUse(path: string): boolean;
  /** Calls with what happens to VMs; gives a function that ends it. */
  onEvent(listener: (event: VmEvent) => void): () => void;
}

/** What its qemu-img works on. */
export const qemuImgHost = (machine: Machine): QemuImgHost => ({
  files: machine.files,
  now: () => machine.now(),
  isInUse: (path) => machine.isInUse(path),
  freeBytes: (path) => machine.world.freeBytes(path),
});

/** So long at most commands sleep where work takes no time: loops are not to run hot. */
const shortestMs = 100;
/** How fast a host copies images, as on disks of its own. */
const copyBytesPerSecond = 256 * 1024 ** 2;

export function createMachine({ name, filesystems, pace, clockRate = 1 }: MachineSpec): Machine {
  const faults = createFaults();
  let fixedClock: number | null = null;
  const madeAt = Date.now() / 1000;
  const now = () => fixedClock ?? madeAt + (Date.now() / 1000 - madeAt) * clockRate;
  const processes = createProcesses(now, randomUUID());
  const files: FileSystem = createFileSystem(now, () => new Map([...processes.files(), ['/proc/locks', lockLines()]]));
  const listeners = new Set<(event: VmEvent) => void>();
  const world: World = {
    files,
    now,
    copyBytesPerSecond: pace === 0 ? Infinity : copyBytesPerSecond / pace,
    freeBytes: (path) => {
      const { totalBytes, usedBytes: used } = filesystemOf(path);
      return Math.max(0, totalBytes - used);
    },
    jobFails: (vmUuid) => faults.meetBlockJob(vmUuid),
    state: { vms: [], pools: [], nextId: 1 },
    tell: (event) => {
      for (const listener of [...listeners]) listener(event);
    },
  };
  for (const folder of ['/root', '/tmp', '/var/tmp', '/var/lib/libvirt/images', '/usr/bin', '/bin', '/etc']) {
    files.makeFolders(folder);
  }
  for (const { mountPoint } of filesystems) files.makeFolders(mountPoint);
  files.putText('/dev/null', '');
  // What definitions name besides disks: the emulator and the firmware.
  for (const path of ['/usr/bin/qemu-system-x86_64', '/usr/share/OVMF/OVMF_CODE.fd']) {
    files.makeFolders(path.slice(0, path.lastIndexOf('/')));
    files.putText(path, '');
  }
  files.putText('/etc/hostname', `${name}\n`);

  const within = (path: string, mountPoint: string) =>
    mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
  const specOf = (path: string): FilesystemSpec => {
    const [best] = filesystems
      .filter(({ mountPoint }) => within(path, mountPoint))
      .sort((a, b) => b.mountPoint.length - a.mountPoint.length);
    if (!best) throw new Error(`nothing is mounted at ${path}`);
    return best;
  };

  const deviceOf = (path: string) => 1 + specOf(path).mountPoint.length;
  /** Linux, fs/locks.c: QEMU locks single bytes of the images that its guest writes to. */
  const lockLines = (): string =>
    world.state.vms
      .filter(({ live }) => live !== null)
      .flatMap((vm) => activeImages(definitionOf(vm)))
      .flatMap((path, index) => {
        const real = files.resolve(path);
        const inode = real === null ? undefined : files.nodeAt(real)?.inode;
        if (real === null || inode === undefined) return [];
        const device = deviceOf(real).toString(16).padStart(2, '0');
        return [`${index + 1}: OFDLCK ADVISORY  READ -1 00:${device}:${inode} 100 101\n`];
      })
      .join('');

  function filesystemOf(path: string): FilesystemSpec & { readonly usedBytes: number } {
    const spec = specOf(path);
    const mine = new Set(
      files
        .files()
        .filter((entry) => specOf(entry.path) === spec)
        .map(({ file }) => file),
    );
    return { ...spec, usedBytes: [...mine].reduce((sum, file) => sum + usedBytes(file), spec.otherBytes) };
  }

  return {
    name,
    files,
    processes,
    world,
    faults,
    now,
    setClock(epochSeconds) {
      fixedClock = epochSeconds;
    },
    work: (milliseconds) =>
      new Promise((resolve) => {
        setTimeout(resolve, milliseconds * pace);
      }),
    sleep: (milliseconds) =>
      new Promise((resolve) => {
        setTimeout(resolve, pace === 0 ? Math.min(milliseconds, shortestMs) : milliseconds);
      }),
    async copy(bytes, signal, tell) {
      const begunAt = Date.now();
      for (;;) {
        const done = ((Date.now() - begunAt) / 1000) * world.copyBytesPerSecond;
        if (signal.aborted || world.copyBytesPerSecond === Infinity || done >= bytes) return;
        tell(Math.floor(done));
        await new Promise((resolve) => {
          setTimeout(resolve, Math.min(500, ((bytes - done) / world.copyBytesPerSecond) * 1000));
        });
      }
    },
    deviceOf,
    filesystemOf,
    isInUse: (path) =>
      world.state.vms.some(
        (vm) => vm.live !== null && activeImages(definitionOf(vm)).some((image) => files.resolve(image) === path),
      ),
    onEvent(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
