/**
 * `npm test`: everything that this machine can run, in the order in which it fails cheapest.
 *
 * Installs the Debian packages that the testbed needs where it may (root, and `CI` set or `--yes`); otherwise says which
 * are missing, and fails. The testbed is taken down at the end, whatever happened before.
 *
 * On a slow machine the samples of the long suites end before the time is up that a run may take; what was left out is printed.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import {
  bootstrapPackages,
  browserPackages,
  ensurePackages,
  loginShellPackages,
  requiredPackages,
} from '../e2e/testbeds/packages.ts';

const steps: readonly { readonly title: string; readonly script: readonly string[]; readonly needsTestbed: boolean }[] =
  [
    { title: 'checks', script: ['lint'], needsTestbed: false },
    { title: 'unit tests', script: ['test:unit'], needsTestbed: false },
    { title: 'build', script: ['build'], needsTestbed: false },
    { title: 'testbed up', script: ['testbed', '--', 'up', 'libvirt', '--all-versions'], needsTestbed: true },
    { title: 'tests on the real tools', script: ['test:integration'], needsTestbed: true },
    { title: 'end-to-end tests', script: ['test:e2e'], needsTestbed: true },
    { title: 'testbed down, nothing left', script: ['testbed:check-down'], needsTestbed: true },
  ];

const minutesForSamples = 30;

/** Runs an npm script with its output shown. Gives true where it succeeded. */
function npmRun(script: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', ...script], { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => {
      resolve(false);
    });
    child.on('close', (code) => {
      resolve(code === 0);
    });
  });
}

async function main(): Promise<void> {
  process.env['SNAPTREE_SAMPLES_UNTIL'] ??= String(Math.round(Date.now() / 1000) + minutesForSamples * 60);
  const { values } = parseArgs({ options: { yes: { type: 'boolean', default: false } } });
  ensurePackages([...requiredPackages, ...bootstrapPackages, ...loginShellPackages, ...browserPackages], values.yes);
  if (process.getuid?.() !== 0) {
    throw new Error(
      'The testbed runs a libvirt and an sshd of its own and needs root. Run `npm test` as root on a machine for testing,' +
        ' or only what needs none: npm run lint && npm run test:unit',
    );
  }
  const outcomes: { title: string; passed: boolean; seconds: number }[] = [];
  let testbedFailed = false;
  for (const { title, script, needsTestbed } of steps) {
    if (needsTestbed && testbedFailed) {
      console.log(`\n=== ${title}: not run, since the testbed did not come up`);
      outcomes.push({ title, passed: false, seconds: 0 });
      continue;
    }
    console.log(`\n=== ${title}`);
    const start = performance.now();
    const passed = await npmRun(script);
    outcomes.push({ title, passed, seconds: Math.round((performance.now() - start) / 1000) });
    if (title === 'testbed up' && !passed) testbedFailed = true;
  }
  console.log('');
  for (const { title, passed, seconds } of outcomes) {
    console.log(`${passed ? 'passed' : 'FAILED'}  ${String(seconds).padStart(4)} s  ${title}`);
  }
  const failed = outcomes.filter(({ passed }) => !passed).length;
  console.log(`\nsteps: ${outcomes.length - failed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
