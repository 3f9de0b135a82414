/** The built window over a made-up main process: many changes are chosen, reviewed as one plan, and followed as one batch. */
import { expect, test, type Page } from '@playwright/test';
import { showFleet } from './renderer/batches.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

const dialog = (page: Page) => page.getByRole('dialog');

async function openBatch(page: Page): Promise<void> {
  await page.goto(harness.url);
  await page.getByRole('button', { name: 'Batch…' }).click();
  await expect(dialog(page)).toContainText('48 snapshots shown');
}

test.describe('choosing', () => {
  test.beforeEach(() => {
    showFleet(harness);
  });

  test('says what it does not show', async ({ page }) => {
    await openBatch(page);
    await expect(dialog(page)).toContainText('kvm3 is not connected.');
  });
});
