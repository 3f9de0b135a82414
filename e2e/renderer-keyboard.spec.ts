/** The built window over a made-up main process: what the keyboard can do, and where the focus is. */
import { expect, test, type Locator, type Page } from '@playwright/test';
import { busyInventory, now, uuid } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { fakePlan, operationOf } from './renderer/plans.fixtures.ts';
import { kvm1, openVm, show, useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

test('a button that was pressed keeps the focus while it may not be pressed again', async ({ page }) => {
  show(harness, busyInventory());
  await openVm(harness, page, /^web-01/);
  await page.getByRole('row', { name: /^october patches/ }).click();
  await page.getByRole('button', { name: 'Revert…' }).click();
  let answer: (value: { operationId: string }) => void = () => undefined;
  harness.handlers = { 'operations.start': () => new Promise((resolve) => (answer = resolve)) };
  const run = page.getByRole('button', { name: /^Revert VM/ });
  await run.focus();
  await page.keyboard.press('Enter');
  await expect(run).toHaveAttribute('aria-disabled', 'true');
  await expect(run).toBeFocused();
  await expect(run).toHaveAccessibleName('Revert VM. The operation is being started.');
  answer({ operationId: uuid(90_001) });
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('one Escape closes a dialog, while a connection is being tested too', async ({ page }) => {
  harness.handlers = { 'hosts.test': () => new Promise(() => undefined) };
  await page.goto(harness.url);
  await page.getByRole('button', { name: 'Add a host' }).click();
  await page.getByLabel('Address').fill('kvm1.example.org');
  const button = page.getByRole('button', { name: /^Test connection/ });
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();

  // With a tooltip open, too.
  await page.getByRole('button', { name: 'Add a host' }).click();
  const close = page.getByRole('button', { name: 'Close' });
  await expect(page.getByLabel('Address')).toBeFocused();
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await expect(close).toBeFocused();
  await expect(page.getByRole('tooltip')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('the focus stays near when what had it goes away, by keyboard alone', async ({ page }) => {
  const { keyboard } = page;
  const [web] = busyInventory().vms;
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  const request = { action: 'revertToSnapshot' as const, saveAs: null, vmUuid: web.uuid, snapshotId: 'release 5' };
  const plan = fakePlan(kvm1, web, busyInventory(), request);
  const examination = {
    at: now,
    finding: 'notStarted' as const,
    message: 'Nothing was changed.',
    choices: ['resume' as const, 'forget' as const],
  };
  show(harness, busyInventory());
  harness.setNotices([{ id: 'journal', severity: 'warning', message: 'The journal was kept aside.' }]);
  harness.handlers = {
    'operations.cancel': () => ({}),
    'operations.resolve': () => ({}),
    'notices.dismiss': () => {
      harness.setNotices([]);
      return {};
    },
  };
  await openVm(harness, page, /^web-01/);
  await page.getByRole('row', { name: /^october patches/ }).click();
  harness.changeOperation(operationOf(plan, 1));

  const cancel = page.getByRole('button', { name: /^Cancel operation/ });
  const card = page.getByRole('button', { name: plan.title, exact: true });
  await tabTo(page, cancel);
  await keyboard.press('Enter');
  await expect(cancel).toBeFocused();
  harness.changeOperation(operationOf(plan, 1, { state: 'cancelled', endedAt: now }));
  await expect(card).toBeFocused();

  // What needs somebody goes to the top: the card moves, and keeps the focus.
  harness.changeOperation(operationOf({ ...plan, title: 'Another' }, 2, { startedAt: now + 5 }));
  await expect(page.getByRole('article')).toHaveCount(2);
  await expect(card).toBeFocused();
  harness.changeOperation(operationOf(plan, 1, { state: 'interrupted', examination }));
  const resume = page.getByRole('button', { name: 'Resume' });
  await tabTo(page, resume);
  await keyboard.press('Enter');
  harness.changeOperation(operationOf(plan, 1));
  await expect(card).toBeFocused();

  await tabTo(page, page.getByRole('button', { name: 'Dismiss notice' }));
  await keyboard.press('Enter');
  await expect(page.getByText('The journal was kept aside.')).toBeHidden();
  await expect(page.getByRole('row', { name: /^october patches/ })).toBeFocused();

  // A click beside everything means nowhere, and stays so.
  await page.getByRole('heading', { name: 'Snaptree' }).click();
  harness.changeOperation(operationOf(plan, 1, { state: 'succeeded', endedAt: now }));
  await expect(page.getByRole('button', { name: 'Cancel operation' })).toHaveCount(1);
  expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
});

test('from the search to the plan in a few keys, and a toolbar is one stop', async ({ page }) => {
  const { keyboard } = page;
  show(harness, busyInventory());
  await page.goto(harness.url);
  // What is not listed yet cannot be found.
  await expect(page.getByRole('treeitem', { name: /^web-01/ })).toBeVisible();
  await page.getByRole('searchbox').focus();
  await keyboard.type('patches');
  await keyboard.press('Enter');
  await expect(page.getByRole('treeitem', { name: 'Snapshot october patches' })).toBeFocused();
  await keyboard.press('Enter');
  const row = page.getByRole('row', { name: /^october patches/ });
  await expect(row).toBeFocused();

  const toolbar = page.getByRole('toolbar', { name: 'Snapshot actions' });
  await keyboard.press('Shift+Tab');
  await expect(toolbar.getByRole('button', { name: 'More actions' })).toBeFocused();
  await keyboard.press('ArrowLeft');
  await expect(toolbar.getByRole('button', { name: 'Delete with descendants…' })).toBeFocused();
  await keyboard.press('Tab');
  await expect(row).toBeFocused();

  await keyboard.press('Enter');
  await keyboard.press('ArrowDown');
  await expect(page.getByRole('menuitem', { name: 'Revert…' })).toBeFocused();
  await keyboard.press('Enter');
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Cancel' })).toBeFocused();
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(row).toBeFocused();

  // What was searched for may be a VM or a host; without a search the list has its place.
  await page.getByRole('searchbox').fill('app-');
  await page.getByRole('searchbox').press('ArrowDown');
  await expect(page.getByRole('treeitem', { name: /^app-blue/, selected: true })).toBeFocused();
  await page.getByRole('searchbox').fill('');
  await page.getByRole('searchbox').press('ArrowDown');
  await expect(page.getByRole('treeitem', { name: /^app-blue/, selected: true })).toBeFocused();
  await keyboard.press('Home');
  await keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Disconnect' })).toBeFocused();
});

/** Presses Tab until the focus is there. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  await expect(target).toBeFocused({ timeout: 1 });
}
