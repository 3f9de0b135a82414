/** The built window over a made-up main process: accessibility, the keyboard, size, and what a poll must not disturb. */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { hostSettings, sshConnection } from '../shared/model/host.fixtures.ts';
import { busyInventory, host, largeTree, manyVms, now, uuid, vm } from './renderer/inventories.fixtures.ts';
import type { Harness } from './renderer/main-process.fixtures.ts';
import { madeReport } from './renderer/reports.fixtures.ts';
import { fakePlan, operationOf } from './renderer/plans.fixtures.ts';
import { useWindow } from './renderer/window.fixtures.ts';

const kvm1 = uuid(1);
let harness: Harness;
const seen = useWindow((started) => {
  harness = started;
});

function connectedHosts(): void {
  harness.setHosts([host(1, 'kvm1', { state: 'connected', since: now }), host(2, 'kvm2', { state: 'disconnected' })]);
  harness.setInventory(kvm1, { inventory: busyInventory() });
}

async function openVm(page: Page, name: RegExp): Promise<void> {
  await page.goto(harness.url);
  await page.getByRole('treeitem', { name }).click();
}

function webServer() {
  const web = busyInventory().vms[0];
  if (!web?.readable) throw new Error('The fixture has no readable VM first.');
  return web;
}

async function openPlan(page: Page, row: string, button: string): Promise<void> {
  await openVm(page, /^web-01/);
  await page.getByRole('row', { name: new RegExp(`^${row}`) }).click();
  await page.getByRole('button', { name: button }).click();
  await expect(page.getByRole('dialog').getByText('on host')).toBeVisible();
}

