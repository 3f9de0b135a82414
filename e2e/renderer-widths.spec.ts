/** The built window over a made-up main process: what can be read in narrow and in wide windows. */
import { expect, test, type Locator } from '@playwright/test';
import { busyInventory, largeTree, vm } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { boxOf, openVm, show, useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

test('how old a snapshot is can be seen at 1440 pixels, with the details open', async ({ page }) => {
  show(harness, busyInventory());
  await openVm(harness, page, /^web-01/);
  await expect(page.getByRole('complementary', { name: 'Details' })).toBeVisible();
  const age = page.getByRole('row', { name: /^fresh install/ }).getByText('13 months');
  expect((await boxOf(age)).width).toBeGreaterThan(40);
});

test('at 720 pixels with the details open the tree still has room for names and ages', async ({ page }) => {
  await page.setViewportSize({ width: 720, height: 900 });
  show(harness, busyInventory());
  await openVm(harness, page, /^web-01/);
  await page.getByRole('button', { name: 'Show details' }).click();
  await expect(page.getByRole('complementary', { name: 'Details' })).toBeVisible();
  expect((await boxOf(page.getByRole('treegrid'))).width).toBeGreaterThan(440);
  expect(await page.evaluate(() => document.body.scrollWidth)).toBeLessThanOrEqual(720);

  // Between them a line that the keyboard moves, as far as the tree keeps some rows.
  const line = page.getByRole('separator', { name: 'Height of the details' });
  await expect(line).toHaveAttribute('aria-orientation', 'horizontal');
  const details = page.getByRole('complementary', { name: 'Details' });
  const before = (await boxOf(details)).height;
  await line.focus();
  await page.keyboard.press('ArrowUp');
  await expect.poll(async () => (await boxOf(details)).height).toBe(before + 24);
  await page.keyboard.press('End');
  await expect.poll(async () => (await boxOf(details)).height).toBeGreaterThan(before + 100);
  expect((await boxOf(page.getByRole('row', { name: /^fresh install/ }))).height).toBeGreaterThan(0);
  await expect(page.getByRole('row', { name: /^fresh install/ })).toBeInViewport();
  await page.keyboard.press('Home');
  await expect.poll(async () => (await boxOf(details)).height).toBe(120);
});

for (const width of [720, 1024, 1440]) {
  test(`the name of a VM stays beside every state at ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    const states = {
      'db-run': { state: 'running' as const },
      'db-paus': { state: 'paused' as const },
      'db-going': { state: 'shutting-down' as const },
      'db-saved': { state: 'shutoff' as const, hasManagedSave: true },
    };
    const long = 'customer-portal-database-replica-number-2.example.org';
    const vms = [...Object.entries(states), [long, states['db-saved']] as const].map(([name, change], index) =>
      vm(index, name, { ...change, snapshots: [...largeTree(2000)], currentSnapshotId: 'nightly 01998' }),
    );
    show(harness, { ...busyInventory(), vms });
    await page.goto(harness.url);
    const isCut = (text: Locator) => text.evaluate((element) => element.scrollWidth > element.clientWidth);
    const textIn = (name: string, title: string | RegExp) =>
      page.getByRole('treeitem', { name: new RegExp(`^${name}, `) }).getByTitle(title);
    await expect(textIn('db-run', 'db-run')).toBeVisible();
    for (const name of Object.keys(states)) expect(await isCut(textIn(name, name))).toBe(false);
    expect(await isCut(textIn('db-paus', 'paused'))).toBe(false);
    await expect(textIn('db-saved', 'shut off, memory saved')).toHaveText('saved');
    expect(await isCut(textIn('db-saved', 'shut off, memory saved'))).toBe(false);
    // As many letters of a long name as the list has room for, before any of the word.
    expect((await boxOf(textIn(long, long))).width).toBeGreaterThan(75);
    expect(await isCut(textIn(long, 'shut off, memory saved'))).toBe(false);
  });
}

for (const [width, seen] of [
  [500, ['Snapshot', 'Created']],
  [720, ['Snapshot', 'Created', 'Kind']],
  [1440, ['Snapshot', 'Created', 'Kind', 'Description']],
  [2200, ['Snapshot', 'Created', 'Kind', 'Description', 'Disks']],
] as const) {
  test(`columns are shown whole or not at all, at ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    show(harness, busyInventory());
    await openVm(harness, page, /^web-01/);
    const row = page.getByRole('row', { name: /^fresh install/ });
    for (const [line, cells] of [
      [page.getByRole('row').first(), page.getByRole('columnheader')],
      [row, row.getByRole('gridcell')],
    ] as const) {
      const { y, height } = await boxOf(line);
      const tops = await cells.evaluateAll((all) => all.map((cell) => cell.getBoundingClientRect().top));
      expect(tops.filter((top) => top < y + height)).toHaveLength(seen.length);
    }
    // As it is painted, not as it is laid out.
    const painted = await page.getByRole('columnheader').evaluateAll((all) =>
      all
        .filter((cell) => {
          const { left, top, bottom } = cell.getBoundingClientRect();
          return [top + 1, bottom - 1].some((y) => document.elementsFromPoint(left + 10, y).includes(cell));
        })
        .map((cell) => cell.textContent),
    );
    expect(painted).toEqual(seen);
    // The time goes before the age does.
    const [age, time] = [row.getByText('13 months'), row.getByText(/^\d{4}-\d\d-\d\d/)];
    const cell = await boxOf(row.getByRole('gridcell').nth(1));
    expect((await boxOf(age)).y).toBeLessThan(cell.y + cell.height);
    const timeIsSeen = (await boxOf(time)).y < cell.y + cell.height;
    expect(timeIsSeen).toBe(width >= 1440);
  });
}

test('what a step runs, and what that does to an image, can be read', async ({ page }) => {
  await page.setViewportSize({ width: 720, height: 900 });
  show(harness, busyInventory());
  await openVm(harness, page, /^web-01/);
  await page.getByRole('row', { name: /^october patches/ }).click();
  await page.getByRole('button', { name: 'Revert…' }).click();
  const script = page.getByRole('dialog').getByRole('region', { name: 'Command of step 2' });
  expect((await script.innerText()).split('\n').slice(0, 2)).toEqual([
    "sh -c 'for image do",
    '  qemu-img check -U "$image" || exit 1',
  ]);
  const word = page.getByRole('dialog').getByText('changes for others').first();
  await expect(word).toBeVisible();
  expect(await word.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
});
