/** Handlers for tests: every request is refused and every subscription is silent, but for those that a test gives. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { Log } from '../base/log.ts';
import type { Handlers } from './handlers.ts';

/** Handlers that know nothing, with `given` in their place. */
export function stubHandlers(
  given: { requests?: Partial<Handlers['requests']>; subscriptions?: Partial<Handlers['subscriptions']> } = {},
): Handlers {
  const refuse = (): Promise<never> => Promise.reject(new SnaptreeError('hostNotFound', 'There is no such host.'));
  const silent = (): (() => void) => () => undefined;
  return {
    requests: {
      'application.describe': refuse,
      'hosts.add': refuse,
      'hosts.update': refuse,
      'hosts.remove': refuse,
      'hosts.test': refuse,
      'hosts.importable': refuse,
      'hosts.addDemo': refuse,
      'hosts.connect': refuse,
      'hosts.disconnect': refuse,
      'questions.answer': refuse,
      'inventory.refresh': refuse,
      'guests.askAgent': refuse,
      'records.read': refuse,
      'plans.create': refuse,
      'operations.start': refuse,
      'operations.cancel': refuse,
      'operations.adjust': refuse,
      'operations.examine': refuse,
      'operations.resolve': refuse,
      'batches.plan': refuse,
      'batches.start': refuse,
      'batches.cancel': refuse,
      'batches.resolve': refuse,
      'reports.start': refuse,
      'reports.discard': refuse,
      'reports.save': refuse,
      'files.open': refuse,
      'notices.dismiss': refuse,
      ...given.requests,
    },
    subscriptions: {
      hosts: silent,
      inventory: silent,
      questions: silent,
      operations: silent,
      batches: silent,
      stepProgress: silent,
      unreadableOperations: silent,
      report: silent,
      notices: silent,
      ...given.subscriptions,
    },
  };
}

/** A log that keeps its lines, as one text each. */
export function recordingLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const write =
    (level: string): Log['info'] =>
    (message, details) => {
      const error = details?.['error'];
      lines.push(`${level} ${message} ${error instanceof Error ? error.message : ''} ${JSON.stringify(details ?? {})}`);
    };
  return { log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }, lines };
}