const states: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  'start page': async (page) => {
    await page.goto(harness.url);
    await expect(page.getByRole('button', { name: 'Add a host' })).toBeVisible();
  },
  'about, with a licence': async (page) => {
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'About Snaptree' }).click();
    await page.getByRole('dialog').getByText('react-dom', { exact: true }).click();
    await expect(page.getByRole('dialog').getByText('Permission is hereby granted')).toBeVisible();
    // The fonts that reports are written with, and what the demo runs on.
    for (const name of ['dejavu-fonts-ttf', 'just-bash']) {
      await expect(page.getByRole('dialog').getByText(name, { exact: true })).toBeAttached();
    }
  },
  'host form with errors': async (page) => {
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Add a host' }).click();
    await page.getByRole('button', { name: 'Add and connect' }).click();
    await expect(page.getByText('Must not be empty.')).toBeVisible();
  },
  'snapshot tree and details': async (page) => {
    connectedHosts();
    await openVm(page, /^web-01/);
    await page.getByRole('row', { name: /^before release 5/ }).click();
    await expect(page.getByRole('heading', { name: 'before release 5' })).toBeVisible();
  },
  'hostile names': async (page) => {
    connectedHosts();
    await openVm(page, /^hostile/);
    await expect(page.getByRole('row', { name: /<script>alert\(1\)/ })).toBeVisible();
  },
  'odd records and broken chains': async (page) => {
    connectedHosts();
    await openVm(page, /^odd-records/);
    await expect(page.getByText('parents in a circle')).toBeVisible();
  },
  'unreadable VM': async (page) => {
    connectedHosts();
    await openVm(page, /^mail-legacy/);
    await expect(page.getByText('This VM could not be read')).toBeVisible();
  },
  'host that failed': async (page) => {
    const error = { code: 'authenticationFailed' as const, message: 'Refused.', data: {}, retryable: false };
    harness.setHosts([host(1, 'kvm1', { state: 'failed', error, retryAt: null })]);
    await openVm(page, /^kvm1/);
    await expect(page.getByRole('button', { name: 'Retry' })).toBeVisible();
  },
  'host page': async (page) => {
    connectedHosts();
    await openVm(page, /^kvm1/);
    await expect(page.getByText('Storage is nearly full')).toBeVisible();
  },
  'last known state': async (page) => {
    connectedHosts();
    harness.setHosts([host(1, 'kvm1', { state: 'disconnected' })]);
    await openVm(page, /^web-01/);
    await expect(page.getByText('The host is not connected', { exact: true })).toBeVisible();
  },
  'action menu': async (page) => {
    connectedHosts();
    await openVm(page, /^web-01/);
    await page.getByRole('button', { name: 'More actions' }).click();
    await expect(page.getByRole('menuitem', { name: /^Merge down/ })).toBeVisible();
  },
  'snapshot form': async (page) => {
    connectedHosts();
    await openVm(page, /^web-01/);
    await page.getByRole('button', { name: 'Create snapshot…' }).click();
    await page.getByText('External, disks only').click();
    await expect(page.getByText('Disks to include')).toBeVisible();
  },
  'snapshot form with memory': async (page) => {
    connectedHosts();
    await openVm(page, /^web-01/);
    await page.getByRole('button', { name: 'Create snapshot…' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('a b');
    await page.getByText('External, with memory').click();
    await expect(page.getByRole('textbox', { name: 'File for the memory' })).toHaveValue(
      /\/web-01\.example\.org\.a-b\.memory$/,
    );
  },
  'choice of what is merged': async (page) => {
    connectedHosts();
    await openVm(page, /^web-01/);
    await page.getByRole('button', { name: 'Merge images of vda…' }).click();
    await expect(page.getByRole('dialog').getByText('takes them up')).toBeVisible();
  },
  'plan to merge': async (page) => {
    connectedHosts();
    await openVm(page, /^web-01/);
    await page.getByRole('button', { name: 'Merge images of vda…' }).click();
    await page.getByRole('button', { name: 'Review plan…' }).click();
    await expect(page.getByRole('dialog').getByText('Chains afterwards')).toBeVisible();
  },
  'plan to revert': async (page) => {
    connectedHosts();
    await openPlan(page, 'october patches', 'Revert…');
  },
  'refused plan': async (page) => {
    connectedHosts();
    const request = { action: 'deleteSnapshot' as const, vmUuid: webServer().uuid, snapshotId: 'release 5' };
    const plan = fakePlan(kvm1, webServer(), busyInventory(), { ...request, withDescendants: true });
    const refusals = [{ code: 'dependents', message: 'Others depend on it.', names: ['app-blue', 'app-green'] }];
    harness.handlers = { 'plans.create': () => ({ ...plan, steps: [], refusals, script: '' }) };
    await openPlan(page, 'rolled back', 'Delete…');
    await expect(page.getByText('This plan is refused')).toBeVisible();
  },
  operations: async (page) => {
    connectedHosts();
    const request = {
      action: 'revertToSnapshot' as const,
      saveAs: null,
      vmUuid: webServer().uuid,
      snapshotId: 'release 5',
    };
    const plan = fakePlan(kvm1, webServer(), busyInventory(), request);
    const examination = {
      at: now,
      finding: 'partlyDone' as const,
      message: 'Half done.',
      choices: ['resume' as const],
    };
    harness.setOperations([operationOf(plan, 1), operationOf(plan, 2, { state: 'interrupted', examination })]);
    await openVm(page, /^web-01/);
    await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  },
  'unknown host key': async (page) => {
    connectedHosts();
    const about = { id: uuid(7), hostId: uuid(2), hostName: 'kvm2', address: 'kvm2.example.org', port: 22 };
    harness.setQuestions([
      {
        ...about,
        kind: 'unknownHostKey',
        keyType: 'ssh-ed25519',
        fingerprint: 'SHA256:uNiVztksCsDhcc0u9e8BrrJrkKL',
        note: '/etc/ssh/ssh_known_hosts:3 names an authority that signs the keys of this host.',
      },
    ]);
    await page.goto(harness.url);
    await expect(page.getByRole('button', { name: 'No, do not connect' })).toBeFocused();
    await expect(page.getByRole('note')).toContainText('names an authority');
  },
  'host form with a jump host': async (page) => {
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Add a host' }).click();
    await page.getByRole('button', { name: 'Reach it through a jump host' }).click();
    await page.getByRole('button', { name: 'Add and connect' }).click();
    await expect(page.getByText('Must not be empty.')).toHaveCount(2);
  },
  'host form with a test': async (page) => {
    const passed = { state: 'passed', message: 'As it should be.', remedy: null } as const;
    harness.handlers = {
      'hosts.test': () => ({
        stages: [
          { stage: 'name', title: 'Name', ...passed },
          { stage: 'port', title: 'Port', ...passed },
          { stage: 'hostKey', title: 'Host key', ...passed },
          { stage: 'authentication', title: 'Sign-in', ...passed },
          { stage: 'shell', title: 'Commands', ...passed },
          { stage: 'virsh', title: 'virsh', ...passed },
          {
            stage: 'socket',
            title: 'Access to libvirt',
            state: 'failed',
            message: 'The user admin may not talk to libvirt.',
            remedy: 'Add the user to the group:\n  sudo usermod -aG libvirt admin',
          },
          { stage: 'versions', title: 'Versions', state: 'notReached', message: 'Not tried.', remedy: null },
        ],
      }),
    };
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Add a host' }).click();
    await page.getByLabel('Address').fill('kvm1.example.org');
    await page.getByRole('button', { name: 'Test connection' }).click();
    await expect(page.getByText('usermod')).toBeVisible();
  },
  'import of hosts': async (page) => {
    const settings = hostSettings({ name: 'kvm7', connection: sshConnection({ address: 'kvm7.example.org' }) });
    const nothing = { problem: null, notes: [], sameAs: null };
    harness.handlers = {
      'hosts.importable': () => ({
        candidates: [
          { ...nothing, origin: 'kvm7', settings },
          { ...nothing, origin: 'kvm8', settings: { ...settings, name: 'kvm8' }, sameAs: 'the eighth', notes: ['No.'] },
          { ...nothing, origin: 'odd', settings: null, problem: 'ssh -G said: Bad configuration option: foo' },
        ],
      }),
    };
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Import hosts…' }).click();
    await page.getByText('kvm7', { exact: true }).click();
    await expect(page.getByRole('button', { name: 'Add 1 host' })).toBeVisible();
  },
  'menu to add hosts': async (page) => {
    connectedHosts();
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Add hosts' }).click();
    await expect(page.getByRole('menuitem', { name: 'Add the demo fleet' })).toBeVisible();
  },
  'report with an error': async (page) => {
    connectedHosts();
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Report…' }).click();
    await page.getByLabel('Chains longer than').fill('0');
    await page.getByRole('button', { name: 'Make the report' }).click();
    await expect(page.getByText('Must be 1 or more.')).toBeVisible();
  },
  'report under way': async (page) => {
    connectedHosts();
    harness.handlers = { 'reports.start': () => ({ reportId: uuid(50) }) };
    harness.setReport({
      hosts: [
        { hostId: kvm1, hostName: 'kvm1', state: 'read' },
        { hostId: uuid(2), hostName: 'kvm2', state: 'reading' },
      ],
      report: null,
    });
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Report…' }).click();
    await page.getByRole('button', { name: 'Make the report' }).click();
    await expect(page.getByRole('progressbar', { name: '1 of 2 hosts' })).toBeVisible();
  },
  'report that is ready': async (page) => {
    connectedHosts();
    harness.handlers = {
      'reports.start': () => ({ reportId: uuid(50) }),
      'reports.save': () => ({ outcome: 'saved', fileId: uuid(51), path: '/home/admin/snaptree-report.html' }),
    };
    harness.setReport({ hosts: [], report: madeReport() });
    await page.goto(harness.url);
    await page.getByRole('button', { name: 'Report…' }).click();
    await page.getByRole('button', { name: 'Make the report' }).click();
    await page.getByRole('button', { name: 'Save as HTML' }).click();
    await expect(page.getByRole('button', { name: 'Open' })).toBeVisible();
  },
  'prompt of a host': async (page) => {
    connectedHosts();
    const about = { id: uuid(9), hostId: uuid(2), hostName: 'kvm2', address: 'gate.example.org' };
    const instruction = 'Two-factor sign-in.\nUse the token on your desk.';
    harness.setQuestions([{ ...about, kind: 'prompt', instruction, prompt: 'Verification code: ', echo: false }]);
    await page.goto(harness.url);
    await expect(page.getByRole('textbox', { name: 'Verification code:' })).toBeFocused();
  },
  'notice and password': async (page) => {
    connectedHosts();
    harness.setNotices([{ id: 'journal', severity: 'warning', message: 'The journal was kept aside.' }]);
    const about = { id: uuid(8), hostId: uuid(2), hostName: 'kvm2', address: 'kvm2.example.org', user: 'root' };
    harness.setQuestions([{ ...about, kind: 'password', attempt: 2 }]);
    await page.goto(harness.url);
    await expect(page.getByRole('textbox', { name: 'Password' })).toBeFocused();
  },
};

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`axe, ${colorScheme}`, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } });
    for (const [name, open] of Object.entries(states)) {
      test(name, async ({ page }) => {
        await open(page);
        const { violations } = await new AxeBuilder({ page }).analyze();
        const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        expect(
          grave.map(
            ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary ?? ''}`).join('\n')}`,
          ),
        ).toEqual([]);
      });
    }
  });
}

