import { describe, expect, it } from 'vitest';
import { vmOfEvent } from './watch.ts';

const at = '2026-11-21 01:12:47.053+0000: ';

describe('a line of virsh event', () => {
  it.each([
    [`${at}event 'lifecycle' for domain 'web': Started Booted`, 'web'],
    // libvirt 7.0
    [`${at}event 'lifecycle' for domain web: Started Booted`, 'web'],
    [`${at}event 'block-job-2' for domain 'my "web" 1': Active Block Commit for vda ready`, 'my "web" 1'],
    [`${at}event 'metadata-change' for domain 'a: b': type description, uri <null>`, 'a: b'],
    [`${at}event 'lifecycle' for domain 'it's': Stopped Saved`, "it's"],
    [`${at}event 'tray-change' for domain 'x':`, 'x'],
    // Nothing that is shown.
    [`${at}event 'rtc-change' for domain 'web': 1`, null],
    [`${at}event 'migration-iteration' for domain 'web': iteration: '1'`, null],
    ['operation: 2', null],
    ['watching', null],
    ['', null],
  ])('%s', (line, vm) => {
    expect(vmOfEvent(line)).toBe(vm);
  });
});
