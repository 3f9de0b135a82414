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
  lock: `${testbedFolder}.lock`,
} as const;
