/**
 * Takes the testbed down and checks that nothing of it is left: run at the very end of `npm test`.
 * Compares with what `up` noted before it did anything: hashes of /etc/libvirt, the testbed's users, the files of the
 * daemons, their processes, the testbed's folder. What else happened on the machine meanwhile is not judged. Ends with 1
 * and the differences when something is left or missing.
 */
import { footprint, leftBehind, thisMachine } from './footprint.ts';
import { readState } from './state.ts';
import { down, footprintBefore } from './testbed.ts';

const before = footprintBefore();
const state = readState();
if (before === undefined || state === undefined) {
  console.error('The testbed is not up, so there is nothing to compare with. Run: npm run testbed -- up libvirt');
  process.exitCode = 1;
} else {
  await down();
  // Idempotent: a second one finds nothing to do.
  await down();
  const differences = leftBehind(before, footprint(), thisMachine(state));
  if (differences.length > 0) {
    console.error(`The testbed did not put everything back:\n${differences.join('\n')}`);
    process.exitCode = 1;
  } else {
    console.log(`Testbed down; nothing left behind (${before.length} things compared).`);
  }
}
