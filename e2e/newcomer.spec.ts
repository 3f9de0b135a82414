import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './shells/test.ts';
import { fixtureVirtualMachine, hostileName, hostileSnapshotNames, thinBase } from './testbeds/index.ts';

test('a newcomer adds a host, is asked about its key, and connects', async ({ app, testbed, dataFolder }) => {
  await expect(app.page.getByRole('heading', { name: 'See every snapshot, and what stands on it' })).toBeVisible();
  const pane = await app.addHost({ ...testbed, name: 'kvm one', user: testbed.users.administrator });

  const question = app.hostKeyQuestion;
  await expect(question.root).toContainText(`127.0.0.1:${testbed.port}`);
  // As ssh-keygen -lf prints it on the host.
  await expect(question.root).toContainText(testbed.fingerprints['ssh-ed25519'] ?? 'no fingerprint');
  // Whoever presses Enter without reading says no.
  await expect(question.no).toBeFocused();
  await app.page.keyboard.press('Enter');
  await expect(question.root).toBeHidden();
  await expect(pane.alert).toContainText('The host key was not accepted');
  await expect(app.hostRow('kvm one')).toBeVisible();
  const trusted = join(dataFolder, 'known_hosts');
  expect(existsSync(trusted)).toBe(false);

  await pane.connect.click();
  await question.accept();
  await pane.expectRead();
  await expect(pane.alert).toBeHidden();
  expect(testbed.knownHosts.map((line) => `${line}\n`)).toContain(readFileSync(trusted, 'utf8'));
  await expect(pane.fact('Hypervisor')).toContainText('libvirt 9.0.0');

  // What was said once is not asked again.
  await pane.root.getByRole('button', { name: 'Disconnect' }).click();
  await pane.connect.click();
  await pane.expectRead();
  await expect(question.root).toBeHidden();
});

test.describe('what is on a host is shown as it is', () => {
  test.beforeEach(async ({ app, testbed }) => {
    await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
  });

  test('a tree with branches, lanes, and where the VM is', async ({ app }) => {
    const pane = await app.openVm('snaptree-tree');
    await expect(pane.row('You are here')).toHaveAttribute('aria-selected', 'true');
    expect(await pane.outline()).toEqual([
      '1 clean install',
      '2 configured',
      '3 before update',
      '4 after update',
      '3 experiment',
      '4 You are here',
      '2 offline copy',
    ]);
    // The last branch goes on in its parent's lane; every earlier one has a lane of its own to the right.
    const left = async (name: string) => (await pane.row(name).getByText(name, { exact: true }).boundingBox())?.x ?? 0;
    expect(await left('offline copy')).toBe(await left('clean install'));
    expect(await left('configured')).toBeGreaterThan(await left('clean install'));
    expect(await left('experiment')).toBe(await left('configured'));
    expect(await left('You are here')).toBe(await left('configured'));
    expect(await left('before update')).toBeGreaterThan(await left('configured'));
    expect(await left('after update')).toBe(await left('before update'));
    await expect(pane.row('experiment')).toContainText('current');
    await expect(pane.row('configured')).toContainText('running');
    await expect(pane.row('clean install')).toContainText('shut off');

    for (const [name, parent] of [
      ['clean install', 'none, a root'],
      ['configured', 'clean install'],
      ['after update', 'before update'],
      ['experiment', 'configured'],
    ] as const) {
      await pane.select(name);
      await expect(pane.details.fact('Parent')).toHaveText(parent);
    }
    await pane.select('configured');
    await expect(pane.details.fact('Description')).toContainText('Configured <b>&"é');
    await expect(pane.details.fact('Memory')).toHaveText('saved inside the disk image');
  });

  test('chains on storage, with sizes and with who else needs an image', async ({ app }) => {
    const { details } = await app.openVm('snaptree-external');
    const layers = details.layers('vda');
    await expect(layers).toHaveCount(4);
    await expect(layers.nth(0)).toContainText('active layer');
    await expect(layers.nth(0)).toContainText(/vda\.latest.*qcow2 · 1 GiB virtual · [\d.]+ (KiB|MiB) on storage/);
    await expect(layers.nth(3)).toContainText('base');
    await expect(layers.nth(3)).toContainText('vda.qcow2');
    await expect(details.layers('vdb')).toHaveCount(1);

    await app.openVm('snaptree-thin-a');
    const shared = details.layers('vda').nth(1);
    await expect(shared).toContainText(thinBase);
    await expect(shared).toContainText('Also used by 1 VM: snaptree-thin-b');
  });

  test('hostile names are text', async ({ app, testbed }) => {
    const pane = await app.openVm(hostileName);
    await expect(pane.heading).toHaveText(hostileName);
    const [withNewline = '', ...onOneLine] = hostileSnapshotNames;
    for (const name of onOneLine) await expect(pane.row(name.trim().replaceAll(/ +/g, ' '))).toBeVisible();
    // What cannot be seen is marked, and does not look like two rows.
    expect(withNewline).toBe('two\nlines');
    await expect(pane.rows).toHaveCount(hostileSnapshotNames.length + 1);
    await pane.select(/^two\S+lines$/);
    await expect(pane.details.root.getByRole('heading', { level: 2 })).toContainText(/two\S+lines/);
    // Markup in a name makes no element anywhere, and a command in one ran nowhere.
    await expect(app.page.locator('b, i, script:not([src])')).toHaveCount(0);
    expect(existsSync(join(testbed.folder, 'homes', 'root', 'snaptree-injected'))).toBe(false);
    expect(existsSync(join(fixtureVirtualMachine(hostileName).folder, 'snaptree-injected'))).toBe(false);
  });

  test('broken chains are shown as broken, and do not take others along', async ({ app }) => {
    const { details } = await app.openVm('snaptree-missing-backing');
    await expect(details.layers('vda').last()).toContainText(/The chain is broken: .*deleted-base\.qcow2 is missing\./);
    await expect(details.layers('vdb')).toHaveCount(1);
    await app.openVm('snaptree-loop');
    await expect(details.layers('vda').last()).toContainText(
      /The chain runs in a circle: it comes back to .*vda\.qcow2/,
    );
  });
});
