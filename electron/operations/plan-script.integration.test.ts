import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeHost, planFor, step } from './fake-host.fixtures.ts';
import { planScript } from './plan-script.ts';

const run = promisify(execFile);

test('a plan’s script hands every argument over as it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'snaptree-script-'));
  const file = join(folder, 'plan.sh');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', '').toWellFormed()),
    fc.constantFrom("'; touch pwned; '", '$(touch pwned)', '-n', '\n', '', '`touch pwned`', '# x', '\\'),
  );
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 4 }), text, async (args, name) => {
        const argv = ['sh', '-c', 'for a in "$@"; do printf "%s\\0" "$a"; done >args', 'sh', ...args];
        const host = new FakeHost();
        const plan = planFor(host, ['a'], { title: name, vmName: name, steps: [{ ...step('a'), title: name, argv }] });
        await writeFile(file, planScript(plan));
        await run('sh', ['-n', file]);
        await run('sh', [file], { cwd: folder });
        expect((await readFile(join(folder, 'args'), 'utf8')).split('\0').slice(0, -1)).toEqual(args);
        expect(await readdir(folder)).toEqual(['args', 'plan.sh']);
      }),
      { numRuns: 100 },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
