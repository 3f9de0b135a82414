import { expect, test, type Locator, type Page } from '@playwright/test';
import type { Inventory } from '../../shared/model/inventory.ts';
import { host, now, uuid } from './inventories.fixtures.ts';
import { startHarness, type Harness } from './main-process.fixtures.ts';

/** The one host of `show`. */
export const kvm1 = uuid(1);

/**
 * Gives every test of a file the built window over one harness, which forgets between tests. After each test the window
 * must not have complained on its console: a style or script that the content security policy refuses is an error there.
 * Gives the list of complaints, for a test that expects some to take out.
 */
export function useWindow(take: (harness: Harness) => void): { complaints: string[] } {
  const seen = { complaints: [] as string[] };
  let harness: Harness;
  test.beforeAll(async () => {
    harness = await startHarness(new URL('../../dist/renderer', import.meta.url).pathname);
    take(harness);
  });
  test.afterAll(() => harness.close());
  test.beforeEach(({ page }) => {
    harness.reset();
    seen.complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') seen.complaints.push(message.text());
    });
    page.on('pageerror', (error) => seen.complaints.push(error.message));
  });
  test.afterEach(() => {
    expect(seen.complaints).toEqual([]);
  });
  return seen;
}

/** Has one connected host, with what was read of it. */
export function show(harness: Harness, inventory: Inventory): void {
  harness.setHosts([host(1, 'kvm1', { state: 'connected', since: now })]);
  harness.setInventory(kvm1, { inventory });
}

export async function openVm(harness: Harness, page: Page, name: RegExp): Promise<void> {
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name }).click();
}

export async function boxOf(locator: Locator) {
  const box = await locator.boundingBox();
  if (!box) throw new Error('It is not drawn.');
  return box;
}
