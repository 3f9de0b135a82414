/** The built window over a made-up main process: what an administrator under stress must not stumble over. */
import { expect, test } from '@playwright/test';
import { hostWithId } from '../shared/model/host.fixtures.ts';
import { countComponents, takeRendered } from './renderer/rendered-components.fixtures.ts';
import {
  backing,
  busyInventory,
  disk,
  host,
  image,
  largeTree,
  manyVms,
  now,
  snapshot,
  uuid,
  vm,
} from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { fakePlan, operationOf } from './renderer/plans.fixtures.ts';
import { boxOf, kvm1, openVm, show, useWindow } from './renderer/window.fixtures.ts';

let harness: Harness;
useWindow((started) => {
  harness = started;
});

test('whoever depends on an image without being a VM stands in its chain', async ({ page }) => {
  const inventory = busyInventory();
  const base = inventory.images.find(({ id }) => id.endsWith('golden-12.qcow2'));
  if (!base) throw new Error('The fixture has no template.');
  const orphan = {
    ...base,
    id: '/srv/old/forgotten.qcow2',
    parent: { relation: 'backing' as const, reference: base.id, imageId: base.id, format: 'qcow2' },
  };
  // Only the record of a snapshot of the VM itself names it: what a revert left.
  const left = { ...orphan, id: '/srv/old/left.qcow2' };
  const unreadable = { what: '/srv/closed/x.qcow2', reason: 'Permission denied.', imageIds: [base.id] };
  show(harness, {
    ...inventory,
    vms: inventory.vms.map((each) =>
      each.readable && each.name === 'app-blue'
        ? {
            ...each,
            snapshots: [
              ...each.snapshots,
              snapshot('left', null, {
                kind: 'external',
                disks: [{ target: 'vda', kind: 'external', dataImageId: base.id, overlayImageId: left.id }],
              }),
            ],
          }
        : each,
    ),
    images: [...inventory.images, orphan, left],
    unknownDependents: [...inventory.unknownDependents, unreadable],
  });
  await openVm(harness, page, /^app-blue/);
  const chains = page.getByRole('region', { name: 'Disk chains' });
  const layer = chains.getByRole('listitem').filter({ hasText: 'golden-12.qcow2' }).first();
  await expect(layer).toContainText('Also used by 2 VMs');
  await expect(layer).toContainText('Also needed by 1 image that no VM is known to use:/srv/old/forgotten.qcow2');
  await expect(layer).toContainText('Also needed by 1 image in another chain of this VM:/srv/old/left.qcow2');
  await expect(layer).toContainText('Perhaps also needed by what could not be looked into:/srv/closed/x.qcow2');
  await expect(chains).toContainText('may need any of these images, so some changes are refused:/srv/private');
});

test('messages do not cover the operation that they tell of', async ({ page }) => {
  show(harness, busyInventory());
  const [web] = busyInventory().vms;
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  const request = { action: 'revertToSnapshot' as const, saveAs: null, vmUuid: web.uuid, snapshotId: 'release 5' };
  const plan = fakePlan(kvm1, web, busyInventory(), request);
  await openVm(harness, page, /^web-01/);
  harness.changeOperation(operationOf(plan, 1));
  await expect(page.getByRole('button', { name: 'Cancel operation' })).toBeVisible();
  const error = { code: 'verificationFailed' as const, message: 'It is not so.', data: {}, retryable: false };
  harness.changeOperation(operationOf(plan, 1, { state: 'failed', endedAt: now, error }));
  const message = page.getByRole('alertdialog').filter({ hasText: 'Failed: Revert web-01' });
  await expect(message).toBeVisible();
  const told = await boxOf(message);
  const card = await boxOf(page.getByRole('article'));
  expect(told.y + told.height).toBeLessThanOrEqual(card.y);
});

