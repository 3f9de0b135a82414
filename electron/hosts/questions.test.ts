import { describe, expect, it, vi } from 'vitest';
import { createQuestions } from './questions.ts';
import type { NewQuestion } from './questions.ts';

const about = { hostId: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f', hostName: 'host' };
const password: NewQuestion = { ...about, kind: 'password', user: 'me', address: 'host', attempt: 1 };
const hostKey: NewQuestion = {
  ...about,
  kind: 'unknownHostKey',
  address: 'host',
  port: 22,
  keyType: 'ssh-ed25519',
  fingerprint: 'SHA256:x',
  note: null,
};

describe('questions', () => {
  it('are listed until they are answered', async () => {
    const questions = createQuestions();
    const listener = vi.fn();
    questions.onChange(listener);
    const answer = questions.ask(password, new AbortController().signal);
    const [question] = questions.list();
    expect(question).toMatchObject(password);
    questions.answer(question?.id ?? '', { kind: 'secret', secret: 'x' });
    expect(await answer).toEqual({ kind: 'secret', secret: 'x' });
    expect(questions.list()).toEqual([]);
    expect(listener).toHaveBeenCalledTimes(2);
    expect(() => {
      questions.answer(question?.id ?? '', { kind: 'decline' });
    }).toThrow(expect.objectContaining({ code: 'questionNotFound' }));
  });

  it('take only answers that fit', () => {
    const questions = createQuestions();
    const { signal } = new AbortController();
    void questions.ask(password, signal);
    void questions.ask(hostKey, signal);
    const [first, second] = questions.list();
    const misfit = expect.objectContaining({ code: 'invalidRequest' }) as Error;
    expect(() => {
      questions.answer(first?.id ?? '', { kind: 'accept' });
    }).toThrow(misfit);
    expect(() => {
      questions.answer(second?.id ?? '', { kind: 'secret', secret: 'x' });
    }).toThrow(misfit);
    expect(questions.list()).toHaveLength(2);
  });

  it('go when the attempt is given up', async () => {
    const questions = createQuestions();
    const controller = new AbortController();
    const answer = questions.ask(hostKey, controller.signal);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
    expect(questions.list()).toEqual([]);
    await expect(questions.ask(hostKey, controller.signal)).rejects.toMatchObject({ code: 'cancelled' });
    expect(questions.list()).toEqual([]);
  });
});
