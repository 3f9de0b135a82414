/** What a plan says of the room that it needs, in the built window over a made-up main process. */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import type { PlanRoom } from '../shared/model/plan.ts';
import { busyInventory, host, now, uuid } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { fakePlan } from './renderer/plans.fixtures.ts';
import { useWindow } from './renderer/window.fixtures.ts';

const kvm1 = uuid(1);
let harness: Harness;
useWindow((started) => {
  harness = started;
});

const GiB = 1024 ** 3;
const small = 320 * 1024;
const tight: PlanRoom = {
  ...{ folders: ['/srv/fast'], likelyBytes: 3 * GiB, atMostBytes: 4 * GiB },
  ...{ guestBytes: 0, freeBytes: 2 * GiB },
};
const several: PlanRoom[] = [
  tight,
  { folders: ['/srv/data', '/srv/more'], likelyBytes: GiB, atMostBytes: 9 * GiB, guestBytes: 0, freeBytes: 5 * GiB },
  { folders: ['/srv/thin'], likelyBytes: small, atMostBytes: small, guestBytes: 100 * GiB, freeBytes: 50 * GiB },
  { folders: ['/mnt/unread'], likelyBytes: null, atMostBytes: null, guestBytes: null, freeBytes: null },
];

/** The dialog with a plan that needs this room. */
async function openPlan(page: Page, rooms: PlanRoom[]) {
  const inventory = busyInventory();
  const [web] = inventory.vms;
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  const request = { action: 'revertToSnapshot', saveAs: null, vmUuid: web.uuid, snapshotId: 'release 5' } as const;
  harness.setHosts([host(1, 'kvm1', { state: 'connected', since: now })]);
  harness.setInventory(kvm1, { inventory });
  harness.handlers = { 'plans.create': () => ({ ...fakePlan(kvm1, web, inventory, request), rooms }) };
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  await page.getByRole('row', { name: /^october patches/ }).click();
  await page.getByRole('button', { name: 'Revert…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByText('on host')).toBeVisible();
  return dialog;
}

test('of one file system a plan says in a sentence what it needs', async ({ page }) => {
  const dialog = await openPlan(page, [tight]);
  await expect(dialog.locator('dl')).toContainText(
    'Likely 3 GiB, at most 4 GiB needed; 2 GiB free in /srv/fast too little',
  );
  await expect(dialog.getByRole('table')).toHaveCount(0);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } });
    test('of several file systems a plan has a table, and marks where it is tight', async ({ page }) => {
      const dialog = await openPlan(page, several);
      await expect(dialog.getByRole('table').getByRole('row')).toHaveText([
        'File system ofLikelyAt mostGuest may addFree',
        '/srv/fast too little3 GiB4 GiBnone2 GiB',
        '/srv/data, /srv/more may be too little1 GiB9 GiBnone5 GiB',
        '/srv/thin (the guest may fill it later)320 KiB320 KiB100 GiB50 GiB',
        /^\/mnt\/unread ?not knownnot knownnot knownnot known$/,
      ]);
      await expect(dialog.getByRole('rowheader', { name: '/srv/fast too little' })).toBeVisible();
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
    });
  });
}
