import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as testbed from './index.ts';
import { changedCaches } from './chroots.ts';
import { imageInfo } from './disks.ts';
import { run } from './run.ts';
import type { CommandResult } from './run.ts';
import type { SshServer, TestbedConnection, VirtualMachine } from './index.ts';

const { accounts, keyFiles, virsh } = testbed;
let bed: TestbedConnection;
const servers: SshServer[] = [];

beforeAll(async () => {
  bed = await testbed.up();
});

afterAll(async () => {
  for (const server of servers) await server.stop();
});

function sshArguments(port: number, user: string, hostKeys: string): string[] {
  const options = ['BatchMode=yes', 'LogLevel=ERROR', `UserKnownHostsFile=${hostKeys}`, 'IdentitiesOnly=yes'];
  const strict = hostKeys === '/dev/null' ? ['StrictHostKeyChecking=no'] : ['StrictHostKeyChecking=yes'];
  return [
    '-F',
    'none',
    '-p',
    String(port),
    '-i',
    keyFiles.plain,
    ...[...options, ...strict].flatMap((each) => ['-o', each]),
    `${user}@127.0.0.1`,
  ];
}

async function ssh(port: number, user: string, command: string, input = ''): Promise<CommandResult> {
  return run('ssh', [...sshArguments(port, user, '/dev/null'), command], { input, expect: [0, 1, 127, 255] });
}

async function start(options: Parameters<typeof testbed.startSshServer>[0]): Promise<SshServer> {
  const server = await testbed.startSshServer(options);
  servers.push(server);
  return server;
}

describe('accounts', () => {
  const overlay = () => join(testbed.fixtureVirtualMachine('snaptree-external').folder, 'vda.latest');

  it('root sees the VMs and reads an overlay made by libvirt', async () => {
    const result = await ssh(
      bed.port,
      accounts.administrator,
      `virsh -c qemu:///system list --name; qemu-img info -U '${overlay()}'`,
    );
    expect(result.stdout).toContain('snaptree-first');
    expect(result.stdout).toContain('backing file:');
  });

  it('the operator sees the VMs but does not read the overlay', async () => {
    const result = await ssh(
      bed.port,
      accounts.operator,
      `virsh -c qemu:///system list --name; qemu-img info -U '${overlay()}'`,
    );
    expect(result.stdout).toContain('snaptree-first');
    expect(result.stderr).toContain('Permission denied');
  });

  it('the outsider may not use the socket', async () => {
    const result = await ssh(bed.port, accounts.outsider, 'virsh -c qemu:///system list --name');
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/Failed to connect socket to '.*libvirt-sock': Permission denied/);
  });
});

