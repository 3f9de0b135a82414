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
