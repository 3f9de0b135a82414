import { expect, test } from 'vitest';
import { untoldFacts } from './error-words.ts';

test('facts of an error are shown that it names as not said, whatever its message holds', () => {
  const data = { command: 'virsh list', stderr: 'a\nb', signal: ' ', reason: 'x' };
  expect(untoldFacts({ data })).toEqual([]);
  expect(untoldFacts({ data, untold: ['command', 'signal', 'gone', 'stderr'] })).toEqual([
    ['command', 'virsh list'],
    ['stderr', 'a\nb'],
  ]);
});
