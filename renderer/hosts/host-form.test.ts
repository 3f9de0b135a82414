import { describe, expect, it } from 'vitest';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import { emptyEndpoint, emptyForm, formOf, settingsOf } from './host-form.ts';

const form = { ...emptyForm('root'), address: 'kvm1.example.org' };

describe('settingsOf', () => {
  it('names a host after its address, or This computer, where no name is given', () => {
    expect(settingsOf(form).settings?.name).toBe('kvm1.example.org');
    expect(settingsOf({ ...form, transport: 'local' }).settings?.name).toBe('This computer');
  });

  it('blames the address alone where it is missing', () => {
    expect(settingsOf(emptyForm('root')).errors).toEqual({ address: 'Must not be empty.' });
  });

  it('has a sentence for each field that is wrong', () => {
    const wrong = {
      ...form,
      port: '22x',
      user: ' ',
      method: 'keyFile' as const,
      hypervisor: { kind: 'libvirt', uri: 'nonsense' } as const,
    };
    expect(settingsOf(wrong).errors).toEqual({
      port: 'Must be a number from 1 to 65535.',
      user: 'Must not be empty.',
      keyPath: 'Give the path of the private key file.',
      'hypervisor.uri': 'Must be a libvirt URI such as qemu:///system.',
    });
  });

  it('blames the field of the jump host that is wrong, and no other', () => {
    const jump = { ...emptyEndpoint('gate'), address: 'gate.example.org' };
    const jumps = [jump, { ...jump, port: '0', method: 'keyFile' as const }];
    expect(settingsOf({ ...form, jumps }).errors).toEqual({
      'jumps.1.port': 'Must be a number from 1 to 65535.',
      'jumps.1.keyPath': 'Give the path of the private key file.',
    });
  });

  it('leaves to OpenSSH what is not given, and does not take its destination for an option', () => {
    const openssh = { ...form, transport: 'openssh' as const, destination: 'east' };
    expect(settingsOf(openssh).settings).toMatchObject({
      name: 'east',
      connection: { destination: 'east', port: null, user: null },
    });
    expect(settingsOf({ ...openssh, destination: '-oProxyCommand=x', opensshPort: 'x' }).errors).toEqual({
      destination: 'Must be a host name or an IP address.',
      opensshPort: 'Must be a number from 1 to 65535.',
    });
  });

  it.each<HostSettings>([
    hostSettings({ connection: { transport: 'local' }, readOnly: true }),
    hostSettings({ hypervisor: { kind: 'unknown', written: { kind: 'xen', toolstack: 'xl' } } }),
    hostSettings({ connection: { transport: 'demo', machine: 'birch' } }),
    hostSettings({ connection: { transport: 'openssh', destination: 'east', port: 2222, user: null }, sudo: true }),
    hostSettings({
      connection: sshConnection({
        port: 2222,
        authentication: { method: 'keyFile', path: '~/.ssh/id' },
        jumps: [{ address: '2001:db8::1', port: 22, user: 'gate', authentication: { method: 'password' } }],
      }),
    }),
  ])('gives back what it was made from: $connection.transport', (settings) => {
    expect(settingsOf(formOf(settings, 'someone')).settings).toEqual(settings);
  });
});
