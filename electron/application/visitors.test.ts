import { describe, expect, it } from 'vitest';
import { hostSettings, hostWithId, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { Connection, Host } from '../../shared/model/host.ts';
import type { HostBook } from '../store/host-book.ts';
import { withVisitors } from './visitors.ts';

const notHere = () => Promise.reject(new Error('This book is not written.'));

function bookOf(...hosts: readonly Host[]): HostBook {
  return {
    list: () => hosts,
    get: () => {
      throw new Error('This book is not asked.');
    },
    add: notHere,
    update: notHere,
    remove: notHere,
    onChange: () => () => undefined,
  };
}

const at = (parts: Partial<Extract<Connection, { transport: 'ssh' }>>) =>
  sshConnection({ address: 'kvm1.example', port: 2222, user: 'root', ...parts });
const closed = hostWithId(crypto.randomUUID(), { name: 'kvm1', connection: at({}), readOnly: true });

describe('a visitor', () => {
  it.each<[string, Connection, boolean]>([
    ['as another user', at({ user: 'admin' }), true],
    ['under its name in capitals', at({ address: 'KVM1.example' }), true],
    ['with the system’s OpenSSH', { transport: 'openssh', destination: 'kvm1.example', port: 2222, user: null }, true],
    ['on another port', at({ port: 22 }), false],
    ['on another host', at({ address: 'kvm2.example' }), false],
    ['here', { transport: 'local' }, false],
  ])('to a machine that is read-only: %s', (_case, connection, readOnly) => {
    const { hostBook, add } = withVisitors(bookOf(closed));
    const host = add(hostSettings({ name: 'visitor', connection }));
    expect(host.readOnly).toBe(readOnly);
    expect(hostBook.get(host.id)).toEqual(host);
  });

  // Written down from the first version with visitors: these ids stand in locks on hosts, and name who holds them.
  it.each<[string, Parameters<typeof hostSettings>[0]]>([
    ['e24e7811-aee0-5b63-9cd2-824bd66b2a63', { connection: { transport: 'local' } }],
    [
      '158924a4-66c0-5246-acfb-2a4b9505bca9',
      {
        connection: sshConnection({ address: 'kvm1.example' }),
        hypervisor: { kind: 'libvirt', uri: 'qemu:///session' },
      },
    ],
  ])('has the id that every version gives it: %s', (id, parts) => {
    expect(withVisitors(bookOf()).add(hostSettings(parts)).id).toBe(id);
  });

  it('may change a machine that the book lets be changed', () => {
    const { add } = withVisitors(bookOf({ ...closed, readOnly: false }));
    expect(add(hostSettings({ name: 'visitor', connection: at({ user: 'admin' }) })).readOnly).toBe(false);
  });
});
