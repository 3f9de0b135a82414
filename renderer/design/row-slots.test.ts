import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRowSlots } from './row-slots.ts';

const rows = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `row ${first + index}`);

describe('the slots of rows', () => {
  it('are all filled anew where every row is another one', () => {
    const slots = createRowSlots();
    const before = slots.assign(rows(0, 9));
    expect(slots.assign(rows(100, 109))).toEqual(before);
  });

  it('are kept by the row that stays drawn out of sight, and filled anew beside it', () => {
    const slots = createRowSlots();
    const before = slots.assign(['here', ...rows(0, 9)]);
    expect(slots.assign(['here', ...rows(100, 109)])).toEqual(before);
  });

  it('are new where an element would have to be moved', () => {
    const slots = createRowSlots();
    const before = slots.assign(rows(0, 9));
    const after = slots.assign(rows(2, 11));
    expect(after.slice(0, 8)).toEqual(before.slice(2));
    expect(before).not.toContain(after[8]);
    expect(before).not.toContain(after[9]);
  });

  it('do not carry the focus to another row', () => {
    const slots = createRowSlots();
    const [first, second, third] = slots.assign(['a', 'b', 'c']);
    slots.holdFocused('b');
    const after = slots.assign(['d', 'e', 'f']);
    expect(after.slice(0, 2)).toEqual([first, third]);
    expect(after).not.toContain(second);
  });

  it('are one for each row, stay with a row, and let no element that stays be moved, whatever is drawn next', () => {
    // Rows of one order, of which some are drawn, as of a list that is scrolled, folded and unfolded.
    const drawings = fc.array(
      fc.uniqueArray(fc.nat(30), { maxLength: 12 }).map((drawn) => drawn.toSorted((a, b) => a - b)),
    );
    fc.assert(
      fc.property(drawings, (all) => {
        const slots = createRowSlots();
        let before = new Map<number, number>();
        for (const drawn of all) {
          const assigned = slots.assign(drawn.map(String));
          expect(new Set(assigned).size).toBe(drawn.length);
          const after = new Map(drawn.map((row, place) => [row, assigned[place] ?? -1]));
          for (const [row, slot] of before) expect(after.get(row) ?? slot).toBe(slot);
          const order = [...before.values()];
          const stayed = assigned.filter((slot) => order.includes(slot)).map((slot) => order.indexOf(slot));
          expect(stayed).toEqual(stayed.toSorted((a, b) => a - b));
          before = after;
        }
      }),
    );
  });
});