test('a long message can be closed, and many operations do not shift the window', async ({ page }) => {
  await page.setViewportSize({ width: 720, height: 700 });
  show(harness, busyInventory());
  const [web] = busyInventory().vms;
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  const request = { action: 'revertToSnapshot' as const, saveAs: null, vmUuid: web.uuid, snapshotId: 'release 5' };
  const plan = fakePlan(kvm1, web, busyInventory(), request);
  await openVm(harness, page, /^web-01/);
  const message = 'The guest agent said a lot of things that nobody wanted to know. '.repeat(40);
  const error = { code: 'verificationFailed' as const, message, data: {}, retryable: false };
  for (const number of [1, 2, 3, 4]) harness.changeOperation(operationOf(plan, number));
  await expect(page.getByRole('article')).toHaveCount(4);
  harness.changeOperation(operationOf(plan, 4, { state: 'failed', endedAt: now, error }));
  const told = page.getByRole('alertdialog').filter({ hasText: 'Failed: Revert web-01' });
  await expect(told.getByRole('button', { name: 'Close message' })).toBeInViewport();
  await expect(told.getByText('Failed: Revert web-01')).toBeInViewport();
  for (const number of [1, 2, 3]) {
    harness.changeOperation(operationOf(plan, number, { state: 'failed', endedAt: now, error }));
  }
  await expect(page.getByRole('article').getByText('failed', { exact: true })).toHaveCount(4);
  // The focus scrolls to where an element stands, even where its user cannot scroll.
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(700);
});

test('a VM whose memory was saved meanwhile is shown so', async ({ page }) => {
  const inventory = (hasManagedSave: boolean) => ({
    ...busyInventory(),
    vms: [vm(1, 'db-1', { state: 'shutoff', hasManagedSave })],
  });
  show(harness, inventory(false));
  await page.goto(harness.url);
  const row = page.getByRole('treeitem', { name: /^db-1, shut off/ });
  await expect(row).toContainText('shut off');
  show(harness, inventory(true));
  await expect(row).toContainText('saved');
});

test('what a snapshot lacks to be reverted to is marked in its row, and listed in the details', async ({ page }) => {
  const memory = {
    path: '/srv/memory/evening',
    message: 'Its memory should be in /srv/memory/evening, and nothing is there.',
    remedy: 'Put the file back from a backup to let the guest go on from there.',
  };
  const held = (dataImageId: string) => ({
    disks: [{ target: 'vda', kind: 'external' as const, dataImageId, overlayImageId: null }],
    kind: 'external' as const,
  });
  const snapshots = [
    snapshot('morning', null, { ...held('/srv/morning.qcow2'), memory: { kind: 'none' } }),
    snapshot('evening', 'morning', {
      ...held('/srv/evening.qcow2'),
      memory: { kind: 'external', file: memory.path },
      revertObstacles: [memory],
    }),
    snapshot('night', 'evening', { ...held('/srv/night.qcow2'), memory: { kind: 'none' } }),
  ];
  const images = [
    image('/srv/morning.qcow2'),
    image('/srv/evening.qcow2', { parent: backing('/srv/gone.qcow2') }),
    image('/srv/gone.qcow2', { status: 'missing' }),
    image('/srv/night.qcow2', { status: 'unreadable', problem: 'Permission denied' }),
  ];
  const lacking = { ...busyInventory(), images, vms: [vm(1, 'db-1', { snapshots, currentSnapshotId: 'night' })] };
  show(harness, lacking);
  await openVm(harness, page, /^db-1/);
  const row = (name: RegExp) => page.getByRole('row', { name });
  await expect(row(/^morning/)).not.toContainText('lack');
  await expect(row(/^night/)).toContainText('night, may lack what a revert needs');
  await row(/^evening ?, lacks what a revert needs/).click();
  const details = page.getByRole('complementary', { name: 'Details' });
  await expect(details.getByText('Lacks what a revert needs')).toBeVisible();
  await expect(details.getByText(`${memory.message} ${memory.remedy}`)).toBeVisible();
  await expect(details.getByText('The chain of its data of vda is broken: /srv/gone.qcow2 is missing.')).toBeVisible();
  await row(/^morning/).click();
  await expect(details.getByText(/lacks? what a revert needs/i)).toHaveCount(0);
  // It was put back, which no snapshot says.
  await row(/^evening/).click();
  show(harness, { ...lacking, images: images.map((each) => ({ ...each, status: 'ok' as const })) });
  await expect(details.getByText('is broken')).toHaveCount(0);
  await expect(row(/^night/)).not.toContainText('lack');
  await expect(row(/^evening/)).toContainText('lacks what a revert needs');
});