describe('the VMs', () => {
  it('stay as they are when up is run again', async () => {
    const before = await testbed.status();
    expect(await testbed.up()).toEqual(bed);
    expect(await testbed.status()).toEqual(before);
    expect(before.virtualMachines.map((vm) => vm.name)).toEqual(
      expect.arrayContaining(testbed.fixtures.map(({ spec }) => spec.name)),
    );
  });

  it('have a memory and a disk that are seen to go back on revert', async () => {
    const spec = { name: 'snaptree-self-test', running: true };
    await testbed.deleteVirtualMachine(spec);
    const vm = await testbed.createVirtualMachine(spec);
    try {
      const counted = (least: number) =>
        testbed.waitUntil(
          `the guest to count to ${least}`,
          () => (testbed.readSerialCounter(vm) ?? 0) >= least,
          20_000,
        );
      await counted(1);
      await testbed.writeGuestDisk(vm, 'vdb', 0x11);
      await virsh(['snapshot-create-as', vm.uuid, '--name=kept']);
      const kept = testbed.readSerialCounter(vm) ?? 0;
      await testbed.writeGuestDisk(vm, 'vdb', 0x22);
      await counted(kept + 3);
      const length = testbed.readSerialCounts(vm).length;
      await virsh(['snapshot-revert', vm.uuid, '--snapshotname=kept']);
      await testbed.waitUntil('the guest to count on', () => testbed.readSerialCounts(vm).length > length, 20_000);
      const after = testbed.readSerialCounts(vm)[length] ?? 0;
      expect(after).toBeLessThan(kept + 3);
      expect(after).toBeGreaterThanOrEqual(kept);
      expect(await testbed.guestDiskHasPattern(vm, 'vdb', 0x11)).toBe(true);
      expect(await testbed.guestDiskHasPattern(vm, 'vdb', 0x22)).toBe(false);
      expect(await testbed.internalSnapshotsOf(vm.images['vdb'] ?? '')).toEqual(['kept']);
    } finally {
      await testbed.deleteVirtualMachine(spec);
    }
    expect(await testbed.stateOf(vm.uuid)).toBeUndefined();
  });

  it('have a tree of internal snapshots', async () => {
    const vm = await testbed.resetVirtualMachine('snaptree-tree');
    const parents: Record<string, string> = {};
    for (const name of Object.keys(testbed.treePatterns)) {
      const result = await virsh(['snapshot-parent', vm.uuid, `--snapshotname=${name}`], { expect: [0, 1] });
      parents[name] = result.stdout.trim();
    }
    expect(parents).toEqual({
      'clean install': '',
      configured: 'clean install',
      'before update': 'configured',
      'after update': 'before update',
      experiment: 'configured',
      'offline copy': 'clean install',
    });
    expect(await testbed.guestDiskHasPattern(vm, 'vdb', testbed.treePatterns.experiment)).toBe(true);
  });

  it('have a chain of external snapshots with a pattern in each layer', async () => {
    const vm = testbed.fixtureVirtualMachine('snaptree-external');
    const { folder, images } = vm;
    expect(await testbed.activeImage(vm, 'vda')).toBe(join(folder, 'vda.latest'));
    expect((await imageInfo(join(folder, 'vda.upgraded')))['backing-filename']).toBe(
      join(folder, 'vda.before upgrade'),
    );
    const base = images['vda'] ?? '';
    expect(await testbed.hasPattern(base, testbed.externalPatterns['before upgrade'], 1024 ** 2)).toBe(true);
    expect(await testbed.hasPattern(base, testbed.externalPatterns.upgraded, 2 * 1024 ** 2)).toBe(false);
    expect(
      await testbed.hasPattern(join(folder, 'vda.before upgrade'), testbed.externalPatterns.upgraded, 2 * 1024 ** 2),
    ).toBe(true);
  });

  it('have hostile names', async () => {
    const vm = testbed.fixtureVirtualMachine(testbed.hostileName);
    expect((await virsh(['domname', vm.uuid])).stdout.trim()).toBe(testbed.hostileName);
    expect(await testbed.internalSnapshotsOf(vm.images['vda'] ?? '')).toEqual(testbed.hostileSnapshotNames);
  });

  it('hold broken and shared images', async () => {
    const vda = (name: string) => testbed.fixtureVirtualMachine(name).images['vda'] ?? '';
    expect((await imageInfo(vda('snaptree-thin-a')))['backing-filename']).toBe(testbed.thinBase);
    expect((await imageInfo(vda('snaptree-thin-b')))['backing-filename']).toBe(testbed.thinBase);
    const chain = (image: string) => run('qemu-img', ['info', '-U', '--backing-chain', image], { expect: [1] });
    expect((await chain(vda('snaptree-missing-backing'))).stderr).toContain('No such file or directory');
    expect((await chain(vda('snaptree-loop'))).stderr).toContain('infinite loop');
  });

  it('have one without a current snapshot and with two roots', async () => {
    const { uuid } = testbed.fixtureVirtualMachine('snaptree-roots');
    const current = await virsh(['snapshot-current', uuid, '--name'], { expect: [1] });
    expect(current.stderr).toContain('has no current snapshot');
    const { stdout } = await virsh(['snapshot-list', uuid, '--roots', '--name']);
    expect(stdout.trim().split('\n')).toEqual(['first root', 'second root']);
  });
});

for (const { version, up, reason } of testbed.libvirtVersions()) {
  describe.skipIf(!up)(`libvirt ${version}${reason === '' ? '' : ` (${reason})`}`, () => {
    it('answers over SSH with that version, and with VMs of its own', async () => {
      const { port } = await testbed.connection(version);
      const said = await ssh(
        port,
        accounts.administrator,
        'virsh --version; virsh -c qemu:///system list --all --uuid',
      );
      const [is, ...uuids] = said.stdout.split('\n');
      expect(is).toMatch(new RegExp(`^${version.replace('.', '\\.')}\\.`));
      for (const { spec } of testbed.fixtures) {
        expect(uuids).toContain(testbed.fixtureVirtualMachine(spec.name, version).uuid);
      }
    });

    it('has images that the machine reads at the same path', async () => {
      const vm = testbed.fixtureVirtualMachine('snaptree-external', version);
      const active = await testbed.activeImage(vm, 'vda');
      expect(active).toBe(join(vm.folder, 'vda.latest'));
      expect((await imageInfo(active))['backing-filename']).toBe(join(vm.folder, 'vda.upgraded'));
    });

    it('meets faults', async () => {
      const server = await start({ name: `faults-${version.replace('.', '-')}`, faults: true, version });
      const { uuid } = testbed.fixtureVirtualMachine('snaptree-first', version);
      const fault = server.addFault({ command: 'dumpxml', vm: uuid, effect: 'fail' });
      const result = await ssh(server.port, accounts.administrator, `virsh -c qemu:///system dumpxml ${uuid}`);
      expect(result.stderr).toContain('failed to get domain');
      expect(fault.count()).toBe(1);
    });
  });
}

