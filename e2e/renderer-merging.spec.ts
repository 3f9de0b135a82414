/** The built window over a made-up main process: how a merge that runs is told to go on, and how a line of snapshots is chosen for one. */
import { expect, test, type Page } from '@playwright/test';
import type { StepControl } from '../shared/model/operation.ts';
import { chainedInventory, imageOf } from './renderer/merge.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { fakePlan, operationOf } from './renderer/plans.fixtures.ts';
import { kvm1, openVm, show, useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

const mebibyte = 1024 ** 2;
const row = (page: Page, name: RegExp) => page.getByRole('row', { name });
const selectedRows = (page: Page) => page.getByRole('row', { selected: true });

test.describe('a merge that runs', () => {
  const control: StepControl = {
    can: ['limit', 'pause', 'pauseGuest'],
    bytesPerSecond: 10 * mebibyte,
    isPaused: false,
    fallsBehind: false,
    guestPausedUntil: null,
  };

  async function begin(page: Page): Promise<(change: Partial<StepControl>) => void> {
    const inventory = chainedInventory();
    const [vm] = inventory.vms;
    if (!vm?.readable) throw new Error('The fixture has no readable VM first.');
    show(harness, inventory);
    harness.handlers = { 'operations.adjust': () => ({ message: 'It is so.' }) };
    await openVm(harness, page, /^ledger/);
    const plan = fakePlan(kvm1, vm, inventory, {
      action: 'commitImages',
      vmUuid: vm.uuid,
      ranges: [{ target: 'vdb', topId: imageOf('vdb', 4), baseId: imageOf('vdb', 0) }],
      oneByOne: false,
      bytesPerSecond: 10 * mebibyte,
    });
    // As what merges on a host: a script of many lines.
    const argv = ['sh', '-c', 'true\n'.repeat(40)];
    const begun = operationOf({ ...plan, steps: plan.steps.map((step) => ({ ...step, argv })) }, 1);
    const steps = begun.steps.map((step) => (step.index === 0 ? { ...step, state: 'running' as const } : step));
    harness.changeOperation({ ...begun, steps });
    const tell = (change: Partial<StepControl>) => {
      harness.setStepProgress([
        {
          operationId: begun.id,
          index: 0,
          doneBytes: 400 * mebibyte,
          totalBytes: 900 * mebibyte,
          bytesPerSecond: 10 * mebibyte,
          secondsLeft: 50,
          control: { ...control, ...change },
        },
      ]);
    };
    tell({});
    return tell;
  }
  const wishes = () => harness.calls.filter(({ name }) => name === 'operations.adjust').map(({ payload }) => payload);

  test('gets another limit, and none, by keyboard alone', async ({ page }) => {
    await begin(page);
    await page.getByRole('button', { name: 'Speed limit…' }).focus();
    await page.keyboard.press('Enter');
    const field = page.getByRole('textbox', { name: 'MiB a second' });
    await expect(field).toBeFocused();
    await expect(field).toHaveValue('10');
    await field.fill('2.5');
    await expect(page.getByRole('dialog')).toContainText('A whole number');
    await field.fill('50');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog')).toBeHidden();
    await page.getByRole('button', { name: 'Speed limit…' }).click();
    await page.getByRole('textbox', { name: 'MiB a second' }).fill('');
    await page.getByRole('button', { name: 'Set limit' }).click();
    await expect(page.getByRole('dialog')).toBeHidden();
    expect(wishes()).toMatchObject([
      { wish: { kind: 'limit', bytesPerSecond: 50 * mebibyte } },
      { wish: { kind: 'limit', bytesPerSecond: null } },
    ]);
  });

  test('stands still, and goes on', async ({ page }) => {
    const tell = await begin(page);
    await page.getByRole('button', { name: 'Pause merge' }).click();
    tell({ isPaused: true, bytesPerSecond: null });
    await expect(page.getByText('left, paused')).toBeVisible();
    await page.getByRole('button', { name: 'Continue merge' }).click();
    await expect.poll(wishes).toMatchObject([{ wish: { kind: 'pause' } }, { wish: { kind: 'continue' } }]);
  });

  test('says that it cannot catch up, and pauses the guest when its user has read what that means', async ({
    page,
  }) => {
    const tell = await begin(page);
    tell({ fallsBehind: true });
    await expect(page.getByText('The guest writes as fast as is copied')).toBeInViewport();
    await expect(page.getByRole('button', { name: 'Pause guest…' })).toBeInViewport();
    // What runs is folded below it.
    const script = page.getByRole('region', { name: 'Command of step 1' });
    await expect(script).toBeHidden();
    await page.getByLabel('Script of step 1').press('Enter');
    await expect(script).toBeVisible();
    await page.getByRole('button', { name: 'Pause guest…' }).click();
    await expect(page.getByRole('dialog')).toContainText('lift the speed limit first');
    await page.getByRole('textbox', { name: 'Seconds, at most' }).fill('30');
    await page.getByRole('button', { name: 'Pause guest', exact: true }).click();
    await expect(page.getByRole('dialog')).toBeHidden();
    tell({ guestPausedUntil: 1_795_200_000 });
    await expect(page.getByText('It goes on as soon as the merge has ended')).toBeVisible();
    await page.getByRole('button', { name: 'Let guest go on' }).click();
    await expect
      .poll(wishes)
      .toMatchObject([{ wish: { kind: 'pauseGuest', seconds: 30 } }, { wish: { kind: 'continueGuest' } }]);
  });
});

test.describe('several snapshots', () => {
  const inMenu = async (page: Page, name: RegExp) => {
    await page.getByRole('button', { name: 'More actions' }).click();
    return page.getByRole('menuitem', { name });
  };
  const radio = (page: Page, name: string) =>
    page.getByRole('dialog').getByRole('region', { name: 'Disk vdb' }).getByRole('radio', { name });

  test.beforeEach(async ({ page }) => {
    show(harness, chainedInventory());
    await openVm(harness, page, /^ledger/);
  });

  test('are a line from one to the other with Shift, and merged with both ends proposed', async ({ page }) => {
    await row(page, /^before the firewall/).click();
    await row(page, /^before release 7/).click({ modifiers: ['Shift'] });
    await expect(selectedRows(page)).toHaveCount(3);
    await expect(page.getByText('3 selected')).toBeVisible();
    // The menu of one of them is the menu of all.
    await row(page, /^before release 8/).click({ button: 'right' });
    await expect(selectedRows(page)).toHaveCount(3);
    await expect(page.getByRole('menuitem', { name: /^Revert…/ })).toContainText('Select one snapshot');
    await page.getByRole('menuitem', { name: /^Merge down/ }).click();
    await expect(radio(page, `Merge from ${imageOf('vdb', 2)} down`)).toBeChecked();
    await expect(radio(page, `Merge into ${imageOf('vdb', 0)}`)).toBeChecked();
  });

  test('are chosen by keyboard alone, and Escape leaves one', async ({ page }) => {
    await row(page, /^before release 8/).click();
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await expect(selectedRows(page)).toHaveCount(3);
    await page.keyboard.press('Shift+ArrowUp');
    await expect(selectedRows(page)).toHaveCount(2);
    await page.keyboard.press('Delete');
    await expect(page.getByRole('dialog')).toBeVisible();
    const asked = harness.calls.flatMap(({ name, payload }) => (name === 'plans.create' ? [payload] : []));
    expect(asked).toMatchObject([
      { request: { action: 'deleteSnapshot', otherSnapshotIds: ['before release 8'], withDescendants: false } },
    ]);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await page.keyboard.press('Escape');
    await expect(selectedRows(page)).toHaveCount(1);
  });

  test('with a gap say why nothing is merged, and Ctrl takes one out again', async ({ page }) => {
    await row(page, /^before release 7/).click();
    await row(page, /^before the firewall/).click({ modifiers: ['Control'] });
    await expect(await inMenu(page, /^Merge down/)).toContainText('without a gap');
    await page.keyboard.press('Escape');
    // The button beside a chain is for the chain, whatever is selected.
    await expect(page.getByRole('button', { name: 'Merge images of vdb…', exact: true })).toBeEnabled();
    await row(page, /^before the firewall/).click({ modifiers: ['Control'] });
    await expect(selectedRows(page)).toHaveCount(1);
    await expect(await inMenu(page, /^Merge down/)).not.toContainText('without a gap');
  });
});
