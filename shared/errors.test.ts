import { expect, test } from 'vitest';
import { errorSchema } from './error-schema.ts';
import { SnaptreeError } from './errors.ts';

test('an error says what happened and then what to do, and has each as data', () => {
  const error = new SnaptreeError('sudoRefused', 'Nothing was run.', { data: { stderr: 'x' }, advice: 'Ask.' });
  expect(error.message).toBe('Nothing was run. Ask.');
  expect(error.data).toEqual({ stderr: 'x', happened: 'Nothing was run.', advice: 'Ask.' });
  expect(new SnaptreeError('sudoRefused', 'Nothing was run.').data).toEqual({});
});

test('an error crosses the contract and comes out as it was', () => {
  for (const options of [{}, { advice: 'Ask.', retryable: true }, { data: { a: 'b' }, untold: ['a'] }]) {
    const error = new SnaptreeError('commandFailed', 'It failed.', options);
    const crossed = errorSchema.parse(JSON.parse(JSON.stringify(error.toData())));
    expect(SnaptreeError.fromData(crossed).toData()).toEqual(error.toData());
    expect(crossed.message).toBe(error.message);
  }
});
