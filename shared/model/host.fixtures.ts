/** For tests: settings of a host, and a host, made to measure. */
import type { InventoryState } from '../contract.ts';
import type { Connection, Host, HostSettings } from './host.ts';

/** An SSH connection without jumps. */
export function sshConnection(
  parts: Partial<Extract<Connection, { transport: 'ssh' }>> = {},
): Extract<Connection, { transport: 'ssh' }> {
  return {
    transport: 'ssh',
    address: 'host.example',
    port: 22,
    user: 'root',
    authentication: { method: 'agent' },
    jumps: [],
    ...parts,
  };
}

/** This computer, unless another connection is given. */
export function hostSettings(parts: Partial<HostSettings> = {}): HostSettings {
  return {
    name: 'host',
    connection: { transport: 'local' },
    hypervisor: { kind: 'libvirt', uri: 'qemu:///system' },
    sudo: false,
    readOnly: false,
    ...parts,
  };
}

export function hostWithId(id: string, parts: Partial<HostSettings> = {}): Host {
  return { id, ...hostSettings({ name: id, ...parts }) };
}

/** The state of a host that was never read. */
export const unreadInventory: InventoryState = {
  inventory: null,
  reading: false,
  error: null,
  errorAt: null,
  watching: 'off',
};
