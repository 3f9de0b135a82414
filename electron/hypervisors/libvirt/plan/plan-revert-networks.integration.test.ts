/**
 * A snapshot with memory whose virtual network is gone, on the libvirt of this machine: 7.0 does not end the VM for a revert, and the
 * root folder of 11.3 has no /dev/net/tun, without which a VM with a network does not start.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as testbed from '../../../../e2e/testbeds/index.ts';
import { createLocalRunner } from '../../../hosts/commands/local-runner.fixtures.ts';
import { readLibvirt } from '../read/read.ts';
import { planLibvirt } from './plan.ts';

const uri = 'qemu:///system';
const network = `snaptree-net "it's" & <more>`;
const networkXml = `<network><name>snaptree-net &quot;it&apos;s&quot; &amp; &lt;more&gt;</name></network>`;

const version = '9.0';
const place = testbed.libvirtVersions().find((each) => each.version === version);

describe.skipIf(place?.up !== true)(`libvirt ${version}${place?.reason ? ` (${place.reason})` : ''}`, () => {
  const spec = { name: 'snaptree-revert-networks', disks: [{ target: 'vda' }], version } as const;
  let vm: testbed.VirtualMachine;
  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });

  async function removeNetwork(): Promise<void> {
    await virsh('net-destroy', `--network=${network}`).catch(() => undefined);
    await virsh('net-undefine', `--network=${network}`).catch(() => undefined);
  }
  /** Runs the look as it would run on the host. */
  async function look() {
    const { refusals, steps } = planLibvirt(
      uri,
      { action: 'revertToSnapshot', vmUuid: vm.uuid, snapshotId: 'one' },
      await readLibvirt(createLocalRunner(testbed.placeOf(version).root), uri, { priority: 'user' }),
    );
    expect(refusals).toEqual([]);
    const [program = '', ...rest] = steps[1]?.argv ?? [];
    return spawnSync(program, rest, { encoding: 'utf8' });
  }

  beforeAll(async () => {
    await testbed.up();
  });
  beforeEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    await removeNetwork();
    vm = await testbed.createVirtualMachine(spec);
    await testbed.virshWithXml(['net-define'], networkXml, [], { version });
    await virsh('net-start', `--network=${network}`);
    const { stdout } = await virsh('dumpxml', '--inactive', '--security-info', vm.uuid);
    const card = `<interface type='network'><source network='snaptree-net "it&apos;s" &amp; &lt;more&gt;'/><model type='virtio'/></interface></devices>`;
    await testbed.virshWithXml(['define'], stdout.replace('</devices>', card), [], { version });
    await virsh('start', vm.uuid);
    await virsh('snapshot-create-as', vm.uuid, '--name=one');
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    await removeNetwork();
  });

  it('is found before the VM is ended for it, and libvirt would have ended it', async () => {
    expect(await look()).toMatchObject({ status: 0, stdout: '', stderr: '' });
    await removeNetwork();
    const found = await look();
    expect(found.status).toBe(1);
    expect(found.stderr).toContain(`the network “${network}”`);
    expect(await testbed.stateOf(vm.uuid, version)).toBe('running');

    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=one')).rejects.toThrow(/etwork/);
    expect(await testbed.stateOf(vm.uuid, version)).toBe('shut off');
  });
});
