/** Placeholder until hosts, drivers and operations are composed here: an application that knows no hosts. */
import { userInfo } from 'node:os';
import { SnaptreeError } from '../shared/errors.ts';
import type { Application, ApplicationOptions } from './application-factory.ts';

const none = (): void => undefined;

function notYet(): Promise<never> {
  return Promise.reject(new SnaptreeError('internalError', 'This is not built yet.'));
}

export function createApplication({ dataFolder, shell }: ApplicationOptions): Promise<Application> {
  return Promise.resolve({
    handlers: {
      requests: {
        'application.describe': () =>
          Promise.resolve({ version: '0.1.0', shell, dataFolder, userName: userInfo().username }),
        'hosts.add': notYet,
        'hosts.update': notYet,
        'hosts.remove': notYet,
        'hosts.test': notYet,
        'hosts.connect': notYet,
        'hosts.disconnect': notYet,
        'questions.answer': notYet,
        'inventory.refresh': notYet,
        'plans.create': notYet,
        'operations.start': notYet,
        'operations.cancel': notYet,
        'operations.examine': notYet,
        'operations.resolve': notYet,
        'notices.dismiss': notYet,
      },
      subscriptions: {
        hosts: (_parameters, emit) => (emit([]), none),
        inventory: (_parameters, emit) => (emit({ inventory: null, reading: false, error: null, errorAt: null }), none),
        questions: (_parameters, emit) => (emit([]), none),
        operations: (_parameters, emit) => (emit({ kind: 'all', operations: [] }), none),
        notices: (_parameters, emit) => (emit([]), none),
      },
    },
    dispose: () => Promise.resolve(),
  });
}
