import { expect, it } from 'vitest';
import type { Disk, Image, ReadableVm } from '../model/inventory.ts';
import { imagesById } from './chains.ts';
import { vmProblems } from './problems.ts';

const image = (id: string, parts: Partial<Image> = {}): Image => ({
  id,
  kind: 'file',
  status: 'ok',
  problem: null,
  format: 'qcow2',
  virtualBytes: 1,
  allocatedBytes: 1,
  parent: null,
  internalSnapshots: [],
  fill: null,
  corrupt: false,
  ...parts,
});

const disk = (target: string, imageId: string | null, source = imageId): Disk => ({
  target,
  device: 'disk',
  imageId,
  source,
  format: 'qcow2',
  readOnly: false,
  shareable: false,
});

it('a VM’s problems are its broken chains, and then what reading it found', () => {
  const vm: ReadableVm = {
    readable: true,
    uuid: 'u',
    name: 'web',
    state: 'shutoff',
    stateReason: null,
    persistent: true,
    hasManagedSave: false,
    hasNvram: false,
    title: '',
    description: '',
    memoryBytes: null,
    cpuCount: null,
    disks: [disk('vda', '/ok'), disk('vdb', '/gone'), disk('vdc', null, 'pool/volume'), disk('hdc', null)],
    snapshots: [],
    currentSnapshotId: null,
    problems: [{ severity: 'warning', message: 'A record has no data.' }],
  };
  const problems = vmProblems(vm, imagesById([image('/ok'), image('/gone', { status: 'missing' })]));
  expect(problems).toEqual([
    { severity: 'error', message: 'The chain of disk vdb is broken: /gone is missing.' },
    { severity: 'error', message: expect.stringContaining('pool/volume') as string },
    { severity: 'warning', message: 'A record has no data.' },
  ]);
});