test('a plan begins with a sentence, and equal steps are one block that can be opened', async ({ page }) => {
  const tree = [
    snapshot('root', null),
    ...largeTree(19).map((each) => ({ ...each, parentId: each.parentId ?? 'root' })),
  ];
  show(harness, { ...busyInventory(), vms: [vm(1, 'nightly', { snapshots: tree, currentSnapshotId: 'root' })] });
  await openVm(harness, page, /^nightly/);
  await page.getByRole('row', { name: /^nightly 00000/ }).click();
  await page.getByRole('button', { name: 'Delete with descendants…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByText('Deletes 19 snapshots, frees no room on storage for certain, no pause.')).toBeVisible();
  await expect(dialog.getByRole('button', { name: /^Copy command of step/ })).toHaveCount(1);
  await dialog.getByText('Steps 2 to 19 are alike: 18 more').click();
  await expect(dialog.getByRole('button', { name: /^Copy command of step/ })).toHaveCount(19);
});

test('equal steps are one block of an operation too, with how far it is, open while one runs', async ({ page }) => {
  const tree = largeTree(19).map((each) => ({ ...each, parentId: each.parentId ?? 'root' }));
  const nightly = vm(1, 'nightly', { snapshots: [snapshot('root', null), ...tree], currentSnapshotId: 'root' });
  const inventory = { ...busyInventory(), vms: [nightly] };
  show(harness, inventory);
  const plan = fakePlan(kvm1, nightly, inventory, {
    action: 'deleteSnapshot',
    vmUuid: nightly.uuid,
    snapshotId: tree[0]?.id ?? '',
    withDescendants: true,
  });
  const operation = (done: number, running: boolean): ReturnType<typeof operationOf> => ({
    ...operationOf(plan, 1),
    steps: plan.steps.map(({ index }) => ({
      index,
      state: index < done ? 'done' : index === done && running ? 'running' : 'waiting',
      startedAt: index < done || running ? now - 60 : null,
      endedAt: index < done ? now - 57 : null,
      exitCode: index < done ? 0 : null,
      output: index < done ? `Domain snapshot ${index} deleted\n` : '',
    })),
  });
  harness.setOperations([operation(0, false)]);
  await page.goto(harness.url);
  const card = page.getByRole('article');
  const block = card.getByRole('button', { name: /^Steps 1 to 19 are alike: Delete snapshot "nightly 00000.*18 more/ });
  await expect(block).toHaveAttribute('aria-expanded', 'false');
  await expect(block).toContainText('waiting, 0 of 19 done');
  for (const running of [true, false]) {
    harness.changeOperation(operation(9, running));
    await expect(block).toContainText('running, 9 of 19 done');
    await expect(block).toHaveAttribute('aria-expanded', 'true');
    // What is done and what waits stands on a line each; what runs is shown whole.
    await expect(card.getByText(`Steps 1 to 9 · done`)).toBeVisible();
    await expect(card.getByText(`Steps ${running ? 11 : 10} to 19 · waiting`)).toBeVisible();
    await expect(card.getByRole('button', { name: 'Copy command of step' })).toHaveCount(running ? 1 : 0);
  }
  await card.getByText('Steps 1 to 9 · done').click();
  await card.getByText('Delete snapshot "nightly 00003').click();
  await expect(card.getByRole('region', { name: 'Output of step 4' })).toHaveText('Domain snapshot 3 deleted');
  const last = operation(19, false);
  harness.changeOperation({ ...last, steps: last.steps.map((step) => ({ ...step, endedAt: now })) });
  await expect(block).toHaveAttribute('aria-expanded', 'false');
  await expect(block).toContainText('done, 19 of 19 done');
});

test('a demo host that is selected opens on its fullest tree, and on nothing else of anybody’s', async ({ page }) => {
  const demo = hostWithId(kvm1, { name: 'Demo alder', connection: { transport: 'demo', machine: 'alder' } });
  harness.setHosts([
    { host: demo, session: { state: 'connected', since: now } },
    host(2, 'kvm2', { state: 'connected', since: now }),
  ]);
  const inventory = busyInventory();
  await page.goto(harness.url);
  await expect(page.getByRole('treeitem', { name: /^Demo alder/, selected: true })).toBeVisible();
  harness.setInventory(kvm1, { inventory });
  await expect(page.getByRole('treeitem', { name: /^web-01/, selected: true })).toBeVisible();

  // What somebody chose stays, on a demo host and on others.
  await page.getByRole('treeitem', { name: /^Demo alder/ }).click();
  harness.setInventory(kvm1, { inventory: { ...inventory, readAt: now } });
  await expect(page.getByRole('treeitem', { name: /^Demo alder/, selected: true })).toBeVisible();
  await page.getByRole('treeitem', { name: /^kvm2/ }).click();
  harness.setInventory(uuid(2), { inventory: { ...inventory, vms: [vm(50, 'real')] } });
  await expect(page.getByRole('treeitem', { name: /^real/ })).toBeVisible();
  await expect(page.getByRole('treeitem', { name: /^kvm2/, selected: true })).toBeVisible();
});

test('what is known to be refused is not offered, with the reason', async ({ page }) => {
  const inventory = busyInventory();
  const vms = inventory.vms.map((each) => {
    if (!each.readable) return each;
    if (each.name === 'app-blue') return { ...each, hasNvram: true, snapshots: [snapshot('one', null)] };
    const snapshots = each.snapshots.map((one) =>
      one.name === 'before release 5' ? { ...one, kind: 'mixed' as const } : one,
    );
    return { ...each, snapshots };
  });
  show(harness, { ...inventory, vms });
  await openVm(harness, page, /^web-01/);
  await page.getByRole('row', { name: /^before release 5/ }).click();
  const deletion = page.getByRole('button', { name: /^Delete…/ });
  await expect(deletion).toHaveAttribute('aria-disabled', 'true');
  await expect(deletion).toHaveAccessibleName(/does not delete such snapshots yet/);
  await page.keyboard.press('Delete');
  await deletion.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeHidden();
  await page.getByRole('row', { name: /^before release 4/ }).click();
  await expect(page.getByRole('button', { name: /^Delete with descendants…/ })).toHaveAccessibleName(
    /"before release 5" is internal on some disks/,
  );
  await expect(deletion).not.toHaveAttribute('aria-disabled');

  // UEFI on libvirt 9.0: no internal snapshot, so the form proposes an external one.
  await page.getByRole('treeitem', { name: /^app-blue/ }).click();
  await page.getByRole('row', { name: /^one/ }).click();
  await expect(page.getByRole('button', { name: /^Revert…/ })).toHaveAccessibleName(/cannot revert it/);
  await page.getByRole('button', { name: 'Create snapshot…' }).click();
  await expect(page.getByRole('radio', { name: /^Internal/ })).toBeDisabled();
  await expect(page.getByRole('radio', { name: 'External, disks only' })).toBeChecked();
  await expect(
    page.getByText('libvirt 9.0.0 takes no internal snapshot of it; 10.9 is the first that does.'),
  ).toBeVisible();
});

test('disks that can have no overlay are not proposed, each with the reason', async ({ page }) => {
  const paths = ['system', 'cluster', 'vault'].map((name) => `/srv/images/${name}.qcow2`);
  const [system = '', cluster = '', vault = ''] = paths;
  const disks = [disk('vda', system), { ...disk('vdb', cluster), shareable: true }, disk('vdc', vault)];
  const images = [image(system), image(cluster), image(vault, { encryption: 'luks' })];
  show(harness, { ...busyInventory(), images, vms: [vm(1, 'ledger', { disks, state: 'shutoff' })] });
  await openVm(harness, page, /^ledger/);
  await page.getByRole('button', { name: 'Create snapshot…' }).first().click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('radio', { name: /^Internal/ })).toBeDisabled();
  await expect(dialog.getByText(/needs the key of disk vdc/)).toBeVisible();
  await expect(dialog.getByRole('radio', { name: 'External, disks only' })).toBeChecked();
  await expect(dialog.getByRole('checkbox', { name: /^vda/ })).toBeChecked();
  for (const target of ['vdb', 'vdc']) {
    const box = dialog.getByRole('checkbox', { name: new RegExp(`^${target}`) });
    await expect(box).toBeDisabled();
    await expect(box).not.toBeChecked();
  }
  await expect(dialog.getByText(/Disk vdb is shared with other VMs/)).toBeVisible();
  await expect(dialog.getByText(/Disk vdc is encrypted\. libvirt would make an overlay/)).toBeVisible();
  await expect(dialog.getByLabel(/^Overlay of/)).toHaveCount(1);
});

test('no change is offered while a job runs in the VM, with its name', async ({ page }) => {
  const inventory = busyInventory();
  const blockJob = { kind: 'copy' as const, target: '/srv/copy.qcow2', ready: false, detail: null };
  const vms = inventory.vms.map((each) =>
    each.readable ? { ...each, disks: each.disks.map((one) => ({ ...one, blockJob })) } : each,
  );
  show(harness, { ...inventory, vms });
  await openVm(harness, page, /^web-01/);
  await page.getByRole('row', { name: /^before release 4/ }).click();
  for (const name of [/^Create snapshot…/, /^Revert…/, /^Delete…/]) {
    const button = page.getByRole('button', { name }).first();
    await expect(button).toHaveAttribute('aria-disabled', 'true');
    await expect(button).toHaveAccessibleName(
      /a copy to \/srv\/copy\.qcow2\. Until it ends no snapshot can be changed/,
    );
  }
});

test('cancelling is not offered for what cannot be stopped any more', async ({ page }) => {
  show(harness, busyInventory());
  const [web] = busyInventory().vms;
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  const request = { action: 'revertToSnapshot' as const, saveAs: null, vmUuid: web.uuid, snapshotId: 'release 5' };
  const plan = fakePlan(kvm1, web, busyInventory(), request);
  const running = (step: number) => {
    const operation = operationOf(plan, 1);
    const steps = operation.steps.map((each) => ({
      ...each,
      state: each.index < step ? ('done' as const) : each.index === step ? ('running' as const) : ('waiting' as const),
    }));
    return { ...operation, steps };
  };
  await openVm(harness, page, /^web-01/);
  harness.changeOperation(running(0));
  const cancel = page.getByRole('button', { name: /^Cancel operation/ });
  await expect(cancel).not.toHaveAttribute('aria-disabled');
  harness.changeOperation(running(plan.steps.length - 1));
  await expect(cancel).toHaveAttribute('aria-disabled', 'true');
  await expect(cancel).toHaveAccessibleName(/can no longer be stopped/);
});

test('selecting a snapshot or reading its VM again draws what shows it, and nothing else', async ({ page }) => {
  await countComponents(page);
  const snapshots = Array.from({ length: 9 }, (_, index) =>
    snapshot(`patch ${index}`, index === 0 ? null : `patch ${index - 1}`, { description: `Run ${index}` }),
  );
  const others = manyVms(10);
  const [upper, lower] = ['/srv/vm/web-01.patch.qcow2', '/srv/vm/web-01.qcow2'] as const;
  const images = [image(upper, { parent: backing(lower) }), image(lower)];
  const web = vm(1, 'web-01', { snapshots, disks: [disk('vda', upper)] });
  const inventory = { ...others, vms: [web, ...others.vms], images };
  show(harness, inventory);
  await openVm(harness, page, /^web-01/);
  await page.getByRole('row', { name: /^patch 7/ }).click();
  await takeRendered(page);
  await page.keyboard.press('ArrowUp');
  const details = page.getByRole('complementary');
  await expect(details.getByRole('heading', { name: 'patch 6' })).toBeVisible();
  expect(await takeRendered(page)).toBeLessThanOrEqual(20);

  await page.getByRole('row', { name: /^You are here/ }).click();
  await expect(details.getByText('You are here')).toBeVisible();
  await takeRendered(page);
  const vms = [{ ...web, title: 'The shop' }, ...others.vms];
  harness.setInventory(kvm1, { inventory: { ...inventory, vms, readAt: now + 30 } });
  await expect(details.getByText('The shop')).toBeVisible();
  expect(await takeRendered(page)).toBeLessThanOrEqual(20);
});

test('a long tree that is dragged through fills the rows that are there anew', async ({ page }) => {
  const tree = [...largeTree(2000)];
  const large = vm(1, 'large', { snapshots: tree, currentSnapshotId: tree.at(-1)?.id ?? null });
  show(harness, { ...manyVms(1), vms: [large] });
  await openVm(harness, page, /^large/);
  const grid = page.getByRole('treegrid');
  // Far from the row that has the tab stop, which is kept.
  const dragTo = (top: number) =>
    grid
      .getByRole('rowgroup')
      .last()
      .evaluate((scroller, scrollTop) => {
        scroller.scrollTop = scrollTop;
      }, top);
  await dragTo(28_000);
  const rows = grid.locator('[data-row-key]');
  await expect(grid.getByRole('row', { name: /^nightly 010/ }).first()).toBeVisible();
  const before = await rows.evaluateAll((elements) =>
    elements.map((element) => {
      element.classList.add('drawn-before');
      return element.textContent;
    }),
  );
  await dragTo(14_000);
  await expect(grid.getByRole('row', { name: /^nightly 005/ }).first()).toBeVisible();
  expect(before).not.toContain(await rows.nth(3).textContent());
  await expect(rows).toHaveCount(before.length);
  expect(await grid.locator('[data-row-key].drawn-before').count()).toBeGreaterThanOrEqual(before.length - 1);
});
