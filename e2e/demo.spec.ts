/** The demo fleet: what somebody without a single host can see and do. */
import { expect, test } from './shells/test.ts';

test('somebody without a host tries everything on the demo fleet', async ({ app }) => {
  test.slow();
  await app.page.getByRole('button', { name: 'Try it on a demo fleet' }).click();
  for (const name of ['Demo alder', 'Demo birch', 'Demo cedar']) {
    await expect(app.hostRow(name)).toHaveAccessibleName(/, Connected · \d+ VMs/, { timeout: 30_000 });
  }
  await expect(app.hostKeyQuestion.root).toBeHidden();

  // A change really changes the simulated host, which is read again to see it.
  const pane = await app.openVm('app-06');
  await app.operations.open();
  await pane.act('Create snapshot…');
  await app.createDialog.fill({ name: 'first', kind: 'Internal' });
  await app.createDialog.review.click();
  await app.operations.expectEnd(await app.plan.start(), 'done');
  await expect(pane.row('first')).toContainText('current');
  await pane.select('first');
  await pane.act('Revert…');
  await app.operations.expectEnd(await app.plan.start(), 'done');
  await pane.act('Delete…');
  await app.operations.expectEnd(await app.plan.start(), 'done');
  await expect(pane.row('first')).toHaveCount(0);

  // It refuses what the real one refuses.
  const lab = await app.openVm('lab');
  await lab.select('ext 2');
  await lab.act('Delete…');
  await expect(app.plan.root).toContainText('This plan is refused, and nothing was changed');
});

test('makes a thin instance of a template, and gives up the copying of a full clone', async ({ app }) => {
  test.slow();
  await app.page.getByRole('button', { name: 'Try it on a demo fleet' }).click();
  await expect(app.hostRow('Demo birch')).toHaveAccessibleName(/, Connected · \d+ VMs/, { timeout: 30_000 });
  const template = await app.openVm('debian-12-template');
  await app.operations.open();
  await template.select('You are here');
  await template.actByMenu('Create thin instance…');
  await expect(app.cloneDialog.kind('Thin instance')).toBeChecked();
  await app.cloneDialog.name.fill('build-server');
  await expect(app.cloneDialog.image('vda')).toHaveValue(/\/build-server\.qcow2$/);
  await app.cloneDialog.review.click();
  await expect(app.plan.root).toContainText('is a template');
  await app.operations.expectEnd(await app.plan.start(), 'done');

  const instance = await app.openVm('build-server');
  expect(await instance.details.chain('vda')).toEqual(['build-server.qcow2', 'debian-12.qcow2']);

  const thin = await app.openVm('wiki-search-test');
  expect((await thin.details.chain('vda')).length).toBeGreaterThan(1);
  await thin.actByMenu('Create full clone…');
  await app.cloneDialog.name.fill('wiki-copy');
  await app.cloneDialog.review.click();
  const title = await app.plan.start();
  // It copies 9 GiB and more; what was begun is taken back.
  const copying = app.operations.root.getByRole('listitem').filter({ hasText: 'Copy what is read through' });
  await expect(copying).toContainText('running', { timeout: 30_000 });
  await app.operations.root.getByRole('button', { name: /^Cancel operation/ }).click();
  await app.operations.expectEnd(title, 'cancelled');
  await expect(app.vmRow('wiki-copy')).toHaveCount(0);
});

test('deletes snapshots of several VMs as one batch', async ({ app }) => {
  test.slow();
  const { page } = app;
  await page.getByRole('button', { name: 'Try it on a demo fleet' }).click();
  for (const name of ['Demo alder', 'Demo birch', 'Demo cedar']) {
    await expect(app.hostRow(name)).toHaveAccessibleName(/, Connected · \d+ VMs/, { timeout: 30_000 });
  }
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Batch…' }).click();
  await dialog.getByText('Create a snapshot of each', { exact: true }).click();
  await dialog.getByRole('textbox', { name: 'Name of each' }).fill('before patches');
  await dialog.getByText('Internal', { exact: true }).click();
  await dialog.getByRole('textbox', { name: 'VM', exact: true }).fill('app-0*');
  await dialog.getByRole('row', { name: /^app-06 / }).click();
  await dialog.getByRole('row', { name: /^app-07 / }).click();
  await dialog.getByRole('button', { name: 'Review plan…' }).click();
  await dialog.getByRole('button', { name: 'Run 2 changes' }).click();
  const created = page.getByRole('article', { name: /^Create 2 snapshots of 2 VMs/ });
  await expect(created.getByRole('status').last()).toContainText('done, 2 done', { timeout: 60_000 });

  await page.getByRole('button', { name: 'Batch…' }).click();
  await dialog.getByRole('textbox', { name: 'Snapshot', exact: true }).fill('before patches');
  await dialog.getByRole('row', { name: /^before patches app-06/ }).click();
  await dialog.getByRole('row', { name: /^before patches app-07/ }).click();
  await dialog.getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog.getByRole('heading', { level: 2 })).toContainText('Delete 2 snapshots of 2 VMs');
  await dialog.getByRole('button', { name: 'Run 2 changes' }).click();
  const deleted = page.getByRole('article', { name: /^Delete 2 snapshots of 2 VMs/ });
  await expect(deleted.getByRole('status').last()).toContainText('done, 2 done', { timeout: 60_000 });
  for (const name of ['app-06', 'app-07']) {
    const pane = await app.openVm(name);
    await expect(pane.row('You are here')).toBeVisible();
    await expect(pane.row('before patches')).toHaveCount(0);
  }
});

test('merges the chains of several VMs as one batch', async ({ app }) => {
  // The simulated merges take their time on a machine that is busy.
  test.setTimeout(400_000);
  const { page } = app;
  await page.getByRole('button', { name: 'Try it on a demo fleet' }).click();
  for (const name of ['Demo alder', 'Demo birch', 'Demo cedar']) {
    await expect(app.hostRow(name)).toHaveAccessibleName(/, Connected · \d+ VMs/, { timeout: 30_000 });
  }
  const dialog = page.getByRole('dialog');
  const vms = ['app-06', 'app-07'];
  const choose = async () => {
    await dialog.getByRole('textbox', { name: 'VM', exact: true }).fill('app-0*');
    for (const name of vms) await dialog.getByRole('row', { name: new RegExp(`^${name} `) }).click();
    await dialog.getByRole('button', { name: 'Review plan…' }).click();
    await dialog.getByRole('button', { name: 'Run 2 changes' }).click();
  };
  const ends = (title: RegExp) =>
    expect(page.getByRole('article', { name: title }).getByRole('status').last()).toContainText('done, 2 done', {
      timeout: 150_000,
    });
  await page.getByRole('button', { name: 'Batch…' }).click();
  await dialog.getByText('Create a snapshot of each', { exact: true }).click();
  await dialog.getByRole('textbox', { name: 'Name of each' }).fill('before merging');
  await choose();
  await ends(/^Create 2 snapshots of 2 VMs/);
  const chains = async () => {
    const lengths: number[] = [];
    for (const name of vms) lengths.push((await (await app.openVm(name)).details.chain('vda')).length);
    return lengths;
  };
  const before = await chains();

  await page.getByRole('button', { name: 'Batch…' }).click();
  await dialog.getByText('Merge chains down', { exact: true }).click();
  await choose();
  await ends(/^Commit 2 chains of 2 VMs/);
  // Below the image that is theirs alone lies one that others need, too.
  expect(await chains()).toEqual(before.map((length) => length - 1));
  for (const name of vms) await expect((await app.openVm(name)).row('before merging')).toHaveCount(0);
});
