import { expect, test } from 'vitest';
import { SnaptreeError } from '../../shared/errors.ts';
import { diagnose, withoutAdvice } from './remedies.ts';

test('what happened and what to do stand apart in a connection test, whatever the words of the two', () => {
  const advised = new SnaptreeError('agentUnavailable', 'None was found. Start one.', { advice: 'Start one.' });
  expect(withoutAdvice(advised)).toBe('None was found. Start one.');
  expect(diagnose(advised, { user: null, transport: 'ssh' })).toBe('Start one.');
  const plain = new SnaptreeError('hostUnreachable', 'It cannot be reached.');
  expect(withoutAdvice(plain)).toBe('It cannot be reached.');
  expect(diagnose(plain, { user: null, transport: 'ssh' })).toContain('See the message');
});
