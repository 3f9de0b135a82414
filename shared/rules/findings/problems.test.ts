import { expect, it } from 'vitest';
import { disk, image, overlay, vm } from '../../model/inventory.fixtures.ts';
import { imagesById } from '../chains/chains.ts';
import { vmProblems } from './problems.ts';

it('a VM’s problems are its broken chains, and then what reading it found', () => {
  const broken = vm({
    disks: [disk('vda', '/ok'), disk('vdb', '/gone'), disk('vdc', null, { source: 'pool/volume' }), disk('hdc', null)],
    problems: [{ severity: 'warning', message: 'A record has no data.' }],
  });
  const problems = vmProblems(broken, imagesById([image('/ok'), image('/gone', { status: 'missing' })]), 'libvirt');
  expect(problems).toEqual([
    {
      severity: 'error',
      message: 'The chain of disk vdb is broken: /gone is missing. web does not start again once it is shut off.',
    },
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
  expect(vmProblems(busy, imagesById([image('/ok')]), 'libvirt')).toEqual([
    { severity: 'warning', message: 'web is being backed up.' },
    { severity: 'warning', message: expect.stringContaining('On disk vda of web a block job runs: a copy') as string },
    { severity: 'error', message: 'Read.' },
  ]);
});

it.each([
  ['an image that is gone', {}, { status: 'missing' }, 'is broken: /a is missing. web does not start like this.'],
  [
    'a format that QEMU does not open',
    {},
    { format: 'raw', header: { format: 'raw', reference: null } },
    "as qcow2, but it is raw, and QEMU refuses to open it so. web does not start like this. Put the right image there, or set <driver name='qemu' type='raw'/> of the disk: virsh edit ",
  ],
  ['a corrupt image', {}, { corrupt: true }, 'QEMU does not open it for writing. web does not start like this. Copy'],
] as const)('a VM that does not start because of %s is said so', (_what, ofDisk, ofImage, words) => {
  const off = vm({ state: 'shutoff', disks: [disk('vda', '/a', ofDisk)] });
  const images = imagesById([image('/a', ofImage as never)]);
  const messages = (each: typeof off) => vmProblems(each, images, 'libvirt').map(({ message }) => message);
  expect(messages(off)).toEqual([expect.stringContaining(words)]);
  expect(messages({ ...off, state: 'running' }).join()).toContain('does not start again once it is shut off');
  // What nobody starts again, and what libvirt starts without the disk.
  expect(messages({ ...off, persistent: false, state: 'running' }).join()).not.toContain('start');
  expect(messages({ ...off, disks: [disk('vda', '/a', { optional: true })] }).join()).not.toContain('start');
});

it('a chain that is longer than libvirt takes keeps its VM from starting', () => {
  const images = Array.from({ length: 201 }, (_, layer) =>
    layer === 0 ? image('/0') : overlay(`/${layer}`, `/${layer - 1}`),
  );
  const long = vm({ state: 'shutoff', disks: [disk('vda', '/200')] });
  const of = (hypervisor: 'libvirt' | 'xen') => vmProblems(long, imagesById(images), hypervisor);
  expect(of('libvirt').map(({ message }) => message)).toEqual([expect.stringContaining('the VM will not start.')]);
  expect(of('xen')).toEqual([]);
});
