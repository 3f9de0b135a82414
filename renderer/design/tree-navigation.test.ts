import { describe, expect, it } from 'vitest';
import { findTyped, moveFor, type NavigableRow } from './tree-navigation.ts';

const row = (key: string, parentIndex: number, expanded: boolean | null): NavigableRow => ({
  key,
  parentIndex,
  expanded,
  level: 1,
  positionInSet: 1,
  setSize: 1,
});
const rows = [row('a', -1, true), row('b', 0, null), row('c', 0, false), row('d', -1, null)];

describe('moveFor', () => {
  it('moves up and down, and stops at the ends', () => {
    expect(moveFor('ArrowDown', 0, rows, 10)).toEqual({ kind: 'focus', index: 1 });
    expect(moveFor('ArrowUp', 0, rows, 10)).toEqual({ kind: 'focus', index: 0 });
    expect(moveFor('End', 0, rows, 10)).toEqual({ kind: 'focus', index: 3 });
    expect(moveFor('Home', 3, rows, 10)).toEqual({ kind: 'focus', index: 0 });
    expect(moveFor('PageDown', 1, rows, 10)).toEqual({ kind: 'focus', index: 3 });
    expect(moveFor('PageUp', 2, rows, 1)).toEqual({ kind: 'focus', index: 1 });
  });

  it('opens to the right, then goes in; closes to the left, then goes out', () => {
    expect(moveFor('ArrowRight', 2, rows, 10)).toEqual({ kind: 'toggle', expanded: true });
    expect(moveFor('ArrowRight', 0, rows, 10)).toEqual({ kind: 'focus', index: 1 });
    expect(moveFor('ArrowRight', 1, rows, 10)).toEqual({ kind: 'none' });
    expect(moveFor('ArrowLeft', 0, rows, 10)).toEqual({ kind: 'toggle', expanded: false });
    expect(moveFor('ArrowLeft', 2, rows, 10)).toEqual({ kind: 'focus', index: 0 });
    expect(moveFor('ArrowLeft', 3, rows, 10)).toEqual({ kind: 'none' });
  });

  it('leaves other keys to others', () => {
    expect(moveFor('Tab', 0, rows, 10)).toBeNull();
  });
});

describe('findTyped', () => {
  const names = ['alpha', 'beta', 'Bravo', 'gamma'];
  const nameAt = (index: number) => names[index] ?? '';

  it('goes to the next one with one letter, round the end', () => {
    expect(findTyped('b', 0, 4, nameAt)).toBe(1);
    expect(findTyped('b', 1, 4, nameAt)).toBe(2);
    expect(findTyped('b', 2, 4, nameAt)).toBe(1);
  });

  it('stays while a longer word still fits, and finds nothing where nothing is', () => {
    expect(findTyped('be', 1, 4, nameAt)).toBe(1);
    expect(findTyped('br', 1, 4, nameAt)).toBe(2);
    expect(findTyped('x', 0, 4, nameAt)).toBe(-1);
  });
});
