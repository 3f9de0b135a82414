/**
 * Networks, filters and secrets that VMs need are taken away: Snaptree says that libvirt will refuse, libvirt really does, and after
 * what is said to mend it the VM starts. On the libvirt of this machine: the root folders of the others have no /dev/net/tun, without
 * which a VM with a network does not start.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEncryptedImage } from '../../../../../e2e/testbeds/encrypted-image.ts';
import { onEachLibvirt } from '../../../../../e2e/testbeds/each-libvirt.ts';
import * as testbed from '../../../../../e2e/testbeds/index.ts';
import { createLocalRunner } from '../../../../hosts/commands/local-runner.fixtures.ts';
import { createLibvirtDriver } from '../../index.ts';
import { vmOf } from '../reading.fixtures.ts';

const network = `snaptree start's <net>`;
const inXml = network.replaceAll("'", '&apos;').replaceAll('<', '&lt;');
const filter = 'snaptree-start-filter';
const secret = randomUUID();
const passphrase = 'correct horse';

onEachLibvirt(suite, { only: '9.0' });

function suite(version: testbed.LibvirtVersion): void {
  const withNetwork = { name: 'snaptree-start-network', disks: [{ target: 'vda' }], running: false, version };
  const withSecret = { name: 'snaptree-start-secret', disks: [{ target: 'vda' }], running: false, version };
  const virsh = (...argv: string[]) => testbed.virsh(argv, { version });
  const runner = createLocalRunner(testbed.placeOf(version).root);
  const driver = createLibvirtDriver('qemu:///system');
  const memory = driver.createMemory();
  const made = new Map<string, testbed.VirtualMachine>();
  const uuidOf = (name: string): string => made.get(name)?.uuid ?? '';

  const obstaclesIn = (inventory: Parameters<typeof vmOf>[0], name: string) =>
    (vmOf(inventory, uuidOf(name)).startObstacles ?? []).map(({ path, message, remedy }) => ({
      path,
      said: `${message} ${remedy}`,
    }));
  /** What a poll finds: whoever reads again does not need to. */
  const obstacles = async (name: string) => {
    const { inventory } = await driver.poll(runner, memory, {});
    const whole = await driver.read(runner, { priority: 'user' });
    expect(obstaclesIn(inventory, name)).toEqual(obstaclesIn(whole, name));
    return obstaclesIn(whole, name);
  };
  const tryToStart = async (name: string): Promise<string> => {
    const { stderr } = await testbed.virsh(['start', uuidOf(name)], { version, expect: [0, 1] });
    await virsh('destroy', uuidOf(name)).catch(() => undefined);
    return stderr.trim();
  };
  async function removeAll(): Promise<void> {
    for (const spec of [withNetwork, withSecret]) await testbed.deleteVirtualMachine(spec);
    await virsh('net-destroy', `--network=${network}`).catch(() => undefined);
    await virsh('net-undefine', `--network=${network}`).catch(() => undefined);
    await virsh('nwfilter-undefine', `--nwfilter=${filter}`).catch(() => undefined);
    await virsh('secret-undefine', secret).catch(() => undefined);
  }

  beforeAll(async () => {
    await testbed.up();
    await removeAll();
    for (const spec of [withNetwork, withSecret]) made.set(spec.name, await testbed.createVirtualMachine(spec));
    await driver.read(runner, { priority: 'user', memory });
  });
  afterAll(removeAll);

  it('a network that is not there or not active, and a filter, keep a VM from starting', async () => {
    const { name } = withNetwork;
    await testbed.virshWithXml(['nwfilter-define'], `<filter name='${filter}' chain='root'/>`, [], { version });
    const card = `<interface type='network'><source network='${inXml}'/><model type='virtio'/><filterref filter='${filter}'/></interface></devices>`;
    const vm = made.get(name);
    if (!vm) throw new Error('no VM');
    await testbed.redefineVirtualMachine(vm, (xml) => xml.replace('</devices>', card), { version });
    expect(await obstacles(name)).toEqual([
      {
        path: `network ${network}`,
        said: `The VM needs the virtual network “${network}”, and libvirt lists none of that name: libvirt will refuse to start it. Define and start it (virsh net-define, net-start), or take it out of the definition: virsh edit ${uuidOf(name)}`,
      },
    ]);
    expect(await tryToStart(name)).toMatch(/Network not found/i);

    await testbed.virshWithXml(['net-define'], `<network><name>${inXml}</name></network>`, [], { version });
    const [inactive, ...others] = await obstacles(name);
    expect(others).toEqual([]);
    expect(inactive?.said).toContain('which is not active: libvirt will refuse to start it. Start the network: virsh ');
    expect(await tryToStart(name)).toContain('is not active');
    const command = inactive?.said.slice(inactive.said.lastIndexOf(': virsh ') + 2) ?? '';
    await runner.runScript({
      script: command.replace(/^virsh /, 'virsh -c qemu:///system '),
      title: command,
      timeoutSeconds: 60,
      priority: 'user',
    });
    expect(await obstacles(name)).toEqual([]);
    expect(await tryToStart(name)).toBe('');

    // libvirt undefines no filter that a VM uses while it runs.
    await virsh('nwfilter-undefine', `--nwfilter=${filter}`);
    expect(await obstacles(name)).toEqual([
      { path: `filter ${filter}`, said: expect.stringContaining('libvirt will refuse to start it.') as string },
    ]);
    expect(await tryToStart(name)).toContain(filter);
    await testbed.virshWithXml(['nwfilter-define'], `<filter name='${filter}' chain='root'/>`, [], { version });
    expect(await obstacles(name)).toEqual([]);
    expect(await tryToStart(name)).toBe('');
  }, 180_000);

  it('the secret of an encrypted disk as well', async () => {
    const { name } = withSecret;
    const vm = made.get(name);
    const image = vm?.images['vda'] ?? '';
    if (!vm) throw new Error('no VM');
    await createEncryptedImage(`${image}.new`, { format: 'qcow2', size: '16M', passphrase });
    await runner.runScript({
      script: `mv '${image}.new' '${image}'`,
      title: 'mv',
      timeoutSeconds: 60,
      priority: 'user',
    });
    const encryption = `<encryption format='luks'><secret type='passphrase' uuid='${secret}'/></encryption>`;
    await testbed.redefineVirtualMachine(
      vm,
      (xml) => xml.replace(/(<source file='[^']*')\/>/, `$1>${encryption}</source>`),
      { version },
    );
    expect((await obstacles(name)).map(({ path }) => path)).toEqual([`secret ${secret}`]);
    expect(await tryToStart(name)).toMatch(/secret/i);
    await testbed.virshWithXml(
      ['secret-define'],
      `<secret ephemeral='no' private='yes'><uuid>${secret}</uuid></secret>`,
      [],
      { version },
    );
    await virsh('secret-set-value', secret, Buffer.from(passphrase).toString('base64'));
    expect(await obstacles(name)).toEqual([]);
    expect(await tryToStart(name)).toBe('');
  }, 120_000);
}
