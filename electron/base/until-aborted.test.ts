import { expect, it } from 'vitest';
import { untilAborted } from './until-aborted.ts';

const cancelled = () => new Error('given up');

it('gives what is waited for, or its error', async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(1), signal, cancelled)).toBe(1);
  await expect(untilAborted(Promise.reject(new Error('broken')), signal, cancelled)).rejects.toThrow('broken');
});

it('gives up when the signal aborts, before and while it waits, whatever becomes of the promise', async () => {
  const controller = new AbortController();
  let fail: (error: Error) => void = () => undefined;
  const broken = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const waiting = untilAborted(broken, controller.signal, cancelled);
  controller.abort();
  await expect(waiting).rejects.toThrow('given up');
  await expect(untilAborted(Promise.resolve(1), controller.signal, cancelled)).rejects.toThrow('given up');
  // Not handled by anybody else: it would fail this file.
  fail(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
});
