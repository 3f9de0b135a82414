import type { Locator, Page } from '@playwright/test';
import { expect, test } from './shells/test.ts';
import { activeImage, internalSnapshotsOf } from './testbeds/index.ts';

/** Presses Tab until the focus is there. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await target.evaluate((element) => element.contains(document.activeElement))) return;
    await page.keyboard.press('Tab');
  }
  await expect(target).toBeFocused({ timeout: 1 });
}

test('a snapshot is created from start to success without a mouse', async ({ app, testbed, makeVm }) => {
  const vm = await makeVm({ name: 'keyboard' });
  const { page } = app;
  const { keyboard } = page;

  // A host of one's own, from the start page.
  await tabTo(page, app.addHostButton);
  await keyboard.press('Enter');
  const { hostDialog } = app;
  await expect(hostDialog.address).toBeFocused();
  await keyboard.type(testbed.host);
  await keyboard.press('Tab');
  await expect(hostDialog.port).toBeFocused();
  await keyboard.type(String(testbed.port));
  await tabTo(page, hostDialog.user);
  await keyboard.press('ControlOrMeta+a');
  await keyboard.type(testbed.users.administrator);
  await keyboard.press('Tab');
  await keyboard.press('ArrowRight');
  await expect(hostDialog.root.getByRole('radio', { name: 'Key file' })).toBeChecked();
  await tabTo(page, hostDialog.keyFile);
  await keyboard.type(testbed.keyFile);
  await keyboard.press('Enter');

  // Enter alone would say no: the way to yes is one that is walked on purpose.
  await expect(app.hostKeyQuestion.no).toBeFocused();
  await keyboard.press('Shift+Tab');
  await expect(app.hostKeyQuestion.yes).toBeFocused();
  await keyboard.press('Enter');
  await expect(app.vmRow(vm.name)).toBeVisible();

  await tabTo(page, app.search);
  await keyboard.type(vm.name);
  await expect(app.tree.getByRole('treeitem')).toHaveCount(2);
  await tabTo(page, app.tree);
  await keyboard.press('ArrowDown');
  await expect(app.vmRow(vm.name)).toBeFocused();
  await expect(app.vmRow(vm.name)).toHaveAttribute('aria-selected', 'true');

  const pane = app.vmPane(vm.name);
  await tabTo(page, pane.toolbar.getByRole('button', { name: 'Create snapshot…', exact: true }));
  await keyboard.press('Enter');
  await expect(app.createDialog.name).toBeFocused();
  await keyboard.press('ControlOrMeta+a');
  await keyboard.type('by hand');
  await keyboard.press('Enter');

  await expect(app.plan.run).toBeVisible();
  const title = `Create the internal snapshot "by hand" of ${vm.name}`;
  await tabTo(page, app.plan.run);
  await keyboard.press('Enter');
  await expect(app.plan.root).toBeHidden();
  await expect(app.message(`Done: ${title}`)).toBeVisible();
  expect(await internalSnapshotsOf(await activeImage(vm, 'vda'))).toEqual(['by hand']);

  // The focus is back where it came from: the tree is near, and the menu of a snapshot opens.
  await expect(pane.toolbar.getByRole('button', { name: 'Create snapshot…', exact: true })).toBeFocused();
  await tabTo(page, pane.grid);
  await keyboard.press('Home');
  await expect(pane.row('by hand')).toBeFocused();
  await keyboard.press('Shift+F10');
  await expect(page.getByRole('menu', { name: 'Actions for by hand' })).toBeVisible();
  await keyboard.press('Escape');
  await expect(pane.row('by hand')).toBeFocused();

  // Nor is it lost by a dialog that came from the menu.
  await keyboard.press('Shift+F10');
  await keyboard.type('Delete');
  await keyboard.press('Enter');
  await expect(app.plan.run).toBeVisible();
  await expect(app.plan.root.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await keyboard.press('Escape');
  await expect(app.plan.root).toBeHidden();
  await expect(pane.row('by hand')).toBeFocused();
});
