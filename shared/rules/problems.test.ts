import { expect, it } from 'vitest';
import { disk, image, vm } from '../model/inventory.fixtures.ts';
import { imagesById } from './chains.ts';
import { vmProblems } from './problems.ts';

it('a VM’s problems are its broken chains, and then what reading it found', () => {
  const broken = vm({
    disks: [disk('vda', '/ok'), disk('vdb', '/gone'), disk('vdc', null, { source: 'pool/volume' }), disk('hdc', null)],
    problems: [{ severity: 'warning', message: 'A record has no data.' }],
  });
  const problems = vmProblems(broken, imagesById([image('/ok'), image('/gone', { status: 'missing' })]));
  expect(problems).toEqual([
    { severity: 'error', message: 'The chain of disk vdb is broken: /gone is missing.' },
    { severity: 'error', message: expect.stringContaining('pool/volume') as string },
    { severity: 'warning', message: 'A record has no data.' },
  ]);
});
