/** What has to be asked while a connection is made: kept open until the user answers or the attempt is given up. */
import { randomUUID } from 'node:crypto';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Answer, Question } from '../../shared/model/question.ts';
import { whenAborted } from '../base/abort.ts';
import { createListeners } from '../base/listeners.ts';

type WithoutId<Each> = Each extends unknown ? Omit<Each, 'id'> : never;

/** A question that was not asked yet. */
export type NewQuestion = WithoutId<Question>;

export interface Questions {
  /** Asks and waits. Rejects with `cancelled` when `signal` aborts; the question is then gone. */
  ask(question: NewQuestion, signal: AbortSignal): Promise<Answer>;
  /** Throws `questionNotFound`, and `invalidRequest` where the answer is not of a kind that fits the question. */
  answer(questionId: string, answer: Answer): void;
  /** The open questions, oldest first. */
  list(): readonly Question[];
  /** Called whenever `list()` changed. Gives a function that takes the listener off. */
  onChange(listener: () => void): () => void;
}

function fits(question: Question, answer: Answer): boolean {
  if (answer.kind === 'decline') return true;
  return (answer.kind === 'secret') === (question.kind !== 'unknownHostKey');
}

export function createQuestions(): Questions {
  const open = new Map<string, { question: Question; resolve: (answer: Answer) => void }>();
  const changed = createListeners<[]>();
  return {
    ask(newQuestion, signal) {
      const question: Question = { id: randomUUID(), ...newQuestion };
      return new Promise((resolve, reject) => {
        const stopListening = whenAborted(signal, () => {
          if (open.delete(question.id)) changed.call();
          reject(new SnaptreeError('cancelled', `The connection attempt to ${question.hostName} was given up.`));
        });
        if (signal.aborted) return;
        open.set(question.id, {
          question,
          resolve: (answer) => {
            stopListening();
            resolve(answer);
          },
        });
        changed.call();
      });
    },
    answer(questionId, answer) {
      const entry = open.get(questionId);
      if (entry === undefined) {
        throw new SnaptreeError(
          'questionNotFound',
          'This question is no longer open: it was answered, or the connection attempt ended. Connect again.',
        );
      }
      if (!fits(entry.question, answer)) {
        throw new SnaptreeError('invalidRequest', `An answer of this kind does not fit the question.`, {
          data: { question: entry.question.kind, answer: answer.kind },
        });
      }
      open.delete(questionId);
      changed.call();
      entry.resolve(answer);
    },
    list: () => [...open.values()].map((entry) => entry.question),
    onChange: (listener) => changed.add(listener),
  };
}
