import { expect, test } from 'vitest';
import { dataFolder } from './data-folder.ts';

test.each([
  ['linux', {}, '/h/.local/share/snaptree'],
  ['linux', { XDG_DATA_HOME: '/x' }, '/x/snaptree'],
  ['linux', { XDG_DATA_HOME: 'relative' }, '/h/.local/share/snaptree'],
  ['linux', { XDG_DATA_HOME: '/x', SNAPTREE_DATA_FOLDER: '/named' }, '/named'],
  ['linux', { SNAPTREE_DATA_FOLDER: '' }, '/h/.local/share/snaptree'],
  ['darwin', {}, '/h/Library/Application Support/Snaptree'],
] as const)('on %s with %j it is %s', (platform, environment, folder) => {
  expect(dataFolder({ platform, environment, home: '/h' })).toBe(folder);
});
