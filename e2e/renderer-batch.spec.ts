/** The built window over a made-up main process: many changes are chosen, reviewed as one plan, and followed as one batch. */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { SnaptreeError } from '../shared/errors.ts';
import type { Batch, BatchItem, BatchPlan } from '../shared/model/batch.ts';
import type { Operation } from '../shared/model/operation.ts';
import { batchOf, fakeBatchPlan, showFleet } from './renderer/batches.fixtures.ts';
import { now, uuid } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { fakePlan, operationOf } from './renderer/plans.fixtures.ts';
import { useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});
test.beforeEach(() => {
  showFleet(harness);
});

const dialog = (page: Page) => page.getByRole('dialog');
const row = (page: Page, name: string | RegExp) => dialog(page).getByRole('row', { name });
const chosenRows = (page: Page) => dialog(page).getByRole('row', { selected: true });
const field = (page: Page, name: string) => dialog(page).getByRole('textbox', { name, exact: true });
const review = (page: Page) => dialog(page).getByRole('button', { name: /^Review plan…/ });
const asked = () =>
  harness.calls.flatMap(({ name, payload }) => (name === 'batches.plan' ? [payload as { requests: unknown[] }] : []));

async function openBatch(page: Page): Promise<void> {
  await page.goto(harness.url);
  await page.getByRole('button', { name: 'Batch…' }).click();
  await expect(dialog(page)).toContainText('48 snapshots shown');
}

/** Chooses all six snapshots of web-101, and all of db-202. */
async function chooseTwelve(page: Page): Promise<void> {
  for (const name of ['web-101', 'db-202']) {
    await field(page, 'VM').fill(name);
    await expect(dialog(page)).toContainText('6 of 48 snapshots shown');
    // Of the name before as many were shown.
    await expect(row(page, `before release 1 ${name}`)).toBeVisible();
    await dialog(page).getByRole('columnheader', { name: 'Select All' }).click();
  }
  await expect(dialog(page)).toContainText('12 snapshots of 2 VMs on 2 hosts chosen, 6 of them hidden');
}

