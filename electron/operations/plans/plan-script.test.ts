import { describe, expect, test } from 'vitest';
import { FakeHost, planFor, step } from '../fake-host.fixtures.ts';
import { planScript } from './plan-script.ts';

const host = new FakeHost();

describe('a plan as a script', () => {
  test('names host, VM, title, warnings and what each step does', () => {
    const plan = planFor(host, ['a'], {
      warnings: [{ code: 'x', message: 'The guest stands still.', names: [] }],
      steps: [{ ...step('a'), writes: ['/img'], deletes: ['/old'] }],
    });
    const script = planScript(plan);
    expect(script).toMatch(/^#!\/bin\/sh\n/);
    for (const part of [
      '# Host: kvm1',
      '# VM: web (1111',
      '# Warning: The guest',
      '#   writes: /img',
      'set -eu',
      '#   deletes: /old',
      'does none of that',
    ]) {
      expect(script).toContain(part.replace('#   ', '# '));
    }
    expect(script.endsWith("\n'virsh' 'a'\n")).toBe(true);
  });

  test('has no line of its own from the host', () => {
    const evil = 'x\nrm -rf /\r\nreboot\u2028\u202e\0\x1b[2J';
    const plain = planScript(planFor(host, ['a', 'b']));
    const script = planScript(
      planFor(host, ['a', 'b'], {
        title: evil,
        hostName: evil,
        vmName: evil,
        vmUuid: evil,
        steps: ['a', 'b'].map((name, index) => ({ ...step(name), index, title: evil })),
      }),
    );
    expect(script.split('\n')).toHaveLength(plain.split('\n').length);
    expect(script).not.toMatch(/^(rm|reboot)/m);
    // eslint-disable-next-line no-control-regex -- that there are none is what is tested
    expect(script).not.toMatch(/[\0-\t\v-\x1f\u2028\u202e]/);
  });

  test('does not exist of a refused plan', () => {
    expect(planScript(planFor(host, ['a'], { refusals: [{ code: 'x', message: 'no', names: [] }] }))).toBe('');
    expect(planScript(planFor(host, []))).toBe('');
  });

  test('is refused for an argument that no command can take', () => {
    const plan = planFor(host, ['a'], { steps: [{ ...step('a'), argv: ['echo', '\0'] }] });
    expect(() => planScript(plan)).toThrow('NUL');
  });
});
