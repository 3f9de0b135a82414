/** The step before an external snapshot, run by the shell of this computer. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { disk, image, inventory, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import { planLibvirt } from '../plan.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "snaptree overlay's "));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the first step of a plan whose overlays are `one.a.qcow2` and `two.a.qcow2`. */
function check() {
  const images = [image(join(folder, 'one.qcow2')), image(join(folder, 'two.qcow2'))];
  const disks = images.map(({ id }, index) => disk(index === 0 ? 'vda' : 'vdb', id));
  const machine = vm({ disks });
  const plan = planLibvirt(
    'qemu:///system',
    {
      action: 'createSnapshot',
      vmUuid: machine.uuid,
      kind: 'external',
      name: 'a',
      description: '',
      diskTargets: null,
    },
    inventory([machine], images),
  );
  expect(plan.steps.map(({ creates }) => creates)).toEqual([
    [],
    [],
    ['one', 'two'].map((name) => join(folder, `${name}.a.qcow2`)),
  ]);
  const [program = '', ...rest] = plan.steps[0]?.argv ?? [];
  return spawnSync(program, rest, { encoding: 'utf8' });
}

it('lets the overlays be made where nothing has their names', () => {
  expect(check()).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

it.each([
  [
    'an empty file',
    (path: string) => {
      writeFileSync(path, '');
    },
  ],
  [
    'a link that leads nowhere',
    (path: string) => {
      symlinkSync(join(folder, 'nowhere'), path);
    },
  ],
])('stops at %s with the name of an overlay', (_, make) => {
  const path = join(folder, 'two.a.qcow2');
  make(path);
  const { status, stderr } = check();
  expect(status).toBe(1);
  expect(stderr).toContain(`There is something at ${path} already. Nothing was changed.`);
});
