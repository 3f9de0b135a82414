import { join } from 'node:path';

/** Everything the testbed makes lies in this folder. QEMU and the SSH test users must be able to reach it. */
export const testbedFolder = process.env['SNAPTREE_TESTBED'] ?? '/var/tmp/snaptree-testbed';

export const paths = {
  state: join(testbedFolder, 'state.json'),
  before: join(testbedFolder, 'before.json'),
  images: join(testbedFolder, 'images'),
  ssh: join(testbedFolder, 'ssh'),
  keys: join(testbedFolder, 'keys'),
  homes: join(testbedFolder, 'homes'),
  daemons: join(testbedFolder, 'daemons'),
  backups: join(testbedFolder, 'backups'),
  /** Root file systems in which other versions of libvirt run. */
  chroots: join(testbedFolder, 'chroots'),
  /** The same as they were built: `down` leaves them for the next time. */
  cache: join(testbedFolder, 'cache'),
  lock: `${testbedFolder}.lock`,
} as const;