it('the root file systems of other versions are as they were built', () => {
  expect(changedCaches()).toEqual([]);
});

describe('SSH servers with faults', () => {
  const uuid = () => testbed.fixtureVirtualMachine('snaptree-first').uuid;

  it('a host without virsh', async () => {
    const server = await start({ name: 'without-virsh', without: ['virsh'] });
    expect((await ssh(server.port, accounts.administrator, 'virsh uri')).exitCode).toBe(127);
    expect((await ssh(server.port, accounts.administrator, 'qemu-img --version')).exitCode).toBe(0);
  });

  it('a host whose libvirt is down', async () => {
    const server = await start({ name: 'libvirt-down', libvirt: 'down' });
    const result = await ssh(server.port, accounts.operator, 'virsh -c qemu:///system list');
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/Failed to connect socket to '.*libvirt-sock': No such file or directory/);
  });

  it('a host whose key changes', async () => {
    const server = await start({ name: 'changing-key' });
    const before = await server.fingerprints();
    const changed = await server.changeHostKeys();
    expect(changed.port).toBe(server.port);
    expect(Object.keys(before).sort()).toEqual(['ssh-ed25519', 'ssh-rsa']);
    expect(Object.values(await changed.fingerprints())).not.toEqual(Object.values(before));
    expect((await ssh(changed.port, accounts.operator, 'true')).exitCode).toBe(0);
  });

  it('commands that fail for one VM, as arguments, in a batch and on standard input', async () => {
    const server = await start({ name: 'failing', faults: true });
    const fault = server.addFault({ command: 'dumpxml', vm: uuid(), effect: 'fail' });
    const batch = `domname ${uuid()}; dumpxml ${uuid()}; domname ${uuid()}`;
    const one = await ssh(server.port, accounts.operator, `virsh -c qemu:///system dumpxml --domain ${uuid()}`);
    expect(one.exitCode).toBe(1);
    expect(one.stderr).toContain('failed to get domain');
    const many = await ssh(server.port, accounts.operator, `virsh -c qemu:///system '${batch}'`);
    expect(many.stderr).toContain('failed to get domain');
    expect(many.stdout).toContain('snaptree-first');
    const fed = await ssh(
      server.port,
      accounts.operator,
      'virsh -q -c qemu:///system',
      batch.replaceAll('; ', '\n') + '\n',
    );
    expect(fed.stderr).toContain('failed to get domain');
    expect(fed.stdout.match(/^snaptree-first$/gm)).toHaveLength(2);
    expect(fault.count()).toBe(3);
    fault.remove();
    expect((await ssh(server.port, accounts.operator, `virsh -c qemu:///system dumpxml ${uuid()}`)).exitCode).toBe(0);
  });

  it('a command that is held while the connection is cut, and goes on', async () => {
    const spec = { name: 'snaptree-self-test-cut' };
    await testbed.deleteVirtualMachine(spec);
    const vm: VirtualMachine = await testbed.createVirtualMachine(spec);
    try {
      const server = await start({ name: 'cut', faults: true });
      const fault = server.addFault({ command: 'snapshot-create-as', vm: vm.uuid, effect: 'hold' });
      const command = `setsid virsh -c qemu:///system snapshot-create-as ${vm.uuid} --name=made </dev/null >/dev/null 2>&1`;
      const client = spawn('ssh', [...sshArguments(server.port, accounts.administrator, '/dev/null'), command], {
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => client.on('close', resolve));
      await fault.reached();
      server.dropConnections();
      expect(await ended).toBe(255);
      expect(await testbed.internalSnapshotsOf(vm.images['vda'] ?? '')).toEqual([]);
      fault.release();
      await testbed.waitUntil('the snapshot to be made', async () =>
        (await testbed.internalSnapshotsOf(vm.images['vda'] ?? '')).includes('made'),
      );
      expect((await ssh(server.port, accounts.administrator, 'true')).exitCode).toBe(0);
    } finally {
      await testbed.deleteVirtualMachine(spec);
    }
  });
});
