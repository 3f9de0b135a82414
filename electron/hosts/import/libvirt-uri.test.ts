import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLibvirtUri } from './libvirt-uri.ts';

const ssh = {
  kind: 'ssh',
  host: 'kvm1.example',
  port: null,
  user: null,
  keyFile: null,
  password: false,
  uri: 'qemu:///system',
  notes: [],
};

describe('a libvirt URI', () => {
  it.each([
    ['qemu+ssh://kvm1.example/system', ssh],
    ['QEMU+SSH://kvm1.example/system', ssh],
    ['qemu+ssh://root@kvm1.example:2222/system', { ...ssh, user: 'root', port: 2222 }],
    ['qemu+libssh2://kvm1.example/session', { ...ssh, uri: 'qemu:///session' }],
    ['qemu+libssh://a%40b@[2001:db8::1]:22/system', { ...ssh, user: 'a@b', host: '2001:db8::1', port: 22 }],
    ['qemu+ssh://kvm1.example/system?keyfile=/home/me/id%20x', { ...ssh, keyFile: '/home/me/id x' }],
    ['qemu+libssh2://kvm1.example/system?sshauth=password', { ...ssh, password: true }],
    ['qemu+libssh2://kvm1.example/system?sshauth=agent,password', ssh],
    [
      'qemu+ssh://kvm1.example/system?socket=/run/other%3Fsock&mode=direct',
      { ...ssh, uri: 'qemu:///system?socket=/run/other%3Fsock&mode=direct' },
    ],
    ['qemu+ssh://kvm1.example/system?name=qemu:///session', { ...ssh, uri: 'qemu:///session' }],
    ['test+ssh://kvm1.example/default', { ...ssh, uri: 'test:///default' }],
    ['qemu:///system', { kind: 'local', uri: 'qemu:///system', notes: [] }],
    ['qemu+unix:///session', { kind: 'local', uri: 'qemu:///session', notes: [] }],
  ])('%s', (text, expected) => {
    expect(parseLibvirtUri(text)).toEqual(expected);
  });

  it.each(['no_verify=1', 'known_hosts=/x', 'command=/opt/ssh', 'netcat=nc', 'no_tty=1', 'strange=1'])(
    'tells that %s is not carried over',
    (parameter) => {
      const uri = parseLibvirtUri(`qemu+ssh://kvm1.example/system?${parameter}`);
      expect(uri).toMatchObject({ kind: 'ssh', uri: 'qemu:///system' });
      expect(uri.kind === 'ssh' && uri.notes.join()).toContain(parameter.split('=')[0]);
    },
  );

  it.each([
    ['', 'not a libvirt URI'],
    ['kvm1.example', 'not a libvirt URI'],
    ['qemu+ssh://[::1/system', 'not a libvirt URI'],
    ['qemu+ssh:///system', 'names no host'],
    ['qemu://kvm1.example/system', 'TLS'],
    ['qemu+tcp://kvm1.example/system', 'unencrypted'],
    ['qemu+tls://kvm1.example/system', 'TLS'],
    ['qemu+__proto__://kvm1.example/system', 'not a libvirt URI'],
    ['qemu+constructor://kvm1.example/system', 'constructor'],
    ['xen+ssh://kvm1.example/system', 'xen'],
    ['qemu+ssh://kvm1.example/', 'path'],
    ['qemu+ssh://root:secret@kvm1.example/system', 'password'],
  ])('%s is refused with a reason', (text, words) => {
    const uri = parseLibvirtUri(text);
    expect(uri.kind === 'refused' && uri.problem).toContain(words);
    // A secret in a URI is not repeated.
    expect(JSON.stringify(uri)).not.toContain('secret');
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((each) => `qemu+ssh://${each}`),
        ),
        (text) => {
          parseLibvirtUri(text);
        },
      ),
    );
  });
});
