/** The built window over a made-up main process: a snapshot is described and renamed, and an internal one only described. */
import { expect, test, type Page } from '@playwright/test';
import { busyInventory, image, snapshot, vm } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { openVm, show, useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

const item = (page: Page, name: string) => page.getByRole('menuitem', { name });
const dialog = (page: Page) => page.getByRole('dialog');
const planned = () => harness.calls.findLast(({ name }) => name === 'plans.create')?.payload;

async function openMenu(page: Page, name: RegExp): Promise<void> {
  const disks = [{ target: 'vda', kind: 'external' as const, dataImageId: '/srv/a', overlayImageId: '/srv/b' }];
  const snapshots = [
    snapshot('inside', null, { description: 'as installed' }),
    snapshot('outside', 'inside', { kind: 'external', memory: { kind: 'none' }, disks }),
  ];
  const host = { ...busyInventory(), images: [image('/srv/a'), image('/srv/b')] };
  show(harness, { ...host, vms: [vm(1, 'db-1', { snapshots, currentSnapshotId: 'outside' })] });
  await openVm(harness, page, /^db-1/);
  await page.getByRole('row', { name }).click();
  await page.getByRole('button', { name: 'More actions' }).click();
}

test('an external snapshot is renamed, to a name that is free', async ({ page }) => {
  await openMenu(page, /^outside/);
  await item(page, 'Rename…').click();
  const name = dialog(page).getByRole('textbox', { name: 'New name' });
  await expect(name).toHaveValue('outside');
  await name.fill('inside');
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByText('has a snapshot of that name already')).toBeVisible();
  await name.fill('before the update');
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByRole('button', { name: 'Rename snapshot' })).toBeVisible();
  expect(planned()).toMatchObject({
    request: { action: 'renameSnapshot', snapshotId: 'outside', name: 'before the update' },
  });
});

test('an internal snapshot is described, and the menu says why it is not renamed', async ({ page }) => {
  await openMenu(page, /^inside/);
  await expect(item(page, 'Rename…')).toContainText('its data is inside of images under that name');
  await item(page, 'Description…').click();
  const text = dialog(page).getByRole('textbox', { name: 'Description' });
  await expect(text).toHaveValue('as installed');
  await text.fill('before the update');
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByRole('button', { name: 'Change description' })).toBeVisible();
  expect(planned()).toMatchObject({
    request: { action: 'describeSnapshot', snapshotId: 'inside', description: 'before the update' },
  });
});
