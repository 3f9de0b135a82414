/** The built window over a made-up main process: how it is chosen what is merged, and what the plan says of it. */
import { expect, test, type Page } from '@playwright/test';
import { chainedInventory, imageOf } from './renderer/merge.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { openVm, show, useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

const dialog = (page: Page) => page.getByRole('dialog');
const diskIn = (page: Page, target: string) => dialog(page).getByRole('region', { name: `Disk ${target}` });
const into = (page: Page, target: string, number: number) =>
  diskIn(page, target).getByRole('radio', { name: `Merge into ${imageOf(target, number)}` });
const from = (page: Page, target: string, number: number) =>
  diskIn(page, target).getByRole('radio', { name: `Merge from ${imageOf(target, number)} down` });

async function openMenu(page: Page, row: RegExp, item: RegExp): Promise<void> {
  show(harness, chainedInventory());
  await openVm(harness, page, /^ledger/);
  await page.getByRole('row', { name: row }).click();
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: item }).click();
  await expect(dialog(page)).toBeVisible();
}

async function plannedRequest(page: Page): Promise<unknown> {
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByText('Chains afterwards')).toBeVisible();
  return harness.calls.findLast(({ name }) => name === 'plans.create')?.payload;
}

test('what nobody else needs is proposed for the present state, and what goes is said before a plan', async ({
  page,
}) => {
  await openMenu(page, /^You are here/, /^Merge down/);
  // The template under vda is of others, but not what hangs on it.
  for (const target of ['vda', 'vdb']) {
    await expect(from(page, target, 4)).toBeChecked();
    await expect(into(page, target, 0)).toBeChecked();
    await expect(into(page, target, 4)).toHaveCount(0);
  }
  await expect(diskIn(page, 'vda').getByRole('row', { name: /golden-12/ })).toContainText('Also needed by');
  await expect(dialog(page).getByRole('status')).toContainText('Merges 8 images, at most 16.2 GiB, into 2 others');
  await expect(diskIn(page, 'vdb')).toContainText('Lost: before release 7');
  expect(await plannedRequest(page)).toMatchObject({
    request: {
      action: 'commitImages',
      ranges: ['vda', 'vdb'].map((target) => ({ target, topId: imageOf(target, 4), baseId: imageOf(target, 0) })),
      oneByOne: false,
      bytesPerSecond: null,
    },
  });
});

test('a part of one chain is chosen with the keyboard, one by one and with a limit, and back keeps it', async ({
  page,
}) => {
  await openMenu(page, /^before release 8/, /^Merge down/);
  // The data of the snapshot is in the second image from below.
  await expect(into(page, 'vdb', 1)).toBeChecked();
  await dialog(page).getByRole('checkbox', { name: /^vda/ }).focus();
  await page.keyboard.press('Space');
  await expect(diskIn(page, 'vda').getByRole('table')).toHaveCount(0);
  await from(page, 'vdb', 4).focus();
  await page.keyboard.press('ArrowDown');
  await expect(from(page, 'vdb', 3)).toBeChecked();
  await dialog(page)
    .getByRole('checkbox', { name: /^One image after the other/ })
    .focus();
  await page.keyboard.press('Space');
  await dialog(page)
    .getByRole('textbox', { name: /^Speed limit/ })
    .fill('0.5');
  await expect(dialog(page).getByText('A whole number from 1')).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByText('A whole number from 1')).toBeVisible();
  await dialog(page)
    .getByRole('textbox', { name: /^Speed limit/ })
    .fill('50');
  const expected = {
    request: {
      action: 'commitImages',
      ranges: [{ target: 'vdb', topId: imageOf('vdb', 3), baseId: imageOf('vdb', 1) }],
      oneByOne: true,
      bytesPerSecond: 50 * 1024 ** 2,
    },
  };
  expect(await plannedRequest(page)).toMatchObject(expected);
  const base = dialog(page).getByRole('listitem').filter({ hasText: 'ledger-vdb.1.qcow2' });
  await expect(base.last()).toContainText('takes up');
  await expect(base.last()).toContainText('410 MiB + at most 2.5 GiB');

  await dialog(page).getByRole('button', { name: 'Back' }).click();
  await expect(from(page, 'vdb', 3)).toBeChecked();
  expect(await plannedRequest(page)).toMatchObject(expected);
});

