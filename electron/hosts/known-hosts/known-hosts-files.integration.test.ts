/** The list of known_hosts files that OpenSSH's own configuration names, with the real ssh. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKnownHostsFiles, splitPaths } from './known-hosts-files.ts';
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

const files = (config: string) =>
  createKnownHostsFiles({ environment: process.env, platform: 'linux', home: '/home/me', configFile: config });

it('follows the configuration of OpenSSH for each host', async () => {
  const find = files(configFile);
  expect(await find('one.example', 22)).toEqual([`${folder}/first`, `${folder}/with space`, `${folder}/global`]);
  expect(await find('two.example', 2222)).toEqual([`${folder}/global`]);
  const knownHosts = createKnownHosts(join(folder, 'own'), find);
  expect((await knownHosts.read('one.example', 22)).map(({ hosts }) => hosts)).toEqual(['t', 'e', 'l']);
  expect((await knownHosts.read('two.example', 22)).map(({ hosts }) => hosts)).toEqual(['l']);
});

it('takes the default files where the configuration is broken', async () => {
  const broken = join(folder, 'broken');
  writeFileSync(broken, 'NoSuchOption yes\n');
  expect(await files(broken)('a', 22)).toEqual([
    '/home/me/.ssh/known_hosts',
    '/home/me/.ssh/known_hosts2',
    '/etc/ssh/ssh_known_hosts',
    '/etc/ssh/ssh_known_hosts2',
  ]);
});

it('tells paths apart', () => {
  expect(splitPaths('/a/b /c d/e /f')).toEqual(['/a/b', '/c d/e', '/f']);
  expect(splitPaths('none')).toEqual([]);
});
