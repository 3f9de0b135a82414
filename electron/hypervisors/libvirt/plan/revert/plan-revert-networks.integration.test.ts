/**
 * A snapshot with memory whose virtual network, or a filter of it, is gone, on the libvirt of this machine: 7.0 does not end the VM for a revert, and the
 * root folder of 11.3 has no /dev/net/tun, without which a VM with a network does not start.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { planOn } from '../../../../../e2e/testbeds/real-plans.fixtures.ts';

const network = `snaptree-net "it's" & <more>`;
const filter = 'snaptree-filter';
const filterXml = `<filter name='${filter}' chain='root'/>`;
const networkXml = `<network><name>snaptree-net &quot;it&apos;s&quot; &amp; &lt;more&gt;</name></network>`;

onEachLibvirt(suite, { only: '9.0' });

function suite(version: testbed.LibvirtVersion): void {
  const spec = { name: 'snaptree-revert-networks', disks: [{ target: 'vda' }], version };
  let vm: testbed.VirtualMachine;
  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });

  async function removeFilter(): Promise<void> {
    await virsh('nwfilter-undefine', `--nwfilter=${filter}`).catch(() => undefined);
  }
  async function removeNetwork(): Promise<void> {
    await virsh('net-destroy', `--network=${network}`).catch(() => undefined);
    await virsh('net-undefine', `--network=${network}`).catch(() => undefined);
  }
  /** Runs the look as it would run on the host. */
  async function look() {
    const { refusals, steps } = await planOn(version, {
      action: 'revertToSnapshot',
      saveAs: null,
      vmUuid: vm.uuid,
      snapshotId: 'one',
    });
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
    await removeFilter();
    vm = await testbed.createVirtualMachine(spec);
    await testbed.virshWithXml(['net-define'], networkXml, [], { version });
    await virsh('net-start', `--network=${network}`);
    await testbed.virshWithXml(['nwfilter-define'], filterXml, [], { version });
    const card = `<interface type='network'><source network='snaptree-net "it&apos;s" &amp; &lt;more&gt;'/><model type='virtio'/><filterref filter='${filter}'/></interface></devices>`;
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace('</devices>', card), { version });
    await virsh('start', vm.uuid);
    await virsh('snapshot-create-as', vm.uuid, '--name=one');
  });
  afterEach(async () => {
    await testbed.deleteVirtualMachine(spec);
    await removeNetwork();
    await removeFilter();
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

  it('needs its filters as well', async () => {
    // libvirt undefines no filter that a VM uses.
    const { stdout } = await virsh('dumpxml', '--inactive', '--security-info', vm.uuid);
    await virsh('destroy', vm.uuid);
    await testbed.virshWithXml(['define'], stdout.replace(/<filterref [^>]*\/>/, ''), [], { version });
    await virsh('start', vm.uuid);
    expect(await look()).toMatchObject({ status: 0, stdout: '', stderr: '' });
    await virsh('nwfilter-undefine', `--nwfilter=${filter}`);
    const found = await look();
    expect(found.status).toBe(1);
    expect(found.stderr).toContain(`Nothing was changed: the filter “${filter}”`);

    await expect(virsh('snapshot-revert', vm.uuid, '--snapshotname=one')).rejects.toThrow(/filter/);
    expect(await testbed.stateOf(vm.uuid, version)).toBe('shut off');
  });
}
