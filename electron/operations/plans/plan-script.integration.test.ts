import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unseen } from '../../../shared/rules/text/visible-text.ts';
import { FakeHost, planFor, step } from '../fake-host.fixtures.ts';
import { planScript } from './plan-script.ts';

const run = promisify(execFile);

/** Shells with which an administrator may run it, as far as they are here; `sh` is. */
const shells = [['sh'], ['dash'], ['bash'], ['busybox', 'sh'], ['zsh']].filter(
  ([name = ''], index) =>
    index === 0 || (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, name))),
);

test.each(shells.map((shell) => ({ shell })))(
  'a plan’s script hands every argument over as it is: $shell',
  async ({ shell }) => {
    const [program = '', ...options] = shell;
    const folder = await mkdtemp(join(tmpdir(), 'snaptree-script-'));
    const file = join(folder, 'plan.sh');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', '').toWellFormed()),
      fc.constantFrom(
        'a\u001b[2J\u009b\u202e\u00a0b',
        '\t\n x\n\n',
        '!\u0007\\c\\n%s\u200b',
        "'; touch pwned; '",
        '$(touch pwned)',
        '-n',
        '\n',
        '',
        '`touch pwned`',
        '# x',
        '\\',
      ),
    );
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 4 }), text, async (args, name) => {
          const lines = 'for a in "$@"\ndo\n  printf \'%s\\0\' "$a"\ndone >args';
          const argv = ['sh', '-c', lines, 'sh', ...args];
          const host = new FakeHost();
          const plan = planFor(host, ['a'], {
            title: name,
            vmName: name,
            steps: [{ ...step('a'), title: name, argv }],
          });
          const script = planScript(plan);
          // What is copied from where it is shown is what is run.
          expect(script.replaceAll('\n', '')).not.toMatch(unseen);
          // A script of ours can be read.
          expect(script).toContain('\ndo\n  printf ');
          await writeFile(file, script);
          await run(program, [...options, '-n', file]);
          await run(program, [...options, file], { cwd: folder });
          expect((await readFile(join(folder, 'args'), 'utf8')).split('\0').slice(0, -1)).toEqual(args);
          expect(await readdir(folder)).toEqual(['args', 'plan.sh']);
        }),
        { numRuns: 100 },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
