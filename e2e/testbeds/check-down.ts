/**
 * Takes the testbed down and checks that nothing of it is left: run at the very end of `npm test`.
 * Compares with what `up` noted before it did anything: hashes of /etc/libvirt, users and groups, the files of the
 * daemons, their processes, the testbed's folder. Ends with 1 and the differences when something is left or missing.
 */
import { readState } from './state.ts';
import { down, footprint, footprintBefore } from './testbed.ts';

const before = footprintBefore();
// A libvirtd of the machine's own goes on writing its cache and logs.
const compare =
  readState()?.startedLibvirt === false
    ? (line: string) => !/^\/(etc|run|var\/(cache|log|lib))\/libvirt/.test(line)
    : () => true;
if (before === undefined) {
  console.error('The testbed is not up, so there is nothing to compare with. Run: npm run testbed -- up libvirt');
  process.exitCode = 1;
} else {
  await down();
  // Idempotent: a second one finds nothing to do.
  await down();
  const after = footprint();
  const differences = [
    ...after.filter((line) => !before.includes(line) && compare(line)).map((line) => `left behind: ${line}`),
    ...before.filter((line) => !after.includes(line) && compare(line)).map((line) => `missing:     ${line}`),
  ];
  if (differences.length > 0) {
    console.error(`The testbed did not put everything back:\n${differences.join('\n')}`);
    process.exitCode = 1;
  } else {
    console.log(`Testbed down; nothing left behind (${before.length} things compared).`);
  }
}
