import { describe, expect, test } from 'vitest';
import { withBlock } from './configuration.ts';
import { accountLines, leftBehind, processesOfTestbed } from './footprint.ts';
import type { Machine } from './footprint.ts';
import { testbedFolder } from './paths.ts';
import type { ProcessInfo } from './processes.ts';

const hash = (digit: string) => digit.repeat(64);
const machine = (parts: Partial<Machine> = {}): Machine => ({
  startedLibvirt: true,
  configurationAfterStart: {},
  exists: () => true,
  read: () => '',
  isOfPackage: () => false,
  ...parts,
});

describe('users and groups', () => {
  const passwd = [
    'root:x:0:0:root:/root:/bin/bash',
    'avahi:x:107:114::/run/avahi-daemon:/usr/sbin/nologin',
    'snaptree-test:x:999:995:Snaptree testbed:/x:/bin/bash',
    'snaptree-test-2:x:1:1::/:/bin/sh',
  ];
  test('are the testbed’s where they name one of its accounts, as a member too', () => {
    expect(accountLines('/etc/passwd', passwd.join('\n'))).toEqual([`/etc/passwd ${passwd[2] ?? ''}`]);
    expect(accountLines('/etc/group', 'render:x:105:\nlibvirt:x:106:ann,snaptree-test\nkvm:x:1:ann')).toEqual([
      '/etc/group libvirt:x:106:ann,snaptree-test',
    ]);
    expect(accountLines('/etc/shadow', 'snaptree-nolibvirt:$y$secret:1::')).toEqual(['/etc/shadow snaptree-nolibvirt']);
  });

  test('that packages brought, changed or took with them are not judged', () => {
    const before = ['/etc/group netdev:x:104:', '/etc/group games:x:60:', '/etc/group libvirt:x:106:'];
    const after = [
      '/etc/group netdev:x:104:avahi',
      '/etc/passwd avahi:x:107:114::/run/avahi-daemon:/usr/sbin/nologin',
      '/etc/group render:x:105:',
      '/etc/group libvirt:x:106:',
    ];
    expect(leftBehind(before, after, machine())).toEqual([]);
  });

  test('of the testbed that stayed are told', () => {
    const line = '/etc/group libvirt:x:106:snaptree-test';
    expect(leftBehind(['/etc/group libvirt:x:106:'], [line], machine())).toEqual([`left behind: ${line}`]);
  });
});

describe('files of libvirt', () => {
  const file = '/etc/libvirt/qemu.conf';
  const before = [`${hash('a')} ${file}`, file];
  const after = [`${hash('b')} ${file}`, file];
  const left = [`left behind: ${hash('b')} ${file}`];

  test('that somebody edited or a package upgraded are not judged', () => {
    expect(leftBehind(before, after, machine())).toEqual([]);
  });

  test('that still hold the testbed’s settings, or what its daemons wrote, are told', () => {
    expect(leftBehind(before, after, machine({ read: () => withBlock('', ['a = 1']) }))).toEqual(left);
    expect(leftBehind(before, after, machine({ configurationAfterStart: { [file]: hash('b') } }))).toEqual(left);
  });

  test('that are new are told unless a package has them, or libvirt is not the testbed’s', () => {
    const vm = '/etc/libvirt/qemu/e2e-left.xml';
    const added = [...before, `${hash('c')} ${vm}`, vm];
    expect(leftBehind(before, added, machine())).toEqual([`left behind: ${vm}`]);
    expect(leftBehind(before, added, machine({ isOfPackage: () => true }))).toEqual([]);
    expect(leftBehind(before, added, machine({ startedLibvirt: false }))).toEqual([]);
  });

  test('that are data and gone are told', () => {
    const disk = '/var/lib/libvirt/images/web.qcow2';
    const gone = machine({ exists: () => false });
    expect(leftBehind([disk, '/run/libvirt/x.pid'], [], gone)).toEqual([`missing:     ${disk}`]);
  });
});

describe('processes', () => {
  let next = 100;
  const process = (name: string, commandLine: string, parent = 1): ProcessInfo => {
    next += 1;
    return { pid: next, parent, name, commandLine, executable: '', userId: 0 };
  };
  test('are the testbed’s where they name its folder; those of another sshd or libvirtd are not', () => {
    const ours = process(
      'sshd',
      `sshd: /usr/sbin/sshd -D -e -f ${testbedFolder}/ssh/main/sshd_config [listener] 0 of 50-100`,
    );
    const theirs = process('sshd', 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups');
    const privileged = process('sshd', 'sshd: ann [priv]', theirs.pid);
    const all = [
      ours,
      process('sshd', 'sshd: root@notty', ours.pid),
      // Its listener is gone.
      process('sshd', 'sshd: root@notty'),
      process('qemu-system-x86', `/usr/bin/qemu-system-x86_64 -blockdev file=${testbedFolder}/images/a/vda`),
      theirs,
      privileged,
      process('sshd', 'sshd: ann@pts/0', privileged.pid),
      process('qemu-system-x86', '/usr/bin/qemu-system-x86_64 -blockdev file=/srv/vm'),
      process('libvirtd', '/usr/sbin/libvirtd'),
      process('bash', `vi ${testbedFolder}`),
    ];
    expect(processesOfTestbed(all)).toEqual(all.slice(0, 4));
  });

  test('that stayed are told, as are mounts and the folder', () => {
    const after = ['process 5 virtlogd', `mount ${testbedFolder}/chroots/7.0/proc`, testbedFolder];
    expect(leftBehind(['process 1 sshd'], after, machine())).toEqual(after.map((line) => `left behind: ${line}`));
  });
});
