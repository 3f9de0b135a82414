/** The built window over a made-up main process: what a VM can be made to do, as its state allows, and what the dialog asks for. */
import { expect, test, type Page } from '@playwright/test';
import { busyInventory, vm } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { openVm, show, useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

const item = (page: Page, name: string) => page.getByRole('menuitem', { name });

async function openMenu(page: Page, change: Parameters<typeof vm>[2]): Promise<void> {
  show(harness, { ...busyInventory(), vms: [vm(1, 'db-1', change)] });
  await openVm(harness, page, /^db-1/);
  await page.getByRole('button', { name: 'More actions' }).click();
}

for (const [state, possible, impossible] of [
  ['running', ['Shut down…', 'Force off…', 'Pause…'], { 'Start…': 'runs already', 'Resume…': 'runs already' }],
  ['paused', ['Resume…', 'Force off…'], { 'Start…': 'Resume it', 'Shut down…': 'Resume it first' }],
  ['shutoff', ['Start…'], { 'Shut down…': 'shut off already', 'Pause…': 'does not run', 'Resume…': 'Start it' }],
] as const) {
  test(`the menu offers what a VM that is ${state} can be made to do, and says why it cannot do the rest`, async ({
    page,
  }) => {
    await openMenu(page, { state });
    for (const name of possible) await expect(item(page, name)).not.toHaveAttribute('aria-disabled');
    for (const [name, reason] of Object.entries(impossible)) {
      await expect(item(page, name)).toHaveAttribute('aria-disabled', 'true');
      await expect(item(page, name)).toContainText(reason);
    }
  });
}

test('forcing off is planned, and run by a button that names the deed, with the focus on Cancel', async ({ page }) => {
  await openMenu(page, { state: 'running' });
  await item(page, 'Force off…').click();
  const dialog = page.getByRole('dialog');
  const run = dialog.getByRole('button', { name: 'Force off VM' });
  await expect(run).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  expect(harness.calls.findLast(({ name }) => name === 'plans.create')?.payload).toMatchObject({
    request: { action: 'changePower', to: 'destroy' },
  });
  await run.click();
  await expect(dialog).toHaveCount(0);
});

test('memory is saved for the next start, or in a file that can be named', async ({ page }) => {
  await openMenu(page, { state: 'running' });
  await item(page, 'Save memory and end…').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: 'In a file of its own' }).press('Space');
  await dialog.getByRole('textbox', { name: 'File for the memory' }).fill('saved');
  await expect(dialog.getByText('does not begin with “/”')).toBeVisible();
  await dialog.getByRole('textbox', { name: 'File for the memory' }).fill('/srv/saved/db-1');
  await dialog.getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog.getByRole('button', { name: 'Save memory' })).toBeVisible();
  expect(harness.calls.findLast(({ name }) => name === 'plans.create')?.payload).toMatchObject({
    request: { action: 'saveMemory', file: '/srv/saved/db-1' },
  });
});

test('memory that libvirt keeps is shown as a restore point, and can be discarded', async ({ page }) => {
  await openMenu(page, { state: 'shutoff', hasManagedSave: true });
  await expect(item(page, 'Restore from a file…')).toContainText('was saved by libvirt as well');
  await item(page, 'Discard saved memory…').click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Discard memory' })).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await page.keyboard.press('Escape');
  const details = page.getByRole('complementary', { name: 'Details' });
  await expect(details.getByText('Start goes on from there')).toBeVisible();
  await expect(page.getByRole('row', { name: /^You are here/ })).toContainText('its next start goes on from there');
});

test('memory in files is in the tree above “You are here”, and the file that is selected is the one to restore from', async ({
  page,
}) => {
  const savedMemory = [
    { file: '/srv/vms/before upgrade.memory', savedAt: 1_700_000_000, allocatedBytes: 300 * 1024 ** 2 },
    { file: '/srv/vms/later.memory', savedAt: 1_700_100_000, allocatedBytes: null },
  ];
  show(harness, { ...busyInventory(), vms: [vm(1, 'db-1', { state: 'shutoff', savedMemory })] });
  await openVm(harness, page, /^db-1/);
  const tree = page.getByRole('treegrid', { name: 'Snapshots of db-1' });
  await tree.getByRole('row', { name: /^You are here/ }).click();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await expect(tree.getByRole('row', { name: /^before upgrade\.memory/ })).toHaveAttribute('aria-selected', 'true');
  await expect(tree.getByRole('row', { name: /^You are here/ })).toHaveAttribute('aria-selected', 'false');
  const details = page.getByRole('complementary', { name: 'Details' });
  await expect(details.getByText('/srv/vms/before upgrade.memory')).toBeVisible();
  await expect(details.getByText('300 MiB')).toBeVisible();
  await page.getByRole('button', { name: 'More actions' }).click();
  await item(page, 'Restore from a file…').click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('textbox')).toHaveValue('/srv/vms/before upgrade.memory');
  await dialog.getByRole('button', { name: 'Review plan…' }).click();
  await expect
    .poll(() => harness.calls.findLast(({ name }) => name === 'plans.create')?.payload)
    .toMatchObject({ request: { action: 'restoreMemory', file: '/srv/vms/before upgrade.memory' } });
});
