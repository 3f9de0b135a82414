/** Jobs inside running VMs of the testbed, which go on until somebody ends them. */
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { activeImage, writeGuestDisk } from './disks.ts';
import type { LibvirtVersion } from './places.ts';
import { waitUntil } from './run.ts';
import { virsh, virshWithXml, type VirtualMachine } from './virtual-machine.ts';

export type JobName =
  | 'copy'
  | 'copy that waits'
  | 'commit'
  | 'pull'
  | 'active commit'
  | 'active commit that waits'
  | 'backup'
  | 'dump'
  | 'save';

/** Every job, with what Snaptree says of it. */
export const jobs: Readonly<Record<JobName, RegExp>> = {
  copy: /runs: a copy to \S+copy\.qcow2\./,
  'copy that waits': /runs: a copy to \S+copy\.qcow2, which has done its work/,
  commit: /runs: a commit of images below the active layer\./,
  pull: /runs: a pull of the images below into the active layer\./,
  'active commit': /runs: a commit of the active layer into \S+\.qcow2\./,
  'active commit that waits': /runs: a commit of the active layer into \S+, which has done its work/,
  backup: / is being backed up\./,
  dump: / is being dumped\./,
  save: / is being saved\./,
};

export const jobNames = Object.keys(jobs) as readonly JobName[];

/** Why a libvirt cannot run such a job; null where it can. */
export function obstacleToJob(name: JobName, version: LibvirtVersion): string | null {
  return name === 'backup' && version === '7.0' ? '7.0: incremental backup is not supported yet' : null;
}

/** So slow that it does not end while a test looks at it. */
const slowly = ['--bandwidth', '1', '--bytes'];

/**
 * Begins a job in a running VM, of its disk `vda`. What it needs (overlays, data to be copied) is made first, and `onPrepared`
 * called then. Gives what ends the job; a VM that was saved is off afterwards.
 */
export async function beginJob(
  vm: VirtualMachine,
  name: JobName,
  onPrepared: () => Promise<void> = () => Promise.resolve(),
): Promise<() => Promise<void>> {
  const { version } = vm;
  const onVda = (command: string, ...rest: readonly string[]) => virsh([command, vm.uuid, 'vda', ...rest], { version });
  const abort = async () => {
    await onVda('blockjob', '--abort');
  };
  const isReady = () =>
    waitUntil('the job to have done its work', async () =>
      (await virsh(['dumpxml', vm.uuid], { version })).stdout.includes("ready='yes'"),
    );
  const overlay = async (mebibytes: number) => {
    await virsh(['snapshot-create-as', vm.uuid, `--name=at-${randomUUID()}`, '--disk-only', '--no-metadata'], {
      version,
    });
    // What is to be copied, or the job would end at once.
    await writeGuestDisk(vm, 'vda', 0xa2, mebibytes * 1024 ** 2, 4 * 1024 ** 2);
  };
  switch (name) {
    case 'copy':
    case 'copy that waits': {
      const waits = name === 'copy that waits';
      await onPrepared();
      const copy = join(vm.folder, 'copy.qcow2');
      await onVda('blockcopy', '--dest', copy, '--transient-job', ...(waits ? [] : slowly));
      if (waits) await isReady();
      return async () => {
        await abort();
        rmSync(copy);
      };
    }
    case 'commit': {
      const base = await activeImage(vm, 'vda');
      await overlay(8);
      const top = await activeImage(vm, 'vda');
      await overlay(16);
      await onPrepared();
      await onVda('blockcommit', '--base', base, '--top', top, ...slowly);
      return abort;
    }
    case 'pull':
      await overlay(8);
      await onPrepared();
      await onVda('blockpull', ...slowly);
      return abort;
    case 'active commit':
    case 'active commit that waits': {
      const waits = name === 'active commit that waits';
      await overlay(8);
      await onPrepared();
      await onVda('blockcommit', '--active', ...(waits ? [] : slowly));
      if (waits) await isReady();
      return abort;
    }
    case 'backup': {
      await onPrepared();
      const file = (which: string) => join(vm.folder, which);
      const xml = `<domainbackup mode='pull'><server transport='unix' socket='${file('nbd')}'/><disks><disk name='vda' backup='yes' type='file'><scratch file='${file('scratch.qcow2')}'/></disk></disks></domainbackup>`;
      await virshWithXml(['backup-begin', vm.uuid], xml, [], { version });
      return async () => {
        await virsh(['domjobabort', vm.uuid], { version });
        rmSync(file('scratch.qcow2'), { force: true });
      };
    }
    case 'dump':
      await onPrepared();
      return writeIntoFullPipe(vm, ['dump', '--memory-only']);
    case 'save':
      await onPrepared();
      return writeIntoFullPipe(vm, ['save']);
  }
}

/** libvirt writes the VM's memory into a pipe that nobody reads, until it is read to its end or the job is given up. */
async function writeIntoFullPipe(vm: VirtualMachine, command: readonly string[]): Promise<() => Promise<void>> {
  const pipe = join(vm.folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Open for reading too, or libvirt would wait for a reader with the VM locked.
  const descriptor = openSync(pipe, constants.O_RDWR);
  const writing = virsh([...command.slice(0, 1), vm.uuid, pipe, ...command.slice(1)], {
    version: vm.version,
    expect: [0, 1],
  });
  await waitUntil('libvirt to write', async () =>
    /Operation: +(Dump|Save)/.test((await virsh(['domjobinfo', vm.uuid], { version: vm.version })).stdout),
  );
  return async () => {
    const reader = spawn('cat', [pipe], { stdio: 'ignore' });
    await writing;
    closeSync(descriptor);
    await new Promise((resolve) => reader.on('close', resolve));
    rmSync(pipe);
  };
}
