import { describe, expect, test } from 'vitest';
import { versionComplaint } from './electron-version.ts';

describe('the pinned Electron', () => {
  test.each([
    ['is the newest of its major', '45.5.0', ['44.9.9', '45.4.1', '45.5.0', '46.0.0'], null],
    ['is newer than the list', '45.5.1', ['45.5.0'], null],
    ['is beside a release on trial', '45.5.0', ['45.5.0', '45.6.0-beta.1', '48.0.0-alpha.2'], null],
    ['has a newer patch', '45.5.0', ['45.5.10', '45.5.9', '45.5.0'], '45.5.10 is out'],
    ['has a newer minor', '45.5.0', ['45.10.0', '45.5.0'], '45.10.0 is out'],
    ['is of a major that is given up', '45.5.0', ['45.5.0', '48.0.0'], 'not mended any more'],
    ['is of the last major that is mended', '45.5.0', ['45.5.0', '47.1.0'], null],
    ['is beside an empty list', '45.5.0', [], null],
    ['is a range', '^45.5.0', ['45.5.0'], 'no release'],
  ])('%s', (_, pinned, versions, complaint) => {
    if (complaint === null) expect(versionComplaint(pinned, versions)).toBeNull();
    else expect(versionComplaint(pinned, versions)).toContain(complaint);
  });
});
