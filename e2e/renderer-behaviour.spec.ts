/** The built window over a made-up main process: what it does by itself, and what it shows of what is wrong. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, test } from '@playwright/test';
import { hostSettings, sshConnection } from '../shared/model/host.fixtures.ts';
import { busyInventory, host, now, uuid } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { fakePlan, operationOf } from './renderer/plans.fixtures.ts';
import { useWindow } from './renderer/window.fixtures.ts';

const kvm1 = uuid(1);
let harness: Harness;
useWindow((started) => {
  harness = started;
});

test.beforeEach(() => {
  harness.setHosts([host(1, 'kvm1', { state: 'connected', since: now }), host(2, 'kvm2', { state: 'disconnected' })]);
  harness.setInventory(kvm1, { inventory: busyInventory() });
});

function readings(): readonly unknown[] {
  return harness.calls.filter(({ name }) => name === 'inventory.refresh').map(({ payload }) => payload);
}

test('Refresh reads connected hosts, and only those; the window by itself reads none', async ({ page }) => {
  await page.clock.install();
  await page.goto(harness.url);
  await expect(page.getByRole('treeitem', { name: /^web-01/ })).toBeVisible();
  await page.clock.runFor(125_000);
  expect(readings()).toEqual([]);

  const refresh = page.getByRole('banner').getByRole('button', { name: 'Refresh' });
  await refresh.click();
  await expect.poll(readings).toEqual([{ hostId: kvm1 }]);

  // One that is being read is left alone.
  harness.setInventory(kvm1, { reading: true });
  await expect(page.getByText('Reading…', { exact: true })).toBeVisible();
  await refresh.click();
  harness.setInventory(kvm1, { reading: false });
  await expect(page.getByText('Reading…', { exact: true })).toBeHidden();
  await refresh.click();
  await expect.poll(readings).toEqual([{ hostId: kvm1 }, { hostId: kvm1 }]);
});

test('what is wrong is seen in the list, on the page of the host and over the tree', async ({ page }) => {
  await page.goto(harness.url);
  await expect(page.getByRole('treeitem', { name: /^kvm1, Connected · 8 VMs, 1 unreadable, 1 warning/ })).toBeVisible();
  await expect(page.getByRole('treeitem', { name: /^odd-records, shut off, 6 snapshots, 3 problems/ })).toBeVisible();
  await expect(page.getByRole('treeitem', { name: /^web-01.*, 12 snapshots, 1 warning$/ })).toBeVisible();
  await expect(page.getByRole('treeitem', { name: /^app-blue, running, 0 snapshots$/ })).toBeVisible();

  // The first host is selected without a click. Its file system is 96 % full: the list says so, and its page how full.
  await expect(page.getByRole('treeitem', { name: /^kvm1, .*, storage nearly full/ })).toBeVisible();
  const hostPage = page.getByRole('region', { name: 'Host kvm1' });
  await expect(hostPage.getByText('The file system of /srv/vm has 31 GiB free of 900 GiB, 3.4 %')).toBeVisible();
  await expect(hostPage.getByText('The folder /srv/private could not be listed')).toBeVisible();
  // Errors before warnings.
  const troubled = hostPage
    .getByRole('heading', { name: 'VMs that need a look' })
    .locator('..')
    .getByRole('listitem')
    .filter({ has: page.getByRole('button') });
  await expect(troubled).toHaveText([/^odd-records.*And 2 more/, /^mail-legacy/, /^web-01/]);
  const templates = hostPage.getByRole('region', { name: 'Templates and their instances' });
  await expect(templates.getByRole('listitem')).toHaveText([
    /^golden-12\.qcow2/,
    'app-blue0 snapshots',
    'app-green0 snapshots',
    'web-01.example.orgvda · 12 snapshots',
  ]);
  await hostPage.getByRole('button', { name: 'odd-records' }).click();
  const pane = page.getByRole('region', { name: 'VM odd-records' });
  await expect(pane.getByText('The chain of disk vda is broken')).toBeVisible();
  await pane.getByRole('button', { name: '2 more' }).click();
  await expect(pane.getByText('The chain of disk vdb runs in a circle')).toBeVisible();

  await page.getByRole('treeitem', { name: /^no-snapshots/ }).click();
  await expect(
    page.getByText('No snapshots yet, and none can be created now. no-snapshots has crashed.'),
  ).toBeVisible();
  const inventory = busyInventory();
  const vms = inventory.vms.map((each) => (each.readable ? { ...each, snapshots: [], currentSnapshotId: null } : each));
  harness.setInventory(kvm1, { inventory: { ...inventory, vms } });
  await page.getByRole('treeitem', { name: /^odd-records/ }).click();
  await expect(
    page.getByText('No snapshots yet, and none can be created now. The chain of disk vda is broken'),
  ).toBeVisible();
  // What keeps it from starting forbids no snapshot.
  const ill = vms.map((each) =>
    each.readable && each.name === 'app-green'
      ? { ...each, startObstacles: [{ path: '/k', message: 'It needs /k.', remedy: 'Put it back.' }] }
      : each,
  );
  harness.setInventory(kvm1, { inventory: { ...inventory, vms: ill } });
  await page.getByRole('treeitem', { name: /^app-green/ }).click();
  await expect(page.getByText('No snapshots yet. Mend what is wrong first')).toBeVisible();
  await page.getByRole('treeitem', { name: /^app-blue/ }).click();
  await expect(page.getByText('No snapshots yet. Create one before a change')).toBeVisible();
  await page.getByRole('treeitem', { name: /^kvm2/ }).click();
  await expect(page.getByText('Nothing is known of its VMs yet. Connect to read them.')).toBeVisible();
});

test('the window opens on what was selected the last time', async ({ page }) => {
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  await page.getByRole('row', { name: /^october patches/ }).click();
  await page.reload();
  await expect(page.getByRole('row', { name: /^october patches/, selected: true })).toBeVisible();

  harness.setHosts([host(2, 'kvm2', { state: 'disconnected' })]);
  await expect(page.getByRole('treeitem', { name: /^kvm2/, selected: true })).toBeVisible();
  await expect(
    page.getByRole('region', { name: 'Host kvm2' }).getByRole('button', { name: 'Connect', exact: true }),
  ).toBeVisible();
});

test('operations open by themselves, take no focus, and stay open for the outcome', async ({ page }) => {
  const web = busyInventory().vms[0];
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  const plan = fakePlan(kvm1, web, busyInventory(), {
    action: 'revertToSnapshot',
    saveAs: null,
    vmUuid: web.uuid,
    snapshotId: 'release 5',
  });
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  const row = page.getByRole('row', { name: /^october patches/ });
  await row.click();
  const bar = page.getByRole('button', { name: /^Operations/ });
  await expect(bar).toHaveAttribute('aria-expanded', 'false');

  harness.changeOperation(operationOf(plan, 1));
  await expect(bar).toHaveAttribute('aria-expanded', 'true');
  await expect(row).toBeFocused();
  harness.changeOperation(operationOf(plan, 1, { state: 'succeeded', endedAt: now }));
  await expect(page.getByRole('alertdialog').filter({ hasText: 'Done: Revert web-01' })).toBeVisible();
  await expect(bar).toHaveAttribute('aria-expanded', 'true');
  await expect(row).toBeFocused();

  // Closed by hand, it stays closed until the next one starts.
  await bar.click();
  await expect(bar).toHaveAttribute('aria-expanded', 'false');
  harness.changeOperation(operationOf(plan, 2));
  await expect(bar).toHaveAttribute('aria-expanded', 'true');
});

test('a revert saves the present state first, unless its reader wants to do without', async ({ page }) => {
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  await page.getByRole('row', { name: /^october patches/ }).click();
  await page.getByRole('button', { name: 'Revert…' }).click();
  const dialog = page.getByRole('dialog');
  const saves = dialog.getByRole('checkbox', { name: /^Save the present state first, as before-revert-/ });
  await expect(saves).toBeChecked();
  await expect(dialog.getByText(/Reverting to that undoes this/)).toBeVisible();
  await saves.press('Space');
  await expect(dialog.getByText('The present state of the VM is lost: no snapshot holds it.')).toBeVisible();
  await expect(saves).not.toBeChecked();
  await saves.press('Space');
  await expect(dialog.getByText(/Reverting to that undoes this/)).toBeVisible();
  const asked = harness.calls.filter(({ name }) => name === 'plans.create').map(({ payload }) => payload);
  const saveAs = expect.stringMatching(/^before-revert-/);
  expect(asked).toMatchObject([{ request: { saveAs } }, { request: { saveAs: null } }, { request: { saveAs } }]);
});

test('a revert of a VM that runs to an external snapshot saves its memory too, unless its reader wants to do without', async ({
  page,
}) => {
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  await page.getByRole('row', { name: /^before release 5/ }).click();
  await page.getByRole('button', { name: 'Revert…' }).click();
  const dialog = page.getByRole('dialog');
  const saves = dialog.getByRole('checkbox', { name: /^Save the present state first, as before-revert-/ });
  const memory = dialog.getByRole('checkbox', { name: /^With the memory of the guest, in \/\S+\.memory/ });
  await expect(memory).toBeChecked();
  await memory.press('Space');
  await expect(memory).not.toBeChecked();
  await saves.press('Space');
  await expect(memory).toBeHidden();
  await saves.press('Space');
  await expect(memory).not.toBeChecked();
  await memory.press('Space');
  await expect(dialog.getByText(/Reverting to that undoes this/)).toBeVisible();
  const asked = harness.calls.filter(({ name }) => name === 'plans.create').map(({ payload }) => payload);
  const saveAs = expect.stringMatching(/^before-revert-/);
  const saveMemoryFile = expect.stringMatching(/\/web-01\.\S*before-revert-\S+\.memory$/);
  const common = { action: 'revertToSnapshot', snapshotId: 'before release 5' };
  expect(asked.map((each) => (each as { request: object }).request)).toEqual(
    [{ saveAs, saveMemoryFile }, { saveAs }, { saveAs: null }, { saveAs }, { saveAs, saveMemoryFile }].map((parts) => ({
      ...common,
      vmUuid: expect.any(String),
      ...parts,
    })),
  );
});

test('a revert that saved what was before is undone from its card', async ({ page }) => {
  const web = busyInventory().vms[0];
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  const kept = web.snapshots.find(({ id }) => id === 'october patches');
  const request = { action: 'revertToSnapshot', vmUuid: web.uuid, snapshotId: 'release 5' } as const;
  const saving = fakePlan(kvm1, web, busyInventory(), { ...request, saveAs: 'october patches' });
  const made = [{ snapshotId: 'october patches', createdAt: kept?.createdAt ?? 0 }];
  await page.goto(harness.url);
  const ended = { state: 'succeeded', endedAt: now } as const;
  harness.changeOperation(operationOf(fakePlan(kvm1, web, busyInventory(), { ...request, saveAs: null }), 1, ended));
  harness.changeOperation(operationOf(saving, 2, { ...ended, made }));
  await page.getByRole('button', { name: /^Operations/ }).click();
  // The one that saved nothing cannot be undone.
  const undo = page.getByRole('button', { name: /^Undo / });
  await expect(undo).toHaveCount(1);
  await undo.click();
  await expect(page.getByRole('dialog', { name: /^Revert web-01\S* to "october patches"$/ })).toBeVisible();
});

test('details are hidden and shown again, and that is remembered', async ({ page }) => {
  await page.setViewportSize({ width: 1000, height: 700 });
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  const details = page.getByRole('complementary', { name: 'Details' });
  await expect(details).toBeVisible();
  await page.getByRole('button', { name: 'Hide details' }).click();
  await expect(details).toBeHidden();
  await page.reload();
  await expect(page.getByRole('treegrid')).toBeVisible();
  await expect(details).toBeHidden();
  await page.getByRole('button', { name: 'Show details' }).click();
  await expect(details).toBeVisible();
});

test('a row tells a reader all of its snapshot, however narrow the tree is', async ({ page }) => {
  await page.setViewportSize({ width: 1000, height: 700 });
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  const columns = page.getByRole('columnheader');
  await expect(columns).toHaveText(['Snapshot', 'Created', 'Kind', 'Description', 'Disks']);
  const name = /^before release 5 9 days \d{4}-\d\d-\d\d \d\d:\d\d external disks only External, no memory: .* 1$/;
  await expect(page.getByRole('row', { name })).toBeVisible();
  await page.getByRole('treeitem', { name: /^hostile/ }).click();
  await expect(page.getByRole('row', { name: /^two ?newline ?lines/ })).toBeVisible();
});

test('at 200 % zoom nothing is cut off', async ({ page }) => {
  await page.setViewportSize({ width: 720, height: 450 });
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name: /^web-01/ }).click();
  await page.getByRole('row', { name: /^october patches/ }).click();
  expect(await page.evaluate(() => document.body.scrollWidth)).toBeLessThanOrEqual(720);
  await page.getByRole('button', { name: 'Revert…' }).click();
  await page.getByRole('button', { name: 'Revert VM' }).click();
  await expect(page.getByRole('button', { name: /^Operations 1 running/ })).toBeInViewport();
  await expect(page.getByRole('button', { name: 'Cancel operation' })).toBeInViewport();
});

test('of many hosts that can be imported all new ones are chosen at once', async ({ page }) => {
  const candidate = (number: number) => ({
    origin: `node-${number}`,
    settings: hostSettings({ name: `node-${number}`, connection: sshConnection({ address: `node-${number}` }) }),
    problem: null,
    notes: [],
    sameAs: number === 2 ? 'node two' : null,
  });
  harness.handlers = { 'hosts.importable': () => ({ candidates: [1, 2, 3].map(candidate) }) };
  await page.goto(harness.url);
  await page.getByRole('button', { name: 'Add hosts' }).click();
  await page.getByRole('menuitem', { name: 'Import hosts…' }).click();
  await expect(page.getByText('3 hosts, 2 of them new')).toBeVisible();
  await page.getByRole('button', { name: 'Choose all new ones' }).click();
  await page.getByRole('button', { name: 'Add 2 hosts' }).click();
  const added = () => harness.calls.filter(({ name }) => name === 'hosts.add').map(({ payload }) => payload);
  await expect.poll(added).toMatchObject([{ settings: { name: 'node-1' } }, { settings: { name: 'node-3' } }]);
});

// eslint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from this pattern
test('a browser that is set to keep no data is let in, and is told what a reload costs', async ({}, testInfo) => {
  const profile = await mkdtemp(join(tmpdir(), 'snaptree-profile-'));
  await mkdir(join(profile, 'Default'));
  // "Block all cookies" of Chromium's settings: `localStorage` throws.
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, testInfo.project.use.launchOptions);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  await page.goto(harness.url);
  expect(
    await page.evaluate(() => {
      try {
        return window.sessionStorage.length + window.localStorage.length;
      } catch (error) {
        return error instanceof DOMException && error.name;
      }
    }),
  ).toBe('SecurityError');
  await expect(page.getByRole('treeitem', { name: /^web-01/ })).toBeVisible();
  expect(new URL(page.url()).search).toBe('');
  const notice = page.getByRole('status').filter({ hasText: 'This browser keeps nothing for this page' });
  await expect(notice).toContainText('A reload or another tab needs the address that Snaptree printed');

  // A connection that was lost is made again with the key that the page has in its memory.
  harness.cut(false);
  await expect(page.getByText('No connection to Snaptree')).toBeVisible();
  await expect(page.getByText('No connection to Snaptree')).toBeHidden();
  await notice.getByRole('button', { name: 'Dismiss notice' }).click();
  await expect(notice).toBeHidden();
  await page.getByRole('radio', { name: 'Dark colours' }).press('Space');
  await expect(page.getByRole('radio', { name: 'Dark colours' })).toBeChecked();

  await page.reload();
  await expect(page.getByRole('status')).toContainText('This browser has not been let in');
  await page.goto(harness.url);
  await expect(page.getByRole('treeitem', { name: /^web-01/ })).toBeVisible();
  expect(complaints).toEqual([]);
  await context.close();
  await rm(profile, { recursive: true });
});
