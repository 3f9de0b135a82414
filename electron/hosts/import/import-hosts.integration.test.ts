/** Importing with the real ssh -G. Nothing is connected to. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportCandidate } from '../../../shared/contract.ts';
import { importCandidateSchema } from '../../../shared/contract.ts';
import { hostSettings, hostWithId, sshConnection } from '../../../shared/model/host.fixtures.ts';
import type { Host } from '../../../shared/model/host.ts';
import { importableHosts } from './import-hosts.ts';

let folder: string;
let configFile: string;
let key: string;
const environment = { SSH_AUTH_SOCK: '/run/agent' };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-import-'));
  configFile = join(folder, 'config');
  key = join(folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function fromConfig(lines: readonly string[], known: readonly Host[] = []) {
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const found = await importableHosts({ kind: 'sshConfig' }, known, { configFile, environment });
  for (const each of found) importCandidateSchema.parse(each);
  return new Map(found.map((each) => [each.origin, each]));
}

async function fromUri(uri: string, known: readonly Host[] = []): Promise<ImportCandidate | undefined> {
  if (!existsSync(configFile)) writeFileSync(configFile, '');
  const found = await importableHosts({ kind: 'uri', uri }, known, { configFile, environment });
  for (const each of found) importCandidateSchema.parse(each);
  return found[0];
}

const { username } = userInfo();

describe('from ~/.ssh/config', () => {
  it('takes values as Include, Match, patterns and tokens make them', async () => {
    writeFileSync(join(folder, 'more.conf'), `Host kvm2\n Port 2222\n`);
    const found = await fromConfig([
      `Include ${folder}/*.conf`,
      'Host kvm1 kvm2',
      ' HostName %h.example',
      'Match host *.example exec "true"',
      ' User admin',
      'Host kvm*',
      ` IdentityFile ${key}`,
      ' User late',
      'Host *',
      ' ServerAliveInterval 60',
    ]);
    expect([...found.keys()]).toEqual(['kvm2', 'kvm1']);
    const authentication = { method: 'keyFile', path: key } as const;
    expect(found.get('kvm1')).toEqual({
      origin: 'kvm1',
      settings: {
        ...hostSettings({ name: 'kvm1' }),
        connection: sshConnection({ address: 'kvm1.example', user: 'admin', authentication }),
      },
      problem: null,
      notes: [expect.stringContaining('Match exec') as string],
      sameAs: null,
    });
    expect(found.get('kvm2')?.settings?.connection).toMatchObject({ address: 'kvm2.example', port: 2222 });
  });

  it('follows jump hosts, each by its own configuration', async () => {
    const found = await fromConfig([
      'Host inner',
      ' ProxyJump first,me@[2001:db8::2]:2200',
      'Host first',
      ' HostName first.example',
      ' Port 2201',
      ' ProxyJump outer',
      'Host outer',
      ' User gate',
      'Host circle',
      ' ProxyJump circle2',
      'Host circle2',
      ' ProxyJump circle',
      'Host special',
      ' ProxyJump proxied',
      'Host proxied',
      ' ProxyCommand nc %h %p',
    ]);
    expect(found.get('inner')?.settings?.connection).toMatchObject({
      address: 'inner',
      jumps: [
        { address: 'outer', port: 22, user: 'gate' },
        { address: 'first.example', port: 2201, user: username },
        { address: '2001:db8::2', port: 2200, user: 'me' },
      ],
    });
    expect(found.get('circle')).toMatchObject({ settings: null });
    expect(found.get('circle')?.problem).toContain('circle');
    expect(found.get('special')?.settings?.connection).toMatchObject({ transport: 'openssh', destination: 'special' });
    expect(found.get('special')?.notes.join()).toContain('Jump host proxied');
  });

  it('proposes OpenSSH where only that does, and says why', async () => {
    execFileSync('ssh-keygen', ['-q', '-s', key, '-I', 'x', '-n', 'root', `${key}.pub`]);
    const found = await fromConfig(['Host certified', ` CertificateFile ${key}-cert.pub`, 'Host plain']);
    const connection = { transport: 'openssh', destination: 'certified', port: null, user: null };
    expect(found.get('certified')?.settings?.connection).toEqual(connection);
    expect(found.get('certified')?.notes.join()).toContain('CertificateFile');
    expect(found.get('plain')?.settings?.connection.transport).toBe('ssh');
  });

  it('tells of each alias that is no host, and goes on', async () => {
    const marker = join(folder, 'marker');
    const found = await fromConfig([`Host -oProxyCommand=touch${marker} "two words" good`, ' User root']);
    expect(existsSync(marker)).toBe(false);
    expect(found.get('two words')?.settings).toBeNull();
    expect(found.get(`-oProxyCommand=touch${marker}`)?.settings).toBeNull();
    expect(found.get('good')?.settings?.name).toBe('good');
  });

  it('tells of each alias that the configuration is broken', async () => {
    const found = await fromConfig(['Host good', 'NoSuchOption yes']);
    expect(found.get('good')?.problem).toContain('nosuchoption');
  });

  it('gives names that are free, and names the host that is there already', async () => {
    const known = [
      hostWithId('6b1f9f6e-6b0c-4a3e-9a55-0a2b8a4f6c11', { name: 'KVM1', connection: { transport: 'local' } }),
      hostWithId('6b1f9f6e-6b0c-4a3e-9a55-0a2b8a4f6c12', {
        name: 'by address',
        connection: sshConnection({ address: 'KVM1.example' }),
      }),
    ];
    const found = await fromConfig(['Host kvm1', ' HostName kvm1.example', ' User root'], known);
    expect(found.get('kvm1')).toMatchObject({ settings: { name: 'kvm1 (2)' }, sameAs: 'by address' });
  });

  it('fails where there is no configuration, and where there is no ssh', async () => {
    const nothing = importableHosts({ kind: 'sshConfig' }, [], { configFile: join(folder, 'none'), environment });
    await expect(nothing).rejects.toMatchObject({ code: 'importFailed' });
    writeFileSync(configFile, 'Host a\n');
    const noSsh = importableHosts({ kind: 'sshConfig' }, [], { configFile, environment: { PATH: folder } });
    await expect(noSsh).rejects.toMatchObject({ code: 'importFailed' });
  });
});

describe('from a URI', () => {
  it('takes what stands in it, and asks the configuration for the rest', async () => {
    writeFileSync(configFile, 'Host kvm1\n HostName kvm1.example\n User admin\n Port 2222\n');
    expect((await fromUri('qemu+ssh://kvm1/system'))?.settings).toMatchObject({
      name: 'kvm1',
      hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
      connection: { transport: 'ssh', address: 'kvm1.example', user: 'admin', port: 2222 },
    });
    const own = await fromUri(`qemu+ssh://root@kvm1:22/session?keyfile=${key}`);
    expect(own?.settings).toMatchObject({
      hypervisor: { kind: 'libvirt', uri: 'qemu:///session' },
      connection: { user: 'root', port: 22, authentication: { method: 'keyFile', path: key } },
    });
  });

  it('is this computer, or refused with a reason', async () => {
    expect((await fromUri('qemu:///system'))?.settings?.connection).toEqual({ transport: 'local' });
    const refused = await fromUri('qemu+tcp://kvm1/system');
    expect(refused).toMatchObject({ settings: null });
    expect(refused?.problem).toContain('SSH');
    expect((await fromUri('qemu+ssh://-oProxyCommand=x/system'))?.settings).toBeNull();
  });
});