test('the ends of a range cannot cross', async ({ page }) => {
  await openMenu(page, /^You are here/, /^Merge down/);
  await from(page, 'vdb', 1).click();
  await into(page, 'vdb', 3).click();
  await expect(from(page, 'vdb', 4)).toBeChecked();
  await from(page, 'vdb', 2).click();
  await expect(into(page, 'vdb', 1)).toBeChecked();
});

test('a merge up hangs the active layer on what is chosen, or on nothing', async ({ page }) => {
  await openMenu(page, /^before release 8/, /^Merge up/);
  await expect(diskIn(page, 'vdb').getByRole('radio', { name: `Hang on ${imageOf('vdb', 1)}` })).toBeChecked();
  await diskIn(page, 'vda')
    .getByRole('radio', { name: /^Hang on nothing/ })
    .click();
  expect(await plannedRequest(page)).toMatchObject({
    request: {
      action: 'pullImages',
      ranges: [
        { target: 'vda', baseId: null },
        { target: 'vdb', baseId: imageOf('vdb', 1) },
      ],
      bytesPerSecond: null,
    },
  });
});

test('from the chain of a disk only that disk is proposed; with none there is no plan', async ({ page }) => {
  show(harness, chainedInventory());
  await openVm(harness, page, /^ledger/);
  await page.getByRole('button', { name: 'Merge images of vdb…' }).click();
  await expect(dialog(page).getByRole('checkbox', { name: /^vda/ })).not.toBeChecked();
  await dialog(page).getByRole('checkbox', { name: /^vdb/ }).focus();
  await page.keyboard.press('Space');
  await dialog(page).getByRole('button', { name: 'Review plan…' }).click();
  await expect(dialog(page).getByText('Choose at least one disk.')).toBeVisible();
  expect(harness.calls.some(({ name }) => name === 'plans.create')).toBe(false);
});

test('of an external snapshot it is chosen which of its images goes, with what that copies', async ({ page }) => {
  show(harness, chainedInventory());
  await openVm(harness, page, /^ledger/);
  await page.getByRole('row', { name: /^before the firewall/ }).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  const group = dialog(page).getByRole('radiogroup', { name: 'What of its images goes' });
  // Of two disks: the overlay has 20 MiB each, the image of the snapshot 2.5 GiB.
  await expect(group).toContainText('into the image of the snapshot: at most 41 MiB.');
  await expect(group).toContainText('The overlay takes it up: at most 5 GiB.');
  const planned = () => harness.calls.findLast(({ name }) => name === 'plans.create')?.payload;
  expect(planned()).toMatchObject({ request: { action: 'deleteSnapshot', snapshotId: 'before the firewall' } });
  expect(planned()).not.toMatchObject({ request: { direction: 'up' } });
  await group.getByText('The image of the snapshot (merge up)').click();
  await expect.poll(planned).toMatchObject({ request: { direction: 'up' } });
});

const looks = [
  {
    name: 'merge-choice',
    theme: 'light',
    width: 1440,
    open: (page: Page) => openMenu(page, /^You are here/, /^Merge down/),
  },
  {
    name: 'merge-choice-narrow',
    theme: 'dark',
    width: 760,
    open: (page: Page) => openMenu(page, /^before release 8/, /^Merge up/),
  },
  {
    name: 'merge-plan',
    theme: 'dark',
    width: 1440,
    open: async (page: Page) => {
      await openMenu(page, /^before release 8/, /^Merge down/);
      await plannedRequest(page);
    },
  },
] as const;
for (const { name, theme, width, open } of looks) {
  test(`${name} @screenshot`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width, height: 900 });
    await open(page);
    await page.screenshot({ path: `test-results/${name}.png` });
  });
}
