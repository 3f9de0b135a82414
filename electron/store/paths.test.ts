import { describe, expect, it } from 'vitest';
import { corruptPath, defaultDataFolder, opensshKnownHosts, storePaths } from './paths.ts';

describe('the data folder', () => {
  it.each([
    ['linux', {}, '/home/me/.local/share/snaptree'],
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/snaptree'],
    ['linux', { XDG_DATA_HOME: 'relative' }, '/home/me/.local/share/snaptree'],
    ['linux', { XDG_DATA_HOME: '' }, '/home/me/.local/share/snaptree'],
    ['linux', { SNAPTREE_DATA: '/elsewhere', XDG_DATA_HOME: '/data' }, '/elsewhere'],
    ['darwin', {}, '/home/me/Library/Application Support/Snaptree'],
    ['win32', { APPDATA: 'C:\\Users\\me\\AppData\\Roaming' }, 'C:\\Users\\me\\AppData\\Roaming\\Snaptree'],
    ['win32', {}, '\\home\\me\\AppData\\Roaming\\Snaptree'],
  ] as const)('on %s with %j', (platform, environment, expected) => {
    expect(defaultDataFolder(environment, platform, '/home/me')).toBe(expected);
  });
});

describe('file names', () => {
  it('are all different and below the folder', () => {
    const { folder, ...files } = storePaths('/data', 'linux');
    expect(folder).toBe('/data');
    expect(new Set(Object.values(files)).size).toBe(Object.keys(files).length);
    for (const file of Object.values(files)) expect(file).toMatch(/^\/data\/[\w.]+$/);
  });

  it('of damaged files hold the time in UTC and hold no character that a file system refuses', () => {
    const at = new Date('2026-11-20T21:59:58.123Z');
    expect(corruptPath('/data/hosts.json', at, 1)).toBe('/data/hosts.json.corrupt-20261120T215958Z');
    expect(corruptPath('/data/hosts.json', at, 2)).toBe('/data/hosts.json.corrupt-20261120T215958Z-2');
  });

  it('of OpenSSH are the user’s first', () => {
    expect(opensshKnownHosts({}, 'linux', '/home/me')[0]).toBe('/home/me/.ssh/known_hosts');
    expect(opensshKnownHosts({ ProgramData: 'C:\\ProgramData' }, 'win32', 'C:\\Users\\me')).toContain(
      'C:\\ProgramData\\ssh\\ssh_known_hosts',
    );
  });
});
