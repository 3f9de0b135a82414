/** The built window over a made-up main process: what can be mended is listed with its reasons, and planned when it is chosen. */
import { expect, test, type Page } from '@playwright/test';
import { busyInventory, image, snapshot, vm } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { openVm, show, useWindow } from './renderer/window.fixtures.ts';
import type { Image, ReadableVm } from '../shared/model/inventory.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

const dialog = (page: Page) => page.getByRole('dialog');
const planned = () => harness.calls.findLast(({ name }) => name === 'plans.create')?.payload;
const disk = (imageId: string): ReadableVm['disks'][number] => ({
  target: 'vda',
  device: 'disk',
  imageId,
  source: imageId,
  format: 'qcow2',
  readOnly: false,
  shareable: false,
});
const on = (base: string): Image['parent'] => ({
  relation: 'backing',
  reference: base,
  imageId: base,
  format: 'qcow2',
});

async function openRepair(page: Page, parts: Partial<ReadableVm>, images: readonly Image[]): Promise<void> {
  show(harness, { ...busyInventory(), images: [...images], vms: [vm(1, 'db-1', parts)] });
  await openVm(harness, page, /^db-1/);
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Repair records and chains…' }).click();
}

test('of images that may be a missing one none is chosen before the user chooses', async ({ page }) => {
  const images = [
    image('/srv/old/db.qcow2', { status: 'missing' }),
    image('/srv/a/db.qcow2'),
    image('/srv/b/db.qcow2'),
    image('/srv/a/db.s1', { parent: on('/srv/old/db.qcow2') }),
  ];
  await openRepair(page, { state: 'shutoff', disks: [disk('/srv/a/db.s1')], snapshots: [] }, images);
  await expect(dialog(page).getByText('What it holds cannot be proven.')).toHaveCount(2);
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByRole('alert')).toHaveText('Choose what to mend.');
  await dialog(page).getByRole('radio', { name: 'Let /srv/a/db.s1 hang on /srv/b/db.qcow2' }).check({ force: true });
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByRole('button', { name: 'Mend chain' })).toBeVisible();
  expect(planned()).toMatchObject({
    request: { action: 'rebaseImage', imageId: '/srv/a/db.s1', baseId: '/srv/b/db.qcow2' },
  });
});

test('a state without a record gets one, under a name that is free', async ({ page }) => {
  const images = [image('/srv/a/db.qcow2'), image('/srv/a/db.s1', { parent: on('/srv/a/db.qcow2') })];
  await openRepair(page, { disks: [disk('/srv/a/db.s1')], snapshots: [snapshot('taken', null)] }, images);
  const name = dialog(page).getByRole('textbox', { name: 'Name of the snapshot' });
  await expect(name).toBeVisible();
  await name.fill('taken');
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByText('has a snapshot of that name already')).toBeVisible();
  await name.fill('before the update');
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByRole('button', { name: 'Make record' })).toBeVisible();
  expect(planned()).toMatchObject({
    request: { action: 'adoptSnapshot', name: 'before the update', images: { vda: '/srv/a/db.qcow2' } },
  });
});

test('where nothing can be mended the dialog says so, and lost records are defined from files', async ({ page }) => {
  const record = { path: '/root/kept/taken.xml', checksum: '1 2', snapshot: snapshot('taken', null) };
  harness.handlers = {
    'records.read': () => ({ folder: '/root/kept', records: [record], unusable: [], currentId: 'taken' }),
  };
  await openRepair(page, { disks: [disk('/srv/a/db.qcow2')], snapshots: [] }, [image('/srv/a/db.qcow2')]);
  await expect(dialog(page).getByText('nothing is known that could be mended')).toBeVisible();
  await dialog(page).getByRole('radio', { name: 'Define lost records again' }).check({ force: true });
  const folder = dialog(page).getByRole('textbox', { name: 'Folder on the host' });
  await folder.fill('records');
  await expect(dialog(page).getByText('is named from its root')).toBeVisible();
  await folder.fill('');
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByRole('button', { name: 'Define records' })).toBeVisible();
  expect(planned()).toMatchObject({ request: { action: 'defineRecords', records: [record], currentId: 'taken' } });
});
