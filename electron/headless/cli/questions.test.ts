import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Answer, Question } from '../../../shared/model/question.ts';
import { createAsker } from './questions.ts';
import { openTerminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';

const question = (id: string): Question => ({
  id,
  kind: 'password',
  hostId: crypto.randomUUID(),
  hostName: 'kvm1',
  user: 'root',
  address: 'kvm1.example',
  attempt: 1,
});

describe('a question on the terminal', () => {
  it('is taken off when it is no longer open, and those that wait are not asked at all', async () => {
    const shown: string[] = [];
    const given: [string, Answer][] = [];
    const terminal: Terminal = {
      ask: (prompt, _echo, signal) => {
        shown.push(prompt);
        return new Promise((resolve) => {
          signal?.addEventListener('abort', () => {
            resolve(null);
          });
        });
      },
    };
    let interrupted = false;
    const asker = createAsker({ terminal, say: () => undefined, interrupt: () => (interrupted = true) });
    const give = (id: string, answer: Answer) => given.push([id, answer]);
    asker.answer([question('a'), question('b')], give);
    await new Promise((resolve) => setImmediate(resolve));
    asker.answer([], give);
    await new Promise((resolve) => setImmediate(resolve));
    expect({ shown: shown.length, given, interrupted }).toEqual({ shown: 1, given: [], interrupted: false });
  });

  it('is shown when the terminal no longer shows what is typed, and ends when it is withdrawn', async () => {
    const order: string[] = [];
    const setRawMode = (on: boolean) => order.push(on ? 'raw' : 'cooked');
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode }) as unknown as NodeJS.ReadStream;
    const write = (text: string) => order.push(text);
    const stderr = { isTTY: true, write } as unknown as NodeJS.WriteStream;
    const terminal = openTerminal({ stdin, stderr });
    const typed = terminal?.ask('Password: ', false);
    stdin.push('right\r');
    expect(await typed).toBe('right');
    expect(order).toEqual(['raw', 'Password: ', '\n', 'cooked']);
    const withdrawal = new AbortController();
    const never = terminal?.ask('Code: ', false, withdrawal.signal);
    withdrawal.abort();
    expect(await never).toBeNull();
    expect(order.slice(4)).toEqual(['raw', 'Code: ', '\n', 'cooked']);
  });
});
