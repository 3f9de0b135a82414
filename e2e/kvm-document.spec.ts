/**
 * The document on snapshot chains of KVM that Snaptree's users work by ("KVM Virtual machine snapshot chain creation, merging, deletion and
 * rollback research"), in the window, in its own order and with its own figures: after each step the tree, the chain and the data are as it
 * draws them. The numbers are those of its sections.
 */
import { existsSync } from 'node:fs';
import type { VmPane } from './pages/panes.ts';
import type { Snaptree } from './pages/snaptree.ts';
import { expect, expectFigure, expectImageHolds, runPlan, test, type Instance } from './kvm-document.fixtures.ts';
import { imageInfo } from './testbeds/disks.ts';
import { internalSnapshotsOf, virsh } from './testbeds/index.ts';
import { isTooLate, notToday, todaysSample, tooLate } from './testbeds/sample.ts';

const [sn1, sn2, sn3, sn4] = ['centos2_sn1', 'centos2_sn2', 'centos2_sn3', 'centos2_sn4'] as const;
const all = [sn1, sn2, sn3, sn4];

/** Starts or ends the VM as somebody else would, and waits until the window shows it. */
async function turn(pane: VmPane, { vm }: Instance, state: 'running' | 'shut off'): Promise<void> {
  await virsh([state === 'running' ? 'start' : 'destroy', vm.uuid]);
  await expect(pane.row('You are here')).toContainText(state);
}

async function revertTo(app: Snaptree, pane: VmPane, name: string): Promise<void> {
  await pane.select(name);
  await pane.act('Revert…');
  // The document does not save the present state first.
  await app.plan.root.getByText('Save the present state first').click();
  await runPlan(app);
}

async function remove(app: Snaptree, pane: VmPane, name: string, direction: 'down' | 'up' = 'down'): Promise<void> {
  await pane.select(name);
  await pane.act('Delete…');
  if (direction === 'up') await app.plan.root.getByText('The image of the snapshot (merge up)').click();
  await runPlan(app);
}

const titles = [
  '4:',
  '7:',
  '8:',
  '9.2:',
  '9.3:',
  '10: the image sn2 is deleted downwards',
  '10: the image sn2 is deleted upwards',
];
const today = todaysSample(titles, 4);

// eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from this pattern
test.beforeEach(({}, { title }) => {
  test.skip(!today.some((each) => title.startsWith(each)), notToday());
  test.skip(isTooLate(), tooLate);
  // Every step of every plan is run on a real host, which is read after each.
  test.setTimeout(300_000);
});

test('4: the instances of centosbase hang on it, and nothing is merged into it', async ({
  app,
  centosbase,
  makeInstance,
  openInstance,
}) => {
  const centos1 = await makeInstance('centos1');
  const others = [await makeInstance('centos2'), await makeInstance('centos3')].map(({ vm }) => vm.name);
  const pane = await openInstance(centos1);
  await expectFigure(pane, { snapshots: [], chain: ['centosbase', 'centos1'] });
  const base = pane.details.layers('vda').last();
  await expect(base).toContainText('Also used by 2 VMs');
  for (const name of others) await expect(base).toContainText(name);

  await pane.actByMenu('Merge down (commit)…');
  for (const name of others) await expect(app.mergeDialog.image(centosbase)).toContainText(name);
  await app.mergeDialog.review.click();
  await expect(app.plan.root).toContainText('This plan is refused, and nothing was changed');
  for (const name of others) await expect(app.plan.root).toContainText(name);
  await expect(app.plan.run).toBeHidden();
  await expectImageHolds(centosbase, 0);
});

test('7: four internal snapshots of centos1, running and shut off, are reverted to and deleted', async ({
  app,
  makeInstance,
  openInstance,
}) => {
  const centos1 = await makeInstance('centos1', true);
  const pane = await openInstance(centos1);
  const chain = ['centosbase', 'centos1'];
  const names = [1, 2, 3, 4].map((number) => `centos1_sn${number}`);
  for (const [index, name] of names.entries()) {
    if (index === 1) await turn(pane, centos1, 'shut off');
    if (index === 3) await turn(pane, centos1, 'running');
    await centos1.write(index + 1);
    await pane.act('Create snapshot…');
    await app.createDialog.fill({ name, kind: 'Internal', description: `${name}-desc` });
    await app.createDialog.review.click();
    await runPlan(app);
    await expectFigure(pane, { snapshots: names.slice(0, index + 1), chain });
    const state = index === 0 || index === 3 ? 'VM was running, with its memory' : 'VM was shut off';
    await expect(pane.row(name)).toContainText(state);
  }

  // The document could not go back to one with memory while the VM runs.
  await revertTo(app, pane, 'centos1_sn1');
  await expect(pane.row('You are here')).toContainText('running');
  await expect.poll(() => pane.outline()).toContain('2 You are here');
  await centos1.expectDataOf(1);
  await revertTo(app, pane, 'centos1_sn3');
  await expect(pane.row('You are here')).toContainText('shut off');
  await expect.poll(() => pane.outline()).toContain('4 You are here');
  await centos1.expectDataOf(3);

  await remove(app, pane, 'centos1_sn2');
  const left = ['1 centos1_sn1', '2 centos1_sn3', '3 You are here', '3 centos1_sn4'];
  await expect.poll(() => pane.outline()).toEqual(left);
  await centos1.expectDataOf(3);
  expect(await internalSnapshotsOf(centos1.file('centos1'))).toEqual(['centos1_sn1', 'centos1_sn3', 'centos1_sn4']);
});

