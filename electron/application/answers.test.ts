import { expect, test } from 'vitest';
import { SnaptreeError, type ErrorCode } from '../../shared/errors.ts';
import { createListeners } from '../base/listeners.ts';
import { watchAnswers } from './answers.ts';

function readingsThatFailWith() {
  const errors = new Map<string, SnaptreeError>();
  const changed = createListeners<[string]>();
  return {
    readings: {
      state: (hostId: string) => ({ error: errors.get(hostId)?.toData() ?? null }),
      onChange: (listener: (hostId: string) => void) => changed.add(listener),
    },
    read: (hostId: string, code?: ErrorCode) => {
      if (code) errors.set(hostId, new SnaptreeError(code, 'It does not answer.'));
      else errors.delete(hostId);
      changed.call(hostId);
    },
  };
}

test('tells once that a host answers again whose daemon was gone, and nothing of one whose connection was', () => {
  const { readings, read } = readingsThatFailWith();
  const told: string[] = [];
  const stop = watchAnswers(readings, (hostId) => told.push(hostId));
  read('one');
  read('one', 'daemonUnavailable');
  read('two', 'connectionLost');
  read('two');
  expect(told).toEqual([]);
  read('one');
  read('one');
  expect(told).toEqual(['one']);
  read('one', 'daemonUnavailable');
  read('one', 'connectionLost');
  read('one');
  expect(told).toEqual(['one']);
  stop();
  read('one', 'daemonUnavailable');
  read('one');
  expect(told).toEqual(['one']);
});
