/** What tests use of the testbed. */
export { accounts, keyFiles } from './accounts.ts';
export { activeImage, guestDiskHasPattern, hasPattern, internalSnapshotsOf, writeGuestDisk } from './disks.ts';
export {
  externalPatterns,
  fixtures,
  fixtureVirtualMachine,
  hostileName,
  hostileSnapshotNames,
  resetVirtualMachine,
  thinBase,
  treeDescription,
  treePatterns,
} from './fixtures.ts';
export { waitUntil } from './run.ts';
export { startSshServer } from './ssh-server.ts';
export type { AddedFault, SshServer, SshServerOptions } from './ssh-server.ts';
export { connection, status, up } from './testbed.ts';
export type { TestbedConnection } from './testbed.ts';
export {
  createVirtualMachine,
  deleteVirtualMachine,
  readSerialCounter,
  readSerialCounts,
  snaptreeLock,
  stateOf,
  virsh,
} from './virtual-machine.ts';
export type { VirtualMachine, VirtualMachineSpec } from './virtual-machine.ts';
