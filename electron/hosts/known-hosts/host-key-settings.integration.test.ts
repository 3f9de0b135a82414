/** The list of known_hosts files that OpenSSH's own configuration names, with the real ssh. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHostKeySettings, plainHostKeySettings, splitPaths } from './host-key-settings.ts';
import { createKnownHosts } from './known-hosts.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
let folder: string;
let configFile: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-files-'));
  configFile = join(folder, 'config');
  writeFileSync(
    configFile,
    [
      `GlobalKnownHostsFile ${folder}/global`,
      `Host one.example\n UserKnownHostsFile ${folder}/first "${folder}/with space"`,
      'Host two.example\n UserKnownHostsFile none',
      '',
    ].join('\n'),
  );
  for (const name of ['global', 'first', 'with space'])
    writeFileSync(join(folder, name), `${name.at(-1) ?? ''} ${key}\n`);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const settingsFrom = (config: string) =>
  createHostKeySettings({ environment: process.env, platform: 'linux', home: '/home/me', configFile: config });

it('follows the configuration of OpenSSH for each host', async () => {
  const find = settingsFrom(configFile);
  expect((await find('one.example', 22)).files).toEqual([
    `${folder}/first`,
    `${folder}/with space`,
    `${folder}/global`,
  ]);
  expect((await find('two.example', 2222)).files).toEqual([`${folder}/global`]);
  const knownHosts = createKnownHosts(join(folder, 'own'), find);
  const namesOf = async (address: string) => (await knownHosts.read(address, 22)).lines.map(({ hosts }) => hosts);
  expect(await namesOf('one.example')).toEqual(['t', 'e', 'l']);
  expect(await namesOf('two.example')).toEqual(['l']);
});

it('takes from the configuration under which name a host is known, and what is refused', async () => {
  const config = join(folder, 'rules');
  writeFileSync(
    config,
    [
      'Host aliased\n HostKeyAlias Cluster\n StrictHostKeyChecking yes\n KnownHostsCommand /bin/true',
      `Host revoking\n RevokedHostKeys ${folder}/revoked\n StrictHostKeyChecking accept-new`,
      // HostName leads elsewhere, which Snaptree's own SSH does not follow; only what is completed counts.
      'Host moved\n HostName elsewhere.example',
      'Host *\n CanonicalizeHostname yes\n CanonicalDomains localdomain\n CanonicalizeFallbackLocal yes',
      '',
    ].join('\n'),
  );
  const find = settingsFrom(config);
  expect(await find('aliased', 22)).toMatchObject({ alias: 'cluster', mustBeKnown: true, hasCommand: true });
  expect(await find('revoking', 22)).toMatchObject({
    revokedKeys: `${folder}/revoked`,
    mustBeKnown: false,
    alias: null,
  });
  expect(await find('moved', 22)).toMatchObject({ canonicalName: null });
  const knownHosts = createKnownHosts(join(folder, 'own'), find);
  expect((await knownHosts.read('aliased', 2222)).place).toEqual({ address: 'aliased', port: 2222, alias: 'cluster' });
});

it('takes the default files where the configuration is broken', async () => {
  const broken = join(folder, 'broken');
  writeFileSync(broken, 'NoSuchOption yes\n');
  expect(await settingsFrom(broken)('a', 22)).toEqual(
    plainHostKeySettings([
      '/home/me/.ssh/known_hosts',
      '/home/me/.ssh/known_hosts2',
      '/etc/ssh/ssh_known_hosts',
      '/etc/ssh/ssh_known_hosts2',
    ]),
  );
});

it('tells paths apart', () => {
  expect(splitPaths('/a/b /c d/e /f')).toEqual(['/a/b', '/c d/e', '/f']);
  expect(splitPaths('none')).toEqual([]);
});
