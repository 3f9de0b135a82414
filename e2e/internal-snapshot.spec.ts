import { expect, test } from './shells/test.ts';
import {
  activeImage,
  guestDiskHasPattern,
  internalSnapshotsOf,
  readSerialCounter,
  readSerialCounts,
  waitUntil,
  writeGuestDisk,
} from './testbeds/index.ts';

test('an internal snapshot of a running VM brings memory and disks back', async ({ app, testbed, makeVm }) => {
  const vm = await makeVm({ name: 'internal', running: true });
  await writeGuestDisk(vm, 'vdb', 0x11);
  await waitUntil('the guest to count', () => (readSerialCounter(vm) ?? 0) > 2);
  await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
  await app.operations.open();
  const pane = await app.openVm(vm.name);

  const before = readSerialCounter(vm) ?? 0;
  await pane.act('Create snapshot…');
  await app.createDialog.fill({ name: "it's & <b>", kind: 'Internal', description: 'Two\nlines' });
  await app.createDialog.review.click();
  // The plan is shown whole before anything is done.
  await expect(app.plan.steps.getByText(/virsh -c qemu:\/\/\/system snapshot-create-as/)).toBeVisible();
  await expect(app.plan.treeAfterwards.getByRole('treeitem', { name: `it's & <b> new` })).toBeVisible();
  expect(await internalSnapshotsOf(await activeImage(vm, 'vdb'))).toEqual([]);
  await app.operations.expectEnd(await app.plan.start(), 'done');

  expect(await internalSnapshotsOf(await activeImage(vm, 'vda'))).toEqual(["it's & <b>"]);
  expect(await internalSnapshotsOf(await activeImage(vm, 'vdb'))).toEqual(["it's & <b>"]);
  await expect(pane.row("it's & <b>")).toContainText('internal');
  await expect(pane.row("it's & <b>")).toContainText('current');
  const atSnapshot = readSerialCounter(vm) ?? 0;

  // It counts on, and its disk is written to.
  await writeGuestDisk(vm, 'vdb', 0x22);
  await waitUntil('the guest to count on', () => (readSerialCounter(vm) ?? 0) > atSnapshot + 4);
  const counted = readSerialCounts(vm).length;
  await pane.select("it's & <b>");
  await expect(pane.details.fact('Description')).toContainText('Two');
  await pane.act('Revert…');
  await expect(app.plan.root).toContainText('The present state of e2e-internal is saved as "before-revert-');
  await app.operations.expectEnd(await app.plan.start(), 'done');

  await waitUntil('the guest to count again', () => readSerialCounts(vm).length > counted + 1);
  const counts = readSerialCounts(vm);
  const back = counts.findIndex((count, index) => index > 0 && count < (counts[index - 1] ?? 0));
  expect(back, 'the place where the guest counts lower than before').toBeGreaterThan(0);
  // Memory went back to where it was at the snapshot; a guest that was started anew would begin with 1.
  expect(counts[back]).toBeGreaterThanOrEqual(before);
  expect(counts[back]).toBeLessThanOrEqual(atSnapshot + 1);
  expect(await guestDiskHasPattern(vm, 'vdb', 0x11)).toBe(true);

  // And back to where it was: what was saved first holds its memory and disks.
  await app.operations.root.getByRole('button', { name: /^Undo Revert / }).click();
  await app.operations.expectEnd(await app.plan.start(), 'done');
  expect(await guestDiskHasPattern(vm, 'vdb', 0x22)).toBe(true);
});
