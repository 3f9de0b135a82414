import { expect, it } from 'vitest';
import { areSameProps } from './same-props.ts';

it('takes data for the same that says the same', () => {
  expect(areSameProps({ names: ['a'], size: 1 }, { names: ['a'], size: 1 })).toBe(true);
  expect(areSameProps({ names: ['a'], size: 1 }, { names: ['b'], size: 1 })).toBe(false);
  expect(areSameProps({ names: ['a'], size: 1 }, { names: ['a'], size: 2 })).toBe(false);
  expect(areSameProps<object>({ names: ['a'] }, { names: ['a'], size: undefined })).toBe(false);
});

it('does not take one function for another', () => {
  expect(areSameProps({ onPress: () => 1 }, { onPress: () => 2 })).toBe(false);
});
