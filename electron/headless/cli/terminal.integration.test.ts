/** What is typed on a real terminal of its own, made by `script`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
let program: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-terminal-'));
  program = join(folder, 'ask.mjs');
  const module = JSON.stringify(fileURLToPath(new URL('terminal.ts', import.meta.url)));
  writeFileSync(
    program,
    [
      "import { writeFileSync } from 'node:fs';",
      `import { openTerminal } from ${module};`,
      'const [echo, file, limit] = process.argv.slice(2);',
      'const signal = limit === undefined ? undefined : AbortSignal.timeout(Number(limit));',
      'const terminal = openTerminal(process);',
      "const answer = await terminal.ask('Say: ', echo === 'echo', signal).catch((error) => error.constructor.name);",
      'writeFileSync(file, JSON.stringify(answer));',
    ].join('\n'),
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Types `keys` when it is asked; gives what was understood, and all that the terminal showed. */
async function type(keys: string, ...words: readonly string[]): Promise<{ answer: unknown; shown: string }> {
  const file = join(folder, 'answer');
  const [echo = 'secret', ...rest] = words;
  const line = [process.execPath, program, echo, file, ...rest].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `${line} </dev/null >/dev/null`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let asked = false;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk;
    if (asked || !shown.includes('Say: ')) return;
    asked = true;
    child.stdin.write(keys);
  });
  await once(child, 'close');
  return { answer: JSON.parse(readFileSync(file, 'utf8')), shown };
}

it('takes a secret without showing any of it, and nothing for keys that are no characters', async () => {
  const { answer, shown } = await type('hun\u001b[A\u001b[D\u001bOPx\u007fter🌳2\r');
  expect(answer).toBe('hunter🌳2');
  expect(shown.replaceAll('\r', '')).toBe('Say: \n');
});

it('shows what may be seen, and erases it', async () => {
  const { answer, shown } = await type('nope\u0015yes\r', 'echo');
  expect(answer).toBe('yes');
  expect(shown).toContain('yes');
});

it('tells Ctrl-C from the end of input, and a question that was withdrawn', async () => {
  expect((await type('ab\u0003')).answer).toBe('Interrupted');
  expect((await type('\u0004')).answer).toBeNull();
  expect((await type('ab', 'secret', '300')).answer).toBeNull();
});
