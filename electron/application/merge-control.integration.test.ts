/** Merges on real libvirts that are told how to go on, and those that cannot catch up with a guest that writes all the time. */
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { written, writingBootSector } from '../../e2e/testbeds/boot-sector.ts';
import { onEachLibvirt } from '../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../e2e/testbeds/index.ts';
import { listProcesses, signal } from '../../e2e/testbeds/processes.ts';
import { run } from '../../e2e/testbeds/run.ts';
import { TestbedApplication } from '../../e2e/testbeds/testbed-application.fixtures.ts';
import { writeBootSector } from '../../e2e/testbeds/virtual-machine.ts';
import { mergeControlSuite } from './merge-control.fixtures.ts';

const mebibyte = 1024 ** 2;

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
onEachLibvirt(suite, { about: 'merges that are told how to go on, on libvirt', sampled: { oneIn: 2 } });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { version, name: 'snaptree-merge-control', disks: [{ target: 'vda', bootable: false }] };
  let connection: testbed.TestbedConnection;
  let server: testbed.SshServer;
  let made: testbed.VirtualMachine;
  const virsh = (argv: readonly string[]) => testbed.virsh(argv, { version });

  const host = {
    printsAtOnce: true,
    async up() {
      connection = await testbed.up();
      server = await testbed.startSshServer({ name: `merge-control-${version.replace('.', '-')}`, version });
    },
    down: () => server.stop(),
    open: () => TestbedApplication.open(server, connection),
    /** Its guest makes 5 to 18 MiB a second to be copied anew, by how busy the machine is. */
    async createVirtualMachine() {
      await testbed.deleteVirtualMachine(spec);
      made = await testbed.createVirtualMachine(spec);
      const { uuid, folder } = made;
      const base = made.images['vda'] ?? '';
      const overlay = join(folder, 'sn1.qcow2');
      await writeBootSector(base, 'qcow2', writingBootSector(8));
      await virsh(['start', uuid]);
      const disk = `vda,snapshot=external,file=${overlay}`;
      await virsh(['snapshot-create-as', uuid, '--name=sn1', '--disk-only', '--atomic', '--diskspec', disk]);
      await testbed.writeGuestDisk(made, 'vda', 0xee, 200 * mebibyte, 16 * mebibyte);
      return { uuid, folder, base, overlay };
    },
    deleteVirtualMachine: () => testbed.deleteVirtualMachine(spec),
    virsh,
    activeImage: () => testbed.activeImage(made, 'vda'),
    async expectAllWrites({ uuid, folder }: { readonly uuid: string; readonly folder: string }, image: string) {
      await virsh(['destroy', uuid]);
      expect(await testbed.hasPattern(image, 0xee, 200 * mebibyte, 16 * mebibyte)).toBe(true);
      const raw = join(folder, 'read.raw');
      await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', '--', image, raw]);
      const counts = countsIn(raw);
      rmSync(raw);
      const last = Math.max(...counts);
      expect(last).toBeGreaterThan(0);
      // Of each place the newest count that belongs there; 0 where the guest has not come to it yet.
      const { places } = written;
      const expected = counts.map((_, place) => Math.max(0, last - ((((last - place) % places) + places) % places)));
      expect(counts).toEqual(expected);
    },
    killStep({ uuid }: { readonly uuid: string }) {
      const scripts = listProcesses().filter(
        ({ commandLine }) => commandLine.includes('snaptree-merge qemu') && commandLine.includes(uuid),
      );
      expect(scripts.length).toBeGreaterThan(0);
      for (const { pid } of scripts) signal(pid, 'SIGKILL');
      return Promise.resolve();
    },
  };

  mergeControlSuite(host, ({ vm, application, begin, adjust, jobLimit }) => {
    it('leaves the job of somebody else alone', async () => {
      const { uuid, folder } = vm();
      const id = await begin();
      await virsh(['blockjob', uuid, 'vda', '--abort']);
      const copy = ['--dest', join(folder, 'copy.qcow2'), '--transient-job', '--bandwidth', '1'];
      await virsh(['blockcopy', uuid, 'vda', ...copy]);
      await expect(adjust(id, { kind: 'limit', bytesPerSecond: null })).rejects.toThrow(/nothing was changed/i);
      expect(await jobLimit()).toBe(String(mebibyte));
      await virsh(['blockjob', uuid, 'vda', '--abort']);
      expect((await application().rests(id, 120_000)).state).toBe('failed');
    });
  });
}

/** The counts that the guest wrote, by their places. */
function countsIn(raw: string): readonly number[] {
  const { offset, places, distance } = written;
  const file = openSync(raw, 'r');
  const word = Buffer.alloc(4);
  const counts = Array.from({ length: places }, (_, place) => {
    readSync(file, word, 0, 4, offset + place * distance);
    return word.readUInt32LE();
  });
  closeSync(file);
  return counts;
}
