import { expect, it } from 'vitest';
import { virshFailure, virshNotFound } from './host-failure.ts';

const connect = 'error: failed to connect to the hypervisor\nerror: ';

it.each([
  [
    `${connect}Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory\n`,
    'daemonUnavailable',
  ],
  [`${connect}Failed to connect socket to '/var/run/libvirt/libvirt-sock': Connection refused\n`, 'daemonUnavailable'],
  [`${connect}Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied\n`, 'permissionDenied'],
  [
    `${connect}authentication unavailable: no polkit agent available to authenticate action 'org.libvirt.unix.manage'\n`,
    'permissionDenied',
  ],
  [`${connect}no connection driver available for foo:///\n`, 'commandFailed'],
  ['', 'commandFailed'],
])('%j is %s', (said, code) => {
  const error = virshFailure('kvm1', 'qemu:///system', said);
  expect(error.code).toBe(code);
  expect(error.message).toContain('kvm1');
  expect(error.message).toContain('qemu:///system');
});

it('says what to do', () => {
  expect(virshFailure('h', 'u', 'Permission denied').message).toContain('usermod -aG libvirt');
  expect(virshNotFound('kvm1').message).toMatch(/no virsh on kvm1.*libvirt-clients/);
});
