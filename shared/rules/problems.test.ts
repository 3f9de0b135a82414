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

it('tells of the jobs of a VM, and of its disks, before what reading it found', () => {
  const blockJob = { kind: 'copy', target: '/copy', ready: true, detail: null } as const;
  const busy = vm({
    job: { kind: 'backup', detail: 'Backup' },
    disks: [disk('vda', '/ok', { blockJob })],
    problems: [{ severity: 'error', message: 'Read.' }],
  });
  expect(vmProblems(busy, imagesById([image('/ok')]))).toEqual([
    { severity: 'warning', message: 'web is being backed up.' },
    { severity: 'warning', message: expect.stringContaining('On disk vda of web a block job runs: a copy') as string },
    { severity: 'error', message: 'Read.' },
  ]);
});
