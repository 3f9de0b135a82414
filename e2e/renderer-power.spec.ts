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
