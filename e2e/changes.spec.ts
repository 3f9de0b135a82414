import { expect, test } from './shells/test.ts';
import {
  activeImage,
  guestDiskHasPattern,
  hasPattern,
  internalSnapshotsOf,
  virsh,
  writeGuestDisk,
  type VirtualMachine,
} from './testbeds/index.ts';

const mebibyte = 1024 ** 2;

const take = (vm: VirtualMachine, name: string, ...more: string[]) =>
  virsh(['snapshot-create-as', vm.uuid, `--name=${name}`, ...more]);

/** The names of a VM's snapshots as libvirt has them. */
async function snapshotsOf(vm: VirtualMachine): Promise<string[]> {
  const { stdout } = await virsh(['snapshot-list', vm.uuid, '--name']);
  return stdout.split('\n').filter((name) => name !== '');
}

test.beforeEach(async ({ app, testbed }) => {
  await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
  await app.operations.open();
});

test('an external snapshot moves the active layer of the chosen disk, and the data stays', async ({ app, makeVm }) => {
  const vm = await makeVm({ name: 'external', running: true });
  const base = await activeImage(vm, 'vda');
  const other = await activeImage(vm, 'vdb');
  await writeGuestDisk(vm, 'vda', 0x66, mebibyte);
  await app.refresh();
  const pane = await app.openVm(vm.name);
  await pane.act('Create snapshot…');
  await app.createDialog.fill({ name: 'a, b: c', kind: 'External, disks only', without: ['vdb'] });
  await app.createDialog.review.click();
  await expect(app.plan.root).toContainText('starting after a power cut');
  await app.operations.expectEnd(await app.plan.start(), 'done');

  const overlay = await activeImage(vm, 'vda');
  expect(overlay).not.toBe(base);
  expect(await activeImage(vm, 'vdb')).toBe(other);
  await writeGuestDisk(vm, 'vda', 0x67, mebibyte);
  expect(await hasPattern(base, 0x66, mebibyte)).toBe(true);
  expect(await guestDiskHasPattern(vm, 'vda', 0x67, mebibyte)).toBe(true);
  expect(await hasPattern(overlay, 0x67, mebibyte)).toBe(true);

  await expect(pane.row('a, b: c')).toContainText('1 of 2');
  await expect(pane.details.layers('vda').nth(0)).toContainText(overlay);
  await expect(pane.details.layers('vda').nth(1)).toContainText(base);
  await expect(pane.details.layers('vdb')).toHaveCount(1);
});

test('a subtree is deleted, and the rest with the present data stays', async ({ app, makeVm }) => {
  const vm = await makeVm({ name: 'subtree', running: true });
  for (const name of ['root', 'doomed', 'below 1']) await take(vm, name);
  await virsh(['snapshot-revert', vm.uuid, '--snapshotname=doomed']);
  await take(vm, 'below 2');
  await writeGuestDisk(vm, 'vdb', 0x33);
  await app.refresh();
  const pane = await app.openVm(vm.name);
  await pane.select('doomed');
  await pane.act('Delete with descendants…');
  await expect(app.plan.treeAfterwards.getByRole('treeitem', { name: / removed$/ })).toHaveCount(3);
  expect(await snapshotsOf(vm)).toHaveLength(4);
  await app.operations.expectEnd(await app.plan.start(), 'done');

  expect(await snapshotsOf(vm)).toEqual(['root']);
  for (const target of ['vda', 'vdb']) {
    expect(await internalSnapshotsOf(await activeImage(vm, target))).toEqual(['root']);
  }
  expect(await guestDiskHasPattern(vm, 'vdb', 0x33)).toBe(true);
  await expect(pane.rows).toHaveCount(2);
  expect(await pane.outline()).toEqual(['1 root', '2 You are here']);
});

test('what is known to be refused is not offered, and what only a plan can tell is refused by it', async ({
  app,
  makeVm,
}) => {
  const vm = await makeVm({ name: 'refused' });
  const base = await activeImage(vm, 'vda');
  await take(vm, 'before');
  await take(vm, 'ext', '--disk-only', '--atomic');
  await take(vm, 'inside');
  const overlay = await activeImage(vm, 'vda');
  await app.refresh();
  const pane = await app.openVm(vm.name);
  await pane.select('ext');
  await expect(
    pane.toolbar.getByRole('button', { name: /^Delete with descendants…\. .*Delete the internal one first/ }),
  ).toBeVisible();
  await pane.act('Delete…');
  await expect(app.plan.root).toContainText('This plan is refused, and nothing was changed');
  await expect(app.plan.root.getByRole('listitem').filter({ hasText: '"inside" inside' })).toHaveCount(2);
  await app.plan.close.click();
  await expect(app.plan.root).toBeHidden();
  await pane.select('before');
  await pane.act('Revert…');
  await expect(app.plan.root).toContainText('This plan is refused, and nothing was changed');
  await expect(app.plan.root.getByRole('listitem').filter({ hasText: `lives in ${base}` })).toBeVisible();
  await expect(app.plan.run).toBeHidden();
  await app.plan.close.click();
  await expect(app.plan.root).toBeHidden();
  expect(await snapshotsOf(vm)).toEqual(['before', 'ext', 'inside']);
  expect(await internalSnapshotsOf(overlay)).toEqual(['inside']);
  expect(await activeImage(vm, 'vda')).toBe(overlay);
});

test('names that cannot be are refused, by the form or by the plan', async ({ app, makeVm }) => {
  const vm = await makeVm({ name: 'names', running: true });
  await app.refresh();
  const pane = await app.openVm(vm.name);
  await pane.act('Create snapshot…');
  await app.createDialog.fill({ name: 'a/b', kind: 'Internal' });
  await app.createDialog.review.click();
  await expect(app.createDialog.root).toContainText('A snapshot name must not contain "/": libvirt refuses it.');
  // libvirt takes this one, says that all went well, and saves nothing.
  await app.createDialog.name.fill('before "it"');
  await app.createDialog.review.click();
  await expect(app.plan.root).toContainText('holds a quotation mark or a backslash');
  await expect(app.plan.run).toBeHidden();
  // Nothing that was typed is lost.
  await app.plan.root.getByRole('button', { name: 'Back' }).click();
  await expect(app.createDialog.name).toHaveValue('before "it"');
  expect(await snapshotsOf(vm)).toEqual([]);
});

test('a plan that the host has overtaken is not run; a new one is', async ({ app, makeVm }) => {
  const vm = await makeVm({ name: 'stale' });
  await app.refresh();
  const pane = await app.openVm(vm.name);
  await pane.act('Create snapshot…');
  await app.createDialog.fill({ name: 'mine', kind: 'Internal' });
  await app.createDialog.review.click();
  await expect(app.plan.run).toBeVisible();
  await take(vm, 'theirs');
  await app.plan.run.click();
  await expect(app.plan.root.getByRole('alert')).toContainText('The host has changed since the plan was made');
  await expect(app.plan.run).toBeHidden();
  expect(await snapshotsOf(vm)).toEqual(['theirs']);

  await app.plan.root.getByRole('button', { name: 'Make the plan again' }).click();
  await expect(app.plan.treeAfterwards.getByRole('treeitem', { name: 'theirs' })).toBeVisible();
  await expect(app.plan.root.getByRole('alert')).toBeHidden();
  await app.operations.expectEnd(await app.plan.start(), 'done');
  expect((await snapshotsOf(vm)).sort()).toEqual(['mine', 'theirs']);
  await expect(pane.row('mine')).toBeVisible();
});