test('8: four external snapshots of centos2; 9.2: sn2 and sn3 are committed into sn1 in one go (method a)', async ({
  app,
  makeInstance,
  openInstance,
}) => {
  const centos2 = await makeInstance('centos2', true);
  await centos2.write(1);
  const pane = await openInstance(centos2);
  const chain = ['centosbase', 'centos2'];
  for (const [index, name] of all.entries()) {
    if (index === 1) await turn(pane, centos2, 'shut off');
    await pane.act('Create snapshot…');
    const overlays = { vda: centos2.file(name) };
    await app.createDialog.fill({ name, kind: 'External, disks only', overlays, description: `${name}-desc` });
    await app.createDialog.review.click();
    await runPlan(app);
    chain.push(name);
    await expectFigure(pane, { snapshots: all.slice(0, index + 1), chain });
    await expect(pane.row(name)).toContainText(index === 0 ? 'disks only' : 'VM was shut off');
    await centos2.write(index + 2);
  }
  await turn(pane, centos2, 'running');
  await commitIntoFirst(app, pane, centos2, 'a');
});

test('9.2: sn2 and sn3 are committed into sn1 one after the other (method b)', async ({
  app,
  makeInstance,
  openInstance,
}) => {
  const centos2 = await makeInstance('centos2', true);
  await centos2.takeExternalSnapshots();
  await commitIntoFirst(app, await openInstance(centos2), centos2, 'b');
});

async function commitIntoFirst(app: Snaptree, pane: VmPane, centos2: Instance, method: 'a' | 'b'): Promise<void> {
  await pane.select('You are here');
  await pane.actByMenu('Merge down (commit)…');
  await app.mergeDialog.chooseDown({ from: centos2.file(sn3), into: centos2.file(sn1) });
  if (method === 'b') await app.mergeDialog.root.getByText('One image after the other').click();
  await app.mergeDialog.review.click();
  for (const name of [sn2, sn3])
    await expect(app.plan.treeAfterwards.getByRole('treeitem', { name: `${name} removed` })).toBeVisible();
  await runPlan(app);
  await expectFigure(pane, { snapshots: [sn1, sn4], chain: ['centosbase', 'centos2', sn1, sn4] });
  await centos2.expectDataOf(5);
  // What sn4 keeps is now in sn1: all that the guest had when it was taken.
  await expectImageHolds(centos2.file(sn1), 4);
  await expectImageHolds(centos2.file('centos2'), 1);
  expect([sn2, sn3].map((name) => existsSync(centos2.file(name)))).toEqual([false, false]);
}

test('9.3: centos2_sn4 takes up everything above centos2, and everything before a migration', async ({
  app,
  makeInstance,
  openInstance,
}) => {
  const centos2 = await makeInstance('centos2', true);
  await centos2.takeExternalSnapshots();
  const pane = await openInstance(centos2);
  await pane.actByMenu('Merge up (pull)…');
  await app.mergeDialog.chooseUp(centos2.file('centos2'));
  await app.mergeDialog.review.click();
  await runPlan(app);
  await expectFigure(pane, { snapshots: all, chain: ['centosbase', 'centos2', sn4] });
  await centos2.expectDataOf(5);
  // The document removes the records of what is no longer in the chain.
  for (const name of [sn1, sn2, sn3]) await remove(app, pane, name);
  await expectFigure(pane, { snapshots: [sn4], chain: ['centosbase', 'centos2', sn4] });
  await centos2.expectDataOf(5);

  await pane.select('You are here');
  await pane.actByMenu('Merge up (pull)…');
  await app.mergeDialog.chooseUp(null);
  await app.mergeDialog.review.click();
  await runPlan(app);
  await expectFigure(pane, { snapshots: [sn4], chain: [sn4] });
  await centos2.expectDataOf(5);
  expect((await imageInfo(centos2.file(sn4)))['backing-filename']).toBeUndefined();
});

// The document calls a snapshot what is its overlay, but the data of a snapshot is in the image below that. Its sn2 goes downwards with
// centos2_sn2, whose overlay it is, and upwards with centos2_sn3, whose data it holds.
for (const { direction, deleted, left, held } of [
  { direction: 'down', deleted: sn2, left: [sn1, sn3, sn4], held: 3 },
  { direction: 'up', deleted: sn3, left: [sn1, sn2, sn4], held: 2 },
] as const) {
  test(`10: the image sn2 is deleted ${direction}wards`, async ({ app, makeInstance, openInstance }) => {
    const centos2 = await makeInstance('centos2');
    await centos2.takeExternalSnapshots();
    const pane = await openInstance(centos2);
    await remove(app, pane, deleted, direction);
    await expectFigure(pane, { snapshots: left, chain: ['centosbase', 'centos2', sn1, sn3, sn4] });
    await centos2.expectDataOf(5);
    await expectImageHolds(centos2.file(sn3), 4);
    await expectImageHolds(centos2.file(sn1), held);
    expect(existsSync(centos2.file(sn2))).toBe(false);
    await turn(pane, centos2, 'running');
    await centos2.expectDataOf(5);
  });
}
