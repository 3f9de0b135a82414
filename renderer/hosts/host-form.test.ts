import { describe, expect, it } from 'vitest';
import { emptyForm, formOf, settingsOf } from './host-form.ts';

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
    const wrong = { ...form, port: '22x', user: ' ', method: 'keyFile' as const, libvirtUri: 'nonsense' };
    expect(settingsOf(wrong).errors).toEqual({
      port: 'Must be a number from 1 to 65535.',
      user: 'Must not be empty.',
      keyPath: 'Give the path of the private key file.',
      libvirtUri: 'Must be a libvirt URI such as qemu:///system.',
    });
  });

  it('gives back what it was made from', () => {
    const { settings } = settingsOf({ ...form, name: 'East', port: '2222', method: 'keyFile', keyPath: '~/.ssh/id' });
    if (!settings) throw new Error('The form is right.');
    expect(settingsOf(formOf(settings, 'someone')).settings).toEqual(settings);
  });
});
