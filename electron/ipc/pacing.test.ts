import { describe, expect, test } from 'vitest';
import { createPacing } from './pacing.ts';

function paced(most: number) {
  const pacing = createPacing(most);
  const sent: number[] = [];
  const wait = (id: number, sends = true) => {
    pacing.wait(id, () => {
      sent.push(id);
      return sends;
    });
  };
  return { pacing, sent, wait };
}

describe('pacing', () => {
  test('sends at once while there is room, and the rest in the order in which it came', () => {
    const { pacing, sent, wait } = paced(2);
    for (const id of [1, 2, 3, 4]) wait(id);
    expect(sent).toEqual([1, 2]);
    pacing.received(2);
    expect(sent).toEqual([1, 2, 3]);
    pacing.received(1);
    expect(sent).toEqual([1, 2, 3, 4]);
  });

  test('makes one event of what happens while the one before is on its way', () => {
    const { pacing, sent, wait } = paced(2);
    wait(1);
    for (let count = 0; count < 5; count += 1) wait(1);
    expect(sent).toEqual([1]);
    // One that waits for itself does not keep another from going.
    wait(2);
    expect(sent).toEqual([1, 2]);
    pacing.received(1);
    expect(sent).toEqual([1, 2, 1]);
    pacing.received(1);
    expect(sent).toEqual([1, 2, 1]);
  });

  test('takes no room for a turn that had nothing to send, or for a subscription that ended', () => {
    const { pacing, sent, wait } = paced(1);
    wait(1, false);
    wait(2);
    wait(3);
    wait(4);
    pacing.ended(3);
    pacing.ended(2);
    expect(sent).toEqual([1, 2, 4]);
    pacing.received(9);
    wait(5);
    expect(sent).toEqual([1, 2, 4]);
  });
});
