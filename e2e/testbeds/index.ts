/** What tests use of the testbed. */
export { accountIds, accounts, keyFiles } from './accounts.ts';
export { activeImage, guestDiskHasPattern, hasPattern, internalSnapshotsOf, writeGuestDisk } from './disks.ts';
export { createEncryptedImage } from './encrypted-image.ts';
export {
  externalPatterns,
  fixtures,
  fixtureVirtualMachine,
  hostileName,
  hostileSnapshotNames,
  resetVirtualMachine,
  thinBase,
  thinBaseAt,
  treeDescription,
  treeName,
  treePatterns,
} from './scenes.ts';
export { beginJob, jobNames, jobs, obstacleToJob } from './jobs.ts';
export { placeOf } from './places.ts';
export type { LibvirtVersion } from './places.ts';
export { waitUntil } from './run.ts';
export { startSshServer } from './ssh-server.ts';
export type { AddedFault, SshServer, SshServerOptions } from './ssh-server.ts';
export { connection, status, up } from './testbed.ts';
export type { TestbedConnection } from './testbed.ts';
export { libvirtVersions } from './versions.ts';
export {
  createImage,
  createVirtualMachine,
  deleteVirtualMachine,
  guestProcess,
  readSerialCounter,
  readSerialCounts,
  redefineVirtualMachine,
  snaptreeLock,
  stateOf,
  virsh,
  virshWithXml,
} from './virtual-machine.ts';
export type { VirtualMachine, VirtualMachineSpec } from './virtual-machine.ts';
