import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { disk, image, inventory, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import { planLibvirt } from '../plan.ts';

const images = [
  image('/srv/images/web.qcow2', { virtualBytes: 4 }),
  image('/dev/vg/data', { kind: 'block', format: 'raw', virtualBytes: 2 }),
];
const disks = [disk('vda', '/srv/images/web.qcow2'), disk('vdb', '/dev/vg/data', { format: 'raw' })];

function planOf(
  overlayPaths: Readonly<Record<string, string>>,
  diskTargets: string[] | null = null,
  state: 'running' | 'shutoff' = 'running',
) {
  const one = vm({ disks, state });
  const request = { action: 'createSnapshot', vmUuid: one.uuid, kind: 'external', name: 'a', description: '' } as const;
  return planLibvirt('qemu:///system', { ...request, diskTargets, overlayPaths }, inventory([one], images));
}

it('puts overlays where the user says, above a block device too', () => {
  const { steps, refusals, after, rooms } = planOf({ vdb: '/srv/fast/b,c.qcow2' });
  expect(refusals).toEqual([]);
  expect(steps.at(-1)?.argv).toEqual(
    expect.arrayContaining([
      'vda,snapshot=external,file=/srv/images/web.a.qcow2',
      'vdb,snapshot=external,file=/srv/fast/b,,c.qcow2',
    ]),
  );
  expect(after.chains[1]?.imageIds).toEqual(['/srv/fast/b,c.qcow2', '/dev/vg/data']);
  // The room is counted where the overlays are.
  expect(rooms.map(({ folders }) => folders)).toEqual([['/srv/images'], ['/srv/fast']]);
});

it.each([
  ['without a place for a block device', planOf({}), 'noPlaceForOverlay'],
  ['at a path that is not whole', planOf({ vdb: 'b.qcow2' }), 'badPath'],
  ['at the path of an image', planOf({ vdb: '/srv/images/web.qcow2' }), 'fileTaken'],
  ['at the path of the other overlay', planOf({ vdb: '/srv/images/web.a.qcow2' }), 'fileTaken'],
  [
    'at a path with a comma, of a VM that is shut off',
    planOf({ vdb: '/srv/a,b.qcow2' }, null, 'shutoff'),
    'commaInPath',
  ],
  ['of a disk that is left out', planOf({ vdb: '/srv/b.qcow2' }, ['vda']), 'noSuchDisk'],
])('is refused %s', (_, { refusals }, code) => {
  expect(refusals.map((each) => each.code)).toEqual([code]);
});

it('looks for the folder, and takes it by no link: libvirt would name the image by that', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "snaptree place's ")));
  try {
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    const check = (name: string) => {
      const [program = '', ...words] = planOf({ vdb: join(folder, name, 'b.qcow2') }).steps[0]?.argv ?? [];
      // The folder of the other disk is not there on this computer.
      const own = words.map((word) => (word === '/srv/images/web.a.qcow2' ? join(folder, 'a.qcow2') : word));
      return spawnSync(program, own, { encoding: 'utf8' });
    };
    expect(check('real')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(check('link')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`a link to ${folder}/real.`) as string,
    });
    expect(check('none')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`no folder ${folder}/none.`) as string,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
