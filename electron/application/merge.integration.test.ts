/** Merging images on real libvirts, over a real sshd. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { imageInfo } from '../../e2e/testbeds/disks.ts';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { placeOf, runAt } from '../../e2e/testbeds/places.ts';
import { listProcesses, signal } from '../../e2e/testbeds/processes.ts';
import { run } from '../../e2e/testbeds/run.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { PlanStep } from '../../shared/model/plan.ts';
import { mergeSuite, type MergeHost, type MergeTools, type MergeVm } from './merge.fixtures.ts';

// Jobs on the host, with a reading of it after every step.
vi.setConfig({ testTimeout: 240_000 });

onEachLibvirt(
  (version) => {
    mergeSuite(realHost(version), (tools) => {
      declareRealOnly(version, tools);
    });
  },
  { about: 'merging on libvirt', sampled: { oneIn: 4 } },
);

function realHost(version: testbed.LibvirtVersion): MergeHost {
  const made = new Map<string, testbed.VirtualMachine>();
  let server: testbed.SshServer;
  const handle = ({ uuid }: MergeVm): testbed.VirtualMachine => {
    const vm = made.get(uuid);
    if (!vm) throw new Error(`No VM ${uuid} was made.`);
    return vm;
  };
  return {
    async up() {
      const { users, keyFile } = await testbed.up();
      server = await testbed.startSshServer({ name: `merging-${version.replace('.', '-')}`, version });
      const connection = sshConnection({
        address: server.host,
        port: server.port,
        user: users.administrator,
        authentication: { method: 'keyFile', path: keyFile },
      });
      return { ...hostSettings(), name: 'merging', connection };
    },
    down: () => server.stop(),
    async createVirtualMachine(spec) {
      const here = { ...spec, disks: [...spec.disks], version };
      await testbed.deleteVirtualMachine(here);
      const vm = await testbed.createVirtualMachine(here);
      made.set(vm.uuid, vm);
      return vm;
    },
    deleteVirtualMachine: (vm) => testbed.deleteVirtualMachine(handle(vm)),
    virsh: (argv) => testbed.virsh(argv, { version }),
    createImage: (path, virtualBytes, backing) => testbed.createImage(path, 'qcow2', virtualBytes, backing),
    exists: existsSync,
    writeGuestDisk: (vm, target, byte, offset, length) =>
      testbed.writeGuestDisk(handle(vm), target, byte, offset, length),
    guestDiskHasPattern: (vm, target, byte, offset) => testbed.guestDiskHasPattern(handle(vm), target, byte, offset),
    hasPattern: (image, byte, offset) => testbed.hasPattern(image, byte, offset),
    async killStep() {
      const { stdout } = await run('pgrep', ['-f', 'snaptree-merge qemu']);
      for (const pid of stdout.trim().split('\n').map(Number)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended with another.
        }
      }
    },
  };
}

/** What needs links, or a process that holds an image open. */
function declareRealOnly(version: testbed.LibvirtVersion, tools: MergeTools): void {
  const { vm, file, chain, read, planFor, runs, commit, pull, imagesOf, expectDataOf } = tools;

  /** Runs a step as the host would, outside of an operation. */
  async function step({ argv: [program = '', ...words] }: PlanStep) {
    const folder = join(vm().folder, 'operation', '1');
    await mkdir(folder, { recursive: true });
    const environment = { SNAPTREE_STEP: folder };
    return runAt(placeOf(version), program, words, { environment, expect: [0, 1] });
  }

  it('finds images by whatever path libvirt names them', async () => {
    await chain(false);
    const link = join(vm().folder, 'link');
    await symlink(vm().folder, link);
    await run('qemu-img', ['rebase', '-u', '-F', 'qcow2', '-b', 'link/sn2.qcow2', file(3)]);
    await testbed.redefineVirtualMachine(vm(), (xml) => xml.replace(file(4), join(link, 'sn4.qcow2')), { version });
    await testbed.virsh(['start', vm().uuid], { version });
    await runs(commit(3, 2));
    await runs(pull(1));
    expect(await imagesOf()).toEqual([file(4), file(1), file(0)]);
    await expectDataOf(4);
  });

  it.each(['running', 'shut off'])(
    'keeps names that count from the folder of a chain, so that it can be moved (%s)',
    async (state) => {
      await chain(false);
      for (const number of [1, 2, 3, 4]) {
        const below = basename(file(number - 1));
        await run('qemu-img', ['rebase', '-u', '-F', 'qcow2', '-b', below, file(number)]);
      }
      if (state === 'running') await testbed.virsh(['start', vm().uuid], { version });
      const nameBelow = async (number: number) => (await imageInfo(file(number)))['backing-filename'];
      await runs(commit(2, 0, { oneByOne: true }));
      expect(await nameBelow(3)).toBe(basename(file(0)));
      await runs(pull(0));
      expect(await nameBelow(4)).toBe(basename(file(0)));
      await expectDataOf(4);
    },
  );

  it('begins nothing where somebody took a snapshot after the host was read', async () => {
    await chain(true);
    const plans = [await planFor(commit(4, 2)), await planFor(pull(1))];
    const theirs = join(vm().folder, 'theirs.qcow2');
    const disk = ['--diskspec', `vda,file=${theirs}`];
    await testbed.virsh(['snapshot-create-as', vm().uuid, 'theirs', '--disk-only', '--atomic', ...disk], { version });
    for (const { steps } of plans) {
      const merge = steps.find(({ cancellation }) => cancellation === 'abort');
      if (!merge) throw new Error('The plan has other steps.');
      const { exitCode, stderr } = await step(merge);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`writes to ${theirs} now`)]);
    }
    expect(await imagesOf()).toEqual([theirs, ...[4, 3, 2, 1, 0].map(file)]);
  });

  it('leaves the job alone that somebody began on the disk after they had ended ours', async () => {
    await chain(true, 3);
    const { steps } = await planFor(commit(4, 0, { bytesPerSecond: 1024 ** 2 }));
    const merge = steps.find(({ cancellation }) => cancellation === 'abort');
    if (!merge) throw new Error('The plan has other steps.');
    const ending = step(merge);
    const virsh = async (...argv: readonly string[]) => (await testbed.virsh(argv, { version })).stdout.trim();
    const job = () => virsh('blockjob', vm().uuid, 'vda', '--info', '--raw');
    await expect.poll(job, { timeout: 30_000 }).not.toBe('');
    const scripts = listProcesses().filter(({ commandLine }) => commandLine.includes('snaptree-merge qemu'));
    expect(scripts.length).toBeGreaterThan(0);
    const copy = join(vm().folder, 'copy.qcow2');
    for (const { pid } of scripts) signal(pid, 'SIGSTOP');
    try {
      await virsh('blockjob', vm().uuid, 'vda', '--abort');
      await virsh('blockcopy', vm().uuid, 'vda', `--dest=${copy}`, '--format=qcow2', '--transient-job');
      await expect.poll(() => virsh('dumpxml', vm().uuid), { timeout: 30_000 }).toContain("ready='yes'");
    } finally {
      for (const { pid } of scripts) signal(pid, 'SIGCONT');
    }
    const { exitCode, stderr } = await ending;
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('another job runs on vda now')]);
    expect(await job()).toContain('Block Copy');
    await virsh('blockjob', vm().uuid, 'vda', '--abort');
    expect(await imagesOf()).toEqual([4, 3, 2, 1, 0].map(file));
    await expectDataOf(4);
  });

  it('ends at once with a VM that libvirt has forgotten', async () => {
    await chain(true, 2);
    const { steps } = await planFor(commit(3, 1, { bytesPerSecond: 1024 ** 2 }));
    const merge = steps.find(({ cancellation }) => cancellation === 'abort');
    if (!merge) throw new Error('The plan has other steps.');
    const ending = step(merge);
    const job = async () =>
      (await testbed.virsh(['blockjob', vm().uuid, 'vda', '--info', '--raw'], { version })).stdout.trim();
    await expect.poll(job, { timeout: 30_000 }).not.toBe('');
    await testbed.virsh(['undefine', vm().uuid, '--snapshots-metadata'], { version });
    await testbed.virsh(['destroy', vm().uuid], { version });
    const { exitCode, stderr } = await ending;
    expect(exitCode).toBe(1);
    expect(stderr).toContain('libvirt has no definition of it any more');
  });

  it('takes no snapshot for spoiled by a merge that could not write, and removes nothing while a base is not on storage', async () => {
    await chain(false);
    const plan = await planFor(commit(3, 1));
    await testbed.virsh(['start', vm().uuid], { version });
    const live = await planFor(commit(3, 1));
    await testbed.virsh(['destroy', vm().uuid], { version });
    const holder = spawn('qemu-io', ['-c', 'sleep 60000', file(1)]);
    try {
      await expect.poll(async () => (await run('qemu-img', ['info', file(1)], { expect: [0, 1] })).exitCode).toBe(1);
      const [merge, records] = plan.steps.filter(({ group }) => group !== null);
      const look = live.steps.find(({ title }) => title.startsWith('Check that nothing needs'));
      if (!merge || !records || !look) throw new Error('The plan has other steps.');
      expect((await step(merge)).stderr).toContain('Nothing was changed.');
      expect((await step(records)).exitCode).toBe(0);
      expect((await step(look)).stderr).toContain('Nothing was removed.');
    } finally {
      holder.kill();
    }
    expect((await read()).snapshots).toHaveLength(4);
  });
}
