/** The program that ssh runs to ask, run as ssh runs it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { waitUntil } from '../../../e2e/testbeds/index.ts';
import { createAskpass } from './askpass.ts';
import type { Askpass, AskpassRequest } from './askpass.ts';

let folder: string;
let askpass: Askpass;
let polling: NodeJS.Timeout;
let asked: AskpassRequest[];
let noticesOver: number;
/** What the next questions are answered with. */
let answers: (string | null)[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-askpass-'));
  asked = [];
  noticesOver = 0;
  answers = [];
  askpass = await createAskpass(folder, (request, signal) => {
    asked.push(request);
    if (request.hint === 'none') signal.addEventListener('abort', () => (noticesOver += 1));
    if (request.hint === 'none') return new Promise(() => undefined);
    return Promise.resolve(answers.shift() ?? null);
  });
  polling = setInterval(() => void askpass.poll().catch(() => undefined), 20);
});

afterEach(() => {
  clearInterval(polling);
  rmSync(folder, { recursive: true });
});

function ask(prompt: string, hint?: string) {
  const child = spawn(askpass.program, [prompt], {
    env: { ...process.env, ...(hint === undefined ? {} : { SSH_ASKPASS_PROMPT: hint }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const ended = new Promise<{ code: number | null; printed: string }>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, printed });
    });
  });
  return { child, ended };
}

it('gives answers back as they are, and refuses where there is none', async () => {
  const hard = ` p'a"s\\s $HOME \`x\` %s ü🌳 `;
  answers = [hard, '', null, 'two\nlines'];
  expect(await ask("two\nlines of 'prompt' $HOME").ended).toEqual({ code: 0, printed: `${hard}\n` });
  expect(await ask('empty').ended).toEqual({ code: 0, printed: '\n' });
  expect(await ask('refused').ended).toEqual({ code: 1, printed: '' });
  expect(await ask('not a line', 'confirm').ended).toEqual({ code: 1, printed: '' });
  expect(asked[0]).toEqual({ hint: '', prompt: "two\nlines of 'prompt' $HOME" });
  expect(asked[3]).toEqual({ hint: 'confirm', prompt: 'not a line' });
  expect(readdirSync(folder)).toEqual(['askpass']);
});

it('shows a notice until ssh ends it', async () => {
  const { child, ended } = ask('Confirm user presence for key', 'none');
  await waitUntil('the notice', () => asked.length === 1);
  expect(asked).toEqual([{ hint: 'none', prompt: 'Confirm user presence for key' }]);
  expect(child.exitCode).toBeNull();
  expect(noticesOver).toBe(0);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
  await waitUntil('the notice to be taken away', () => noticesOver === 1);
  expect(readdirSync(folder)).toEqual(['askpass']);
});

it('refuses when it is closed', async () => {
  await askpass.close();
  expect(readdirSync(folder)).toEqual([]);
});