test('a newcomer adds a host, and a snapshot is reverted to, by keyboard alone', async ({ page }) => {
  harness.handlers = {
    'hosts.add': ({ settings }) => {
      const added = { ...settings, id: kvm1 };
      harness.setHosts([{ host: added, session: { state: 'connected', since: now } }]);
      harness.setInventory(kvm1, { inventory: busyInventory() });
      return added;
    },
  };
  await page.goto(harness.url);
  const addHost = page.getByRole('button', { name: 'Add a host' });
  await expect(addHost).toBeVisible();
  for (
    let presses = 0;
    presses < 10 && !(await addHost.evaluate((element) => element === document.activeElement));
    presses += 1
  ) {
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Address')).toBeFocused();
  await page.keyboard.type('kvm1.example.org');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeHidden();
  expect(harness.calls.map(({ name }) => name)).toContain('hosts.connect');

  // Into the tree of hosts and VMs, to a VM by its first letters, then into its snapshots.
  const navigation = page.getByRole('tree', { name: 'Hosts and VMs' });
  const kvm = navigation.getByRole('treeitem', { name: /^kvm1/ });
  await expect(kvm).toBeVisible();
  await tabUntilInside(page, '[role=tree]');
  await expect(kvm).toBeFocused();
  await page.keyboard.type('web');
  await expect(navigation.getByRole('treeitem', { name: /^web-01/ })).toBeFocused();
  await tabUntilInside(page, '[role=treegrid]');
  await expect(page.getByRole('row', { name: /^You are here/ })).toBeFocused();

  await page.keyboard.press('Home');
  const root = page.getByRole('row', { name: /^fresh install/ });
  await expect(root).toBeFocused();
  await expect(root).toHaveAttribute('aria-level', '1');
  await page.keyboard.press('ArrowLeft');
  await expect(root).toHaveAttribute('aria-expanded', 'false');
  await expect(page.getByRole('row', { name: /^release 4/ })).toBeHidden();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.type('october');
  await expect(page.getByRole('row', { name: /^october patches/ })).toBeFocused();

  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: /^Create snapshot/ })).toBeFocused();
  const archive = page.getByRole('menuitem', { name: /^Archive/ });
  await expect(archive).toHaveAttribute('aria-disabled', 'true');
  await expect(archive).toHaveAccessibleDescription('Not built yet.');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');

  // The safe answer has the focus, before the plan is there and afterwards.
  await expect(page.getByRole('button', { name: 'Revert VM' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Revert VM' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(page.getByRole('button', { name: /^Operations 1 running/ })).toBeVisible();
  const planned = harness.calls.find(({ name }) => name === 'plans.create');
  expect(planned?.payload).toMatchObject({
    request: {
      action: 'revertToSnapshot',
      snapshotId: 'october patches',
      saveAs: expect.stringMatching(/^before-revert-[\d-]{10}-[\d.]{8}$/),
    },
  });
});

test('a stale plan says so and is made again', async ({ page }) => {
  connectedHosts();
  await openPlan(page, 'october patches', 'Revert…');
  const { SnaptreeError } = await import('../shared/errors.ts');
  harness.handlers = {
    'operations.start': () => {
      throw new SnaptreeError('planStale', 'The VM was started since.');
    },
  };
  await page.getByRole('button', { name: 'Revert VM' }).click();
  await expect(page.getByText('The host has changed since the plan was made')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Revert VM' })).toBeHidden();
  harness.handlers = {};
  await page.getByRole('button', { name: 'Make the plan again' }).click();
  await page.getByRole('button', { name: 'Revert VM' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  expect(harness.calls.filter(({ name }) => name === 'plans.create')).toHaveLength(2);
});

test('the lock of another Snaptree is taken over only by whoever says so', async ({ page }) => {
  connectedHosts();
  await openPlan(page, 'october patches', 'Revert…');
  const { SnaptreeError } = await import('../shared/errors.ts');
  const data = { user: 'bob', computer: 'laptop', since: '2026-11-01T00:00:00Z', takeOver: 'theirs' };
  harness.handlers = {
    'operations.start': () => {
      throw new SnaptreeError('vmLocked', 'The VM is locked: bob on laptop has been at “Revert”.', { data });
    },
  };
  await page.getByRole('button', { name: 'Revert VM' }).click();
  await expect(page.getByText('Another operation holds the VM')).toBeVisible();
  await page.getByRole('button', { name: 'Revert VM' }).click();
  harness.handlers = {};
  await page.getByRole('button', { name: 'Take the lock over and run' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  const starts = harness.calls.filter(({ name }) => name === 'operations.start');
  expect(starts.map(({ payload }) => (payload as { takeOver?: string }).takeOver)).toEqual([
    undefined,
    undefined,
    'theirs',
  ]);
});

test('ten thousand snapshots and a thousand VMs are a handful of rows in the page', async ({ page }) => {
  const inventory = manyVms(1000);
  const large = vm(1, 'large', { snapshots: [...largeTree(10_000)], currentSnapshotId: 'nightly 09999' });
  harness.setHosts([host(1, 'kvm1', { state: 'connected', since: now })]);
  harness.setInventory(kvm1, { inventory: { ...inventory, vms: [large, ...inventory.vms] } });
  await openVm(page, /^large/);
  const grid = page.getByRole('treegrid');
  await expect(grid).toHaveAttribute('aria-rowcount', '10002');
  await expect(page.getByRole('row', { name: /^You are here/ })).toBeVisible();
  expect(await grid.getByRole('row').count()).toBeLessThan(80);
  expect(await page.getByRole('treeitem').count()).toBeLessThan(80);

  await page.getByRole('row', { name: /^You are here/ }).click();
  await page.keyboard.press('Home');
  await expect(page.getByRole('row', { name: /^nightly 00000/ })).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByRole('row', { name: /^(You are here|nightly 09999)/ }).last()).toBeFocused();
  expect(await grid.getByRole('row').count()).toBeLessThan(80);
});

test('a reading keeps selection, focus, what is collapsed, and scroll', async ({ page }) => {
  connectedHosts();
  await openVm(page, /^nightly-builds/);
  const row = page.getByRole('row', { name: /^nightly 01985/ });
  await row.click();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  const selected = page.getByRole('row', { selected: true });
  await expect(selected).toBeFocused();
  const name = await selected.textContent();
  const scroll = await selected.evaluate((element) => element.closest('[role=rowgroup]')?.scrollTop);

  const inventory = busyInventory();
  const before = harness.calls.length;
  harness.handlers = {
    'inventory.refresh': () => {
      harness.setInventory(kvm1, { inventory: { ...inventory, readAt: now + 30, hostName: 'read-again' } });
      return {};
    },
  };
  // Not with the mouse: the focus has to stay where it is.
  await page.evaluate(() => {
    const buttons = [...document.querySelectorAll('button')];
    buttons
      .find((button) => button.textContent === 'Refresh')
      ?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  });
  await expect.poll(() => harness.calls.slice(before).map((call) => call.name)).toEqual(['inventory.refresh']);
  await expect(selected).toBeFocused();
  expect(await selected.textContent()).toBe(name);
  expect(await selected.evaluate((element) => element.closest('[role=rowgroup]')?.scrollTop)).toBe(scroll);

  // The snapshot that is selected goes: the selection falls back to "you are here", and the focus with it.
  const vms = inventory.vms.map((each) =>
    each.readable && each.name === 'nightly-builds'
      ? { ...each, snapshots: each.snapshots.slice(0, 5), currentSnapshotId: null }
      : each,
  );
  harness.setInventory(kvm1, { inventory: { ...inventory, vms } });
  await expect(page.getByRole('row', { name: /^You are here/ })).toBeFocused();
});

test('a lost connection to Snaptree is said, and everything is there again afterwards', async ({ page }) => {
  connectedHosts();
  await openVm(page, /^web-01/);
  harness.cut(true);
  await expect(page.getByText('No connection to Snaptree')).toBeVisible();
  harness.setHosts([host(1, 'kvm1-renamed', { state: 'connected', since: now })]);
  harness.cut(false);
  await expect(page.getByText('No connection to Snaptree')).toBeHidden();
  await expect(page.getByRole('treeitem', { name: /^kvm1-renamed/ })).toBeVisible();
  await expect(page.getByRole('treeitem', { selected: true, name: /^web-01/ })).toBeVisible();
  // Chromium itself writes the refused attempts on the console.
  seen.complaints = seen.complaints.filter((complaint) => !complaint.includes('WebSocket connection'));
});

test.describe('starts whatever is in the browser’s store', () => {
  const entries = {
    'damaged text': { 'snaptree.window': '{"version":2,' },
    'parts of other types': { 'snaptree.window': '{"version":2,"theme":7,"selection":[],"paneSizes":{"details":"x"}}' },
    'of a newer Snaptree': { 'snaptree.window': '{"version":99,"theme":{"name":"sepia"}}' },
    'of the version without one': { 'snaptree.selection': '"x"', 'snaptree.pane.details': '-1', 'snaptree.theme': 'x' },
  };
  for (const [name, stored] of Object.entries(entries)) {
    test(name, async ({ page }) => {
      connectedHosts();
      await page.goto(harness.url);
      // The token went out of the address: a page that is left before it has traded it for the key is let in by nothing.
      await page.waitForFunction(() => localStorage.getItem('snaptree.key') !== null);
      await page.evaluate((items) => {
        localStorage.removeItem('snaptree.window');
        for (const [key, value] of Object.entries(items)) localStorage.setItem(key, value);
      }, stored);
      await page.reload();
      await page.getByRole('treeitem', { name: /^web-01/ }).click();
      await expect(page.getByRole('treeitem', { name: /^web-01/, selected: true })).toBeVisible();
      const kept = await page.evaluate(() => localStorage.getItem('snaptree.window'));
      if (name === 'of a newer Snaptree') expect(kept).toBe(entries[name]['snaptree.window']);
      else expect(JSON.parse(kept ?? '')).toMatchObject({ version: 2, theme: 'system' });
    });
  }
});

test('panes are resized by keyboard, and the theme is remembered', async ({ page }) => {
  connectedHosts();
  await openVm(page, /^web-01/);
  const splitter = page.getByRole('separator', { name: 'Width of the details' });
  const before = Number(await splitter.getAttribute('aria-valuenow'));
  await splitter.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(splitter).toHaveAttribute('aria-valuenow', String(before + 24));
  await page.getByRole('radio', { name: 'Dark colours' }).click();
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

/** Presses Tab until the focus is inside an element that `selector` names. Fails after thirty. */
async function tabUntilInside(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement?.closest(wanted) !== null, selector)) return;
  }
  throw new Error(`Tab does not lead into ${selector}.`);
}
