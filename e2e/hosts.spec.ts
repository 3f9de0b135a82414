/** The ways in which a host is reached, and what it may be used for. */
import { expect, test } from './shells/test.ts';
import { readFileSync } from 'node:fs';

test('a host is imported from the URI that virt-manager would take', async ({ app, testbed }) => {
  await app.page.getByRole('button', { name: 'Import hosts…' }).click();
  const dialog = app.page.getByRole('dialog', { name: 'Import hosts' });
  await dialog.getByText('A libvirt URI', { exact: true }).click();
  const uri = `qemu+ssh://${testbed.users.administrator}@${testbed.host}:${testbed.port}/system?keyfile=${testbed.keyFile}`;
  await dialog.getByLabel('URI', { exact: true }).fill(uri);
  await dialog.getByLabel('URI', { exact: true }).press('Enter');
  await dialog.getByRole('button', { name: 'Add 1 host' }).click();
  await expect(dialog).toBeHidden();

  const pane = app.hostPane(testbed.host);
  await app.hostRow(testbed.host).click();
  await pane.connect.click();
  await app.hostKeyQuestion.accept();
  await pane.expectRead();
  await expect(pane.fact('VMs')).toContainText('VMs');

  // It is known now, and not chosen again by itself.
  await app.addHostsMenu.click();
  await app.page.getByRole('menuitem', { name: 'Import hosts…' }).click();
  await dialog.getByText('A libvirt URI', { exact: true }).click();
  await dialog.getByLabel('URI', { exact: true }).fill(uri);
  await dialog.getByRole('button', { name: 'Look' }).click();
  await expect(dialog.getByText(`Is in the host book already, as ${testbed.host}.`)).toBeVisible();
  await expect(dialog.getByRole('button', { name: /^Add 0 hosts/ })).toBeVisible();
});

test('a host behind a jump host is reached through it, and each shows its own key', async ({
  app,
  testbed,
  makeHost,
}) => {
  const gate = await makeHost({ name: 'gate' });
  await app.openHostForm();
  const { hostDialog } = app;
  await hostDialog.root.getByRole('button', { name: 'Reach it through a jump host' }).click();
  const jump = hostDialog.root.getByRole('group', { name: 'Jump host' });
  for (const [fields, server] of [
    [jump, gate],
    [hostDialog.root, testbed],
  ] as const) {
    await fields.getByLabel('Address').first().fill(server.host);
    await fields.getByLabel('Port').first().fill(String(server.port));
    await fields.getByLabel('User').first().fill(testbed.users.administrator);
    await fields.getByRole('radiogroup', { name: 'Authentication' }).first().getByText('Key file').click();
    await fields.getByLabel('Private key file').first().fill(testbed.keyFile);
  }
  await hostDialog.name.fill('behind');
  await hostDialog.save();
  await expect(app.hostKeyQuestion.root).toContainText(`:${gate.port}`);
  await app.hostKeyQuestion.yes.click();
  await expect(app.hostKeyQuestion.root).toContainText(`:${testbed.port}`);
  await app.hostKeyQuestion.yes.click();
  const pane = app.hostPane('behind');
  await pane.expectRead();
  await expect(pane.fact('Address')).toContainText(`via root@127.0.0.1:${gate.port}`);
});

test('the test of a connection says at which stage it fails, and what to do', async ({ app, testbed }) => {
  await app.openHostForm();
  const { hostDialog } = app;
  await hostDialog.address.fill(testbed.host);
  await hostDialog.port.fill(String(testbed.port));
  await hostDialog.user.fill(testbed.users.outsider);
  await hostDialog.chooseAuthentication('Key file');
  await hostDialog.keyFile.fill(testbed.keyFile);
  await hostDialog.test();
  await app.hostKeyQuestion.accept();
  await expect(hostDialog.stage('Access to libvirt')).toContainText('usermod -aG libvirt');
  await expect(hostDialog.stage('Access to libvirt').getByRole('img', { name: 'failed' })).toBeVisible();
  await expect(hostDialog.stage('virsh').getByRole('img', { name: 'passed' })).toBeVisible();
  await expect(hostDialog.stage('Versions')).toContainText('not reached');
});

test('a read-only host is looked at, and cannot be changed', async ({ app, testbed, dataFolder }) => {
  const pane = await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
  await pane.root.getByRole('button', { name: 'Edit…' }).click();
  await app.hostDialog.root.getByText('Read-only', { exact: true }).click();
  await app.hostDialog.save();
  await expect(pane.root.getByText('Read-only', { exact: true })).toBeVisible();
  expect(readFileSync(`${dataFolder}/hosts.json`, 'utf8')).toContain('"readOnly": true');

  const tree = await app.openVm('snaptree-tree');
  const create = tree.toolbar.getByRole('button', { name: /^Create snapshot…/ });
  await expect(create).toHaveAccessibleName(/This host is set to read-only/);
  await create.focus();
  await app.page.keyboard.press('Enter');
  await expect(app.createDialog.root).toBeHidden();
});
