import { describe, expect, it } from 'vitest';
import { sudoRefusal, sudoRefused } from './sudo.ts';

describe('what sudo says', () => {
  it.each([
    ['sudo: a password is required\n', 'password'],
    ['sudo: unable to resolve host kvm1: Name or service not known\nsudo: a password is required\n', 'password'],
    ['sudo: sorry, you must have a tty to run sudo\n', 'terminal'],
    ['Sorry, user me is not allowed to execute \u0027/usr/bin/sh\u0027 as root on kvm1.\n', 'notAllowed'],
    ['me is not in the sudoers file.  This incident will be reported.\n', 'notAllowed'],
    ['sh: 1: exec: sudo: not found\n', 'missing'],
    ['bash: line 1: exec: sudo: not found\n', 'missing'],
    ['sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n', 'other'],
    ['This account is currently not available.\n', null],
    ['', null],
  ])('%j means %s', (stderr, expected) => {
    expect(sudoRefusal(stderr)).toBe(expected);
  });

  it('is an error with a remedy, also where the user is not known', () => {
    for (const kind of ['password', 'notAllowed', 'missing', 'terminal', 'other'] as const) {
      const error = sudoRefused('kvm1', null, kind, 'sudo: something\n');
      expect(error.code).toBe('sudoRefused');
      expect(error.message).toMatch(/^Nothing was run on kvm1: .+\. \S.+/);
      expect(error.message).not.toContain('null');
    }
    expect(sudoRefused('kvm1', 'me', 'password', '').message).toContain('me ALL=(root) NOPASSWD: ALL');
  });
});
