import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, vi } from 'vitest';
import { joinSignals, untilAborted, whenAborted } from './abort.ts';

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

it('joins signals: aborts with the first of them, and has where one has', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const joined = joinSignals([first.signal, second.signal]);
  const heard = vi.fn();
  whenAborted(joined, heard);
  expect(joined.aborted).toBe(false);
  second.abort(new Error('the second'));
  first.abort(new Error('the first'));
  expect(joined.reason).toEqual(new Error('the second'));
  expect(heard).toHaveBeenCalledOnce();
  expect(joinSignals([first.signal, new AbortController().signal]).aborted).toBe(true);
});

it('loses no abort whose source is collected before anybody asks', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  /** Whether the abort is still known when source and controller are gone. */
  const isKnown = async (join: (signals: AbortSignal[]) => AbortSignal) => {
    const abortedSoon = () => {
      const controller = new AbortController();
      const joined = join([controller.signal]);
      controller.abort();
      return joined;
    };
    const joined = abortedSoon();
    await nextTurn();
    collect();
    return joined.aborted;
  };
  expect(await isKnown(joinSignals)).toBe(true);
  // Where Node's own has learned it as well (nodejs/node#65995), `sourcesOf` can go.
  expect(await isKnown((signals) => AbortSignal.any(signals))).toBe(false);
});

it('tells of an abort once, also of one that came before, and never before it has returned', async () => {
  const controller = new AbortController();
  const [kept, stopped, late, stoppedLate] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
  whenAborted(controller.signal, kept);
  whenAborted(controller.signal, stopped)();
  expect(kept).not.toHaveBeenCalled();
  controller.abort();
  controller.abort();
  whenAborted(controller.signal, late);
  whenAborted(controller.signal, stoppedLate)();
  expect(late).not.toHaveBeenCalled();
  await nextTurn();
  expect(kept).toHaveBeenCalledOnce();
  expect(late).toHaveBeenCalledOnce();
  expect(stopped).not.toHaveBeenCalled();
  expect(stoppedLate).not.toHaveBeenCalled();
});
