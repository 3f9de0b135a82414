/** Answers what is asked while connecting: on the terminal, or with no where there is none. */
import { assertNever } from '../../../shared/assert-never.ts';
import { SnaptreeError } from '../../../shared/errors.ts';
import type { Answer, Question } from '../../../shared/model/question.ts';
import { shown, shownSentence } from './output.ts';
import type { Terminal } from './terminal.ts';

export interface Asker {
  /**
   * To be called with the open questions whenever they changed: answers those that were not answered yet, one after the
   * other, and takes the one that is being asked off the terminal where it is no longer open.
   */
  answer(questions: readonly Question[], give: (questionId: string, answer: Answer) => void): void;
  /** Why a question about a host could not be asked; null where all could. */
  unanswered(hostId: string): SnaptreeError | null;
}

export interface AskerParts {
  /** Null: there is nobody to ask. */
  readonly terminal: Terminal | null;
  readonly say: (line: string) => void;
  /** Called when the user presses Ctrl-C at a question. */
  readonly interrupt: () => void;
}

export function createAsker({ terminal, say, interrupt }: AskerParts): Asker {
  const taken = new Set<string>();
  /** What is asked on the terminal, or will be. */
  const asked = new Map<string, AbortController>();
  const refusals = new Map<string, SnaptreeError>();
  let turn: Promise<unknown> = Promise.resolve();
  return {
    answer(questions, give) {
      for (const [id, withdrawal] of asked) {
        if (!questions.some((question) => question.id === id)) withdrawal.abort();
      }
      for (const question of questions) {
        if (taken.has(question.id)) continue;
        taken.add(question.id);
        if (terminal === null) {
          refusals.set(question.hostId, nobodyToAsk(question));
          // Not within the call that announces the question.
          queueMicrotask(() => {
            give(question.id, { kind: 'decline' });
          });
          continue;
        }
        const withdrawal = new AbortController();
        const { signal } = withdrawal;
        const isWithdrawn = (): boolean => signal.aborted;
        asked.set(question.id, withdrawal);
        turn = turn.then(async () => {
          if (isWithdrawn()) return;
          try {
            const given = await askOn((prompt, echo) => terminal.ask(prompt, echo, signal), question, say);
            asked.delete(question.id);
            if (!isWithdrawn()) give(question.id, given);
          } catch {
            asked.delete(question.id);
            give(question.id, { kind: 'decline' });
            interrupt();
          }
        });
      }
    },
    unanswered: (hostId) => refusals.get(hostId) ?? null,
  };
}

async function askOn(ask: Terminal['ask'], question: Question, say: (line: string) => void): Promise<Answer> {
  const host = shown(question.hostName);
  const secret = async (prompt: string, echo = false): Promise<Answer> => {
    const typed = await ask(prompt, echo);
    return typed === null ? { kind: 'decline' } : { kind: 'secret', secret: typed };
  };
  const again = (attempt: number) => (attempt > 1 ? ' (not accepted; try again)' : '');
  switch (question.kind) {
    case 'unknownHostKey': {
      say(`The host ${host} (${shown(question.address)}, port ${question.port}) is not known yet.`);
      say(`Its ${shown(question.keyType)} key has the fingerprint ${shown(question.fingerprint)}`);
      if (question.note !== null) say(shownSentence(question.note));
      const typed = await ask('Is this its key? Type yes to go on: ', true);
      return typed?.trim().toLowerCase() === 'yes' ? { kind: 'accept' } : { kind: 'decline' };
    }
    case 'password':
      return secret(`Password of ${shown(question.user)} on ${shown(question.address)}${again(question.attempt)}: `);
    case 'passphrase':
      return secret(`Passphrase of ${shown(question.keyPath)}${again(question.attempt)}: `);
    case 'prompt':
      say(`${host} (${shown(question.address)}) asks:`);
      if (question.instruction.trim() !== '') {
        for (const line of question.instruction.trim().split('\n')) say(shownSentence(line));
      }
      return secret(`${shownSentence(question.prompt.trimEnd())} `, question.echo);
    default:
      return assertNever(question);
  }
}

const advice =
  'There is no terminal to ask on (or --no-input was given), so the connection was not made and nothing was done.';

function nobodyToAsk(question: Question): SnaptreeError {
  const { hostName } = question;
  switch (question.kind) {
    case 'unknownHostKey':
      return new SnaptreeError(
        'hostKeyRejected',
        `The host key of ${hostName} (${question.address}, port ${question.port}) is not known: ${question.keyType} ${question.fingerprint}. ${advice} Run “snaptree hosts test” on a terminal and accept it there, or add it to known_hosts.`,
        { data: { fingerprint: question.fingerprint, keyType: question.keyType } },
      );
    case 'password':
      return new SnaptreeError(
        'authenticationFailed',
        `${hostName} asks for the password of ${question.user}. ${advice} Use a key that the SSH agent holds.`,
      );
    case 'passphrase':
      return new SnaptreeError(
        'authenticationFailed',
        `The key ${question.keyPath} for ${hostName} needs a passphrase. ${advice} Add the key to the SSH agent with ssh-add.`,
      );
    case 'prompt':
      return new SnaptreeError(
        'authenticationFailed',
        `${hostName} asks “${question.prompt.trim()}”. ${advice} Use a key that the SSH agent holds.`,
      );
    default:
      return assertNever(question);
  }
}