test.describe('choosing', () => {
  test('finds snapshots by name, age, VM and host, and says what it does not show', async ({ page }) => {
    await openBatch(page);
    await expect(dialog(page)).toContainText('kvm3 is not connected.');
    await field(page, 'Snapshot').fill('before*');
    await expect(dialog(page)).toContainText('24 of 48 snapshots shown');
    await field(page, 'Host').fill('KVM2');
    await expect(dialog(page)).toContainText('12 of 48');
    await field(page, 'Snapshot').fill('');
    await field(page, 'Older than').fill('45d');
    // The oldest of each VM; the second of each is of unknown age.
    await expect(dialog(page)).toContainText('4 of 48 snapshots shown. 4 of unknown age are not among them.');
    await field(page, 'Older than').fill('soon');
    await expect(dialog(page)).toContainText('A number of days, an age such as');
    await field(page, 'Older than').fill('2000-01-01');
    await expect(dialog(page)).toContainText('There is no snapshot that the filters let through.');
  });

  test('takes a line of rows with Shift, every row that is shown, and keeps what the filters hide', async ({
    page,
  }) => {
    await openBatch(page);
    await expect(review(page)).toHaveAccessibleName(/Choose one snapshot at least/);
    await row(page, 'before release 1 web-101').click();
    await row(page, 'weekly 4 web-101').click({ modifiers: ['Shift'] });
    await expect(chosenRows(page)).toHaveCount(4);
    await row(page, 'weekly 2 web-101').click();
    await expect(chosenRows(page)).toHaveCount(3);
    await field(page, 'VM').fill('db-1*');
    await expect(dialog(page)).toContainText('3 snapshots of 1 VM on 1 host chosen, 3 of them hidden by the filters');
    await dialog(page).getByRole('columnheader', { name: 'Select All' }).click();
    await expect(dialog(page)).toContainText('15 snapshots of 3 VMs on 1 host chosen');
    await dialog(page).getByRole('columnheader', { name: 'Select All' }).click();
    await expect(dialog(page)).toContainText('3 snapshots of 1 VM');
    await field(page, 'VM').fill('');
    await dialog(page).getByRole('columnheader', { name: 'Created' }).click();
    await expect(dialog(page).getByRole('row').nth(1)).toHaveAccessibleName(/^before release 1/);
    await expect(dialog(page)).toContainText('3 snapshots of 1 VM');
  });

  test('works by keyboard alone, and back from the review loses nothing', async ({ page }) => {
    await page.goto(harness.url);
    await expect(page.getByRole('treeitem', { name: /^web-101/ })).toBeVisible();
    await page.getByRole('button', { name: 'Batch…' }).focus();
    await page.keyboard.press('Enter');
    await expect(field(page, 'Snapshot')).toBeFocused();
    for (let presses = 0; presses < 4; presses += 1) await page.keyboard.press('Tab');
    await expect(row(page, 'before release 1 web-101')).toBeFocused();
    await page.keyboard.press('Space');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await expect(dialog(page)).toContainText('3 snapshots of 1 VM on 1 host chosen');
    await page.keyboard.press('Control+a');
    await expect(dialog(page)).toContainText('48 snapshots of 8 VMs on 2 hosts chosen');
    await review(page).focus();
    await page.keyboard.press('Enter');
    await expect(dialog(page)).toContainText('40 of 48 changes.');
    await dialog(page).getByRole('button', { name: 'Back' }).press('Enter');
    await expect(dialog(page)).toContainText('48 snapshots of 8 VMs on 2 hosts chosen');
  });

  test('asks for snapshots of many VMs, frozen where they run', async ({ page }) => {
    await openBatch(page);
    await dialog(page).getByText('Create a snapshot of each', { exact: true }).click();
    await field(page, 'Name of each').fill('7');
    await row(page, 'web-101 kvm1').click();
    await row(page, 'web-103 kvm1').click();
    await expect(review(page)).toHaveAccessibleName(/must not be a number/);
    await field(page, 'Name of each').fill('before patches');
    await dialog(page).getByText('Freeze the file systems', { exact: false }).first().click();
    await review(page).click();
    await expect(dialog(page).getByRole('button', { name: 'Run 2 changes' })).toBeVisible();
    const create = { action: 'createSnapshot', kind: 'external', name: 'before patches', diskTargets: null };
    expect(asked()[0]?.requests).toMatchObject([
      { hostId: uuid(1), request: { ...create, quiesce: true } },
      { hostId: uuid(1), request: create },
    ]);
    // web-103 is shut off: there is nothing to freeze.
    expect(JSON.stringify(asked()[0]?.requests[1])).not.toContain('quiesce');
  });

  test('begins with the VM, and with what is selected of it', async ({ page }) => {
    await page.goto(harness.url);
    await page.getByRole('treeitem', { name: /^web-101/ }).click();
    await page.getByRole('row', { name: /^before release 1/ }).click();
    await page.getByRole('row', { name: /^before release 3/ }).click({ modifiers: ['Control'] });
    await page.getByRole('button', { name: 'More actions' }).click();
    await expect(page.getByRole('menuitem', { name: /^Delete…/ })).toBeEnabled();
    await page.getByRole('menuitem', { name: /^Batch…/ }).click();
    await expect(dialog(page)).toContainText('6 of 48 snapshots shown');
    await expect(chosenRows(page)).toHaveCount(2);
    await expect(dialog(page)).toContainText('2 snapshots of 1 VM on 1 host chosen');
  });
});

test('the review says what is left out and why, what it needs, and every step, and is not run by mistake', async ({
  page,
}) => {
  await openBatch(page);
  await chooseTwelve(page);
  await review(page).click();
  await expect(dialog(page).getByRole('heading', { level: 2 })).toHaveText('Delete 12 snapshots of 2 VMs on 2 hosts');
  await expect(dialog(page).getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expect(dialog(page)).toContainText('10 of 12 changes.');
  await expect(dialog(page)).toContainText('If one fails, the rest on its VM is left out');

  await expect(dialog(page)).toContainText('2 of 12 cannot be made, and are left out');
  // The same reason is said once.
  await expect(dialog(page).getByText('Another VM was made of it: wiki-test.')).toHaveCount(1);
  await dialog(page).getByText('The same of 2 changes').click();
  await expect(dialog(page).getByText('Delete "weekly 6", web-101 on kvm1')).toBeVisible();
  await expect(dialog(page).getByText('And the like: 2 changes in all')).toBeVisible();

  await expect(dialog(page).getByRole('row', { name: /kvm1.*300 GiB/ })).toContainText('may be too little');
  await expect(dialog(page).getByText('web-101 on kvm1, 5 changes one after the other')).toBeVisible();
  await dialog(page).getByText('Delete "weekly 2" · 1 step').first().click();
  await expect(dialog(page)).toContainText('It is planned again when the change before it is done.');
  await expect(dialog(page)).toContainText('snapshot-delete');

  await dialog(page).getByRole('button', { name: 'Run 10 changes' }).click();
  await expect(dialog(page)).toBeHidden();
  await expect(page.getByRole('article', { name: 'Delete 12 snapshots of 2 VMs on 2 hosts' })).toBeVisible();
});

test('a plan that is not known any more is made again', async ({ page }) => {
  await openBatch(page);
  await row(page, 'before release 1 web-101').click();
  await review(page).click();
  harness.handlers = {
    'batches.start': () => {
      throw new SnaptreeError('planNotFound', 'This batch is no longer known. Nothing was changed; plan it again.');
    },
  };
  await dialog(page).getByRole('button', { name: 'Run 1 change' }).click();
  await expect(dialog(page).getByRole('alert')).toContainText('Nothing was changed');
  await expect(dialog(page).getByRole('button', { name: 'Run 1 change' })).toBeHidden();
  harness.handlers = {};
  await dialog(page).getByRole('button', { name: 'Make the plan again' }).click();
  await dialog(page).getByRole('button', { name: 'Run 1 change' }).click();
  await expect(dialog(page)).toBeHidden();
  expect(asked()).toHaveLength(2);
});

/** A batch of ten deletions on two VMs, two of them refused. */
function runningBatch(): {
  plan: BatchPlan;
  batch: Batch;
  operation: (index: number, change?: Partial<Operation>) => Operation;
} {
  const requests = [1, 2].flatMap((number) => {
    const vm = harness.inventoryOf(uuid(number)).vms[0];
    if (!vm?.readable) throw new Error('The fixture has no readable VM first.');
    return vm.snapshots.map(({ id }) => ({
      hostId: uuid(number),
      request: { action: 'deleteSnapshot' as const, vmUuid: vm.uuid, snapshotId: id, withDescendants: false },
    }));
  });
  const plan = fakeBatchPlan(
    requests,
    (hostId) => harness.inventoryOf(hostId),
    (hostId) => (hostId === uuid(1) ? 'kvm1' : 'kvm2'),
  );
  const operation = (index: number, change: Partial<Operation> = {}) => {
    const item = plan.items[index];
    const inventory = harness.inventoryOf(item?.hostId ?? '');
    const vm = inventory.vms[0];
    if (!item || !vm?.readable) throw new Error('The batch has no such change.');
    return operationOf(fakePlan(item.hostId, vm, inventory, item.request), index + 1, change);
  };
  return { plan, batch: batchOf(plan, 1), operation };
}

function withItem(batch: Batch, index: number, change: Partial<BatchItem>): Batch {
  return { ...batch, items: batch.items.map((item) => (item.index === index ? { ...item, ...change } : item)) };
}

const card = (page: Page) => page.getByRole('article', { name: /^Delete 12 snapshots/ });
const group = (page: Page, name: RegExp) => card(page).getByRole('button', { name });

test('a batch that runs is one card, told of once at its end', async ({ page }) => {
  const { batch, operation } = runningBatch();
  await page.goto(harness.url);
  harness.changeBatch(batch);
  await expect(card(page)).toContainText('2 left out, 10 to do');
  const first = operation(0);
  harness.changeBatch(withItem(batch, 0, { state: 'running', operationId: first.id }));
  harness.changeOperation(first);
  await expect(card(page)).toContainText('2 left out, 1 running, 9 to do');
  // Its operation is in the card of the batch, and nowhere else.
  await expect(page.getByRole('article', { name: 'Delete "before release 1"' })).toHaveCount(1);
  await expect(card(page).getByRole('article', { name: 'Delete "before release 1"' })).toBeVisible();

  const error = new SnaptreeError('commandFailed', 'The disk is full.').toData();
  harness.changeOperation({ ...first, state: 'failed', endedAt: now, error });
  const left = 'comes before it on this VM and was not done';
  let failed = withItem(batch, 0, { state: 'failed', operationId: first.id, message: error.message });
  for (const index of [1, 2, 3, 4]) failed = withItem(failed, index, { state: 'notRun', message: left });
  harness.changeBatch(failed);
  await expect(card(page)).toContainText('1 failed, 6 left out, 5 to do');
  await expect(card(page)).toContainText('The disk is full.');
  await expect(card(page).getByText(left)).toHaveCount(1);
  // Not a word in the corner while it goes on.
  await expect(page.getByRole('alertdialog')).toHaveCount(0);

  await card(page)
    .getByRole('button', { name: /^Cancel batch/ })
    .click();
  expect(harness.calls.at(-1)).toEqual({ name: 'batches.cancel', payload: { batchId: batch.id } });

  let done = failed;
  for (const index of [6, 7, 8, 9, 10]) done = withItem(done, index, { state: 'succeeded' });
  harness.changeBatch({ ...done, state: 'incomplete', endedAt: now });
  const message = page.getByRole('alertdialog');
  await expect(message).toHaveCount(1);
  await expect(message).toContainText('Done in part: Delete 12 snapshots of 2 VMs on 2 hosts');
  await expect(message).toContainText('1 failed, 6 left out, 5 done');
  await expect(group(page, /^5 done/)).toHaveAttribute('aria-expanded', 'false');
  await group(page, /^5 done/).press('Enter');
  await expect(card(page).getByText('Delete "weekly 2" · web-201 on kvm2')).toBeVisible();
});

test('a batch that was cut off says what is left, and is resumed or forgotten', async ({ page }) => {
  const { batch, operation } = runningBatch();
  const cut = operation(0, { state: 'interrupted' });
  const interrupted: Batch = {
    ...withItem(batch, 0, { state: 'interrupted', operationId: cut.id }),
    state: 'interrupted',
  };
  harness.setOperations([cut]);
  harness.setBatches([interrupted]);
  await page.goto(harness.url);
  await expect(card(page)).toContainText('It was cut off, and does not go on by itself');
  await expect(card(page)).toContainText('9 of 12 are still to be begun, and the outcome of one is not known.');
  await expect(page.getByRole('region', { name: 'Operations' })).toContainText('1 batch interrupted');
  // What was cut off can be looked at by itself.
  await expect(card(page).getByRole('button', { name: 'Examine', exact: true })).toBeVisible();
  harness.handlers = {
    'batches.resolve': ({ choice }) => {
      harness.changeBatch({ ...interrupted, state: choice === 'resume' ? 'running' : 'forgotten' });
      return {};
    },
  };
  await card(page).getByRole('button', { name: 'Resume batch' }).press('Enter');
  await expect(card(page)).not.toContainText('It was cut off, and does not go on by itself');
  expect(harness.calls.at(-1)).toEqual({ name: 'batches.resolve', payload: { batchId: batch.id, choice: 'resume' } });
  harness.changeBatch(interrupted);
  await card(page).getByRole('button', { name: 'Forget batch' }).click();
  await expect(card(page)).toContainText('interrupted, forgotten');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`axe, ${colorScheme}`, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } });

    test('choosing, review and progress', async ({ page }) => {
      const grave = async () => {
        const { violations } = await new AxeBuilder({ page }).analyze();
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(
            ({ id, nodes }) =>
              `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`).join('\n')}`,
          );
      };
      await openBatch(page);
      await chooseTwelve(page);
      expect(await grave()).toEqual([]);
      await dialog(page).getByText('Create a snapshot of each', { exact: true }).click();
      expect(await grave()).toEqual([]);
      await dialog(page).getByText('Delete snapshots', { exact: true }).click();
      await review(page).click();
      await dialog(page).getByText('The same of 2 changes').click();
      await dialog(page).getByText('Delete "before release 1" · 1 step').first().click();
      expect(await grave()).toEqual([]);
      await dialog(page).getByRole('button', { name: 'Cancel' }).click();
      const { batch, operation } = runningBatch();
      const cut = operation(0, { state: 'interrupted' });
      harness.changeOperation(cut);
      harness.changeBatch({
        ...withItem(batch, 0, { state: 'interrupted', operationId: cut.id }),
        state: 'interrupted',
      });
      await expect(card(page)).toContainText('It was cut off');
      expect(await grave()).toEqual([]);
    });
  });
}
