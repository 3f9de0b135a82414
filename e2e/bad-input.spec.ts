import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, test } from './shells/test.ts';
import type { SshServer, TestbedConnection } from './testbeds/index.ts';

const asAdministrator = ({ host, port }: Pick<SshServer, 'host' | 'port'>, testbed: TestbedConnection) => ({
  name: 'kvm',
  host,
  port,
  user: testbed.users.administrator,
  keyFile: testbed.keyFile,
});

test.describe('a host that cannot be reached', () => {
  test('nothing listens', async ({ app, testbed }) => {
    // A port that was just free.
    const port = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => {
          resolve(typeof address === 'object' && address !== null ? address.port : 0);
        });
      });
    });
    const pane = await app.addHost(asAdministrator({ host: '127.0.0.1', port }, testbed));
    await expect(pane.alert).toContainText('The host cannot be reached');
    await expect(pane.alert).toContainText(`kvm cannot be reached at 127.0.0.1:${port}: nothing listens there.`);
    await expect(pane.root.getByRole('button', { name: 'Retry' })).toBeVisible();
  });

  test('its key has changed', async ({ app, testbed, makeHost, dataFolder }) => {
    const server = await makeHost({ name: 'changed' });
    const before = (await server.fingerprints())['ssh-ed25519'] ?? '';
    const pane = await app.connectTo(asAdministrator(server, testbed));
    const trusted = readFileSync(join(dataFolder, 'known_hosts'), 'utf8');
    const after = (await (await server.changeHostKeys()).fingerprints())['ssh-ed25519'] ?? '';
    // The session was cut, and was being made again by itself: that must not ask, and must not go on trying.
    await expect(pane.alert).toContainText('The host key has changed');
    await expect(pane.alert).toContainText(`Known: ssh-ed25519 ${before}`);
    await expect(pane.alert).toContainText(`Shown now: ssh-ed25519 ${after}`);
    await expect(pane.root).not.toContainText('tries again by itself');
    await pane.connect.click();
    await expect(pane.alert).toContainText('The host key has changed');
    await expect(app.hostKeyQuestion.root).toBeHidden();
    expect(readFileSync(join(dataFolder, 'known_hosts'), 'utf8')).toBe(trusted);
    // What was known stays, marked as such.
    await expect(app.tree.getByRole('treeitem', { name: /^snaptree-first, .*last known$/ })).toBeVisible();
  });
});

test.describe('a host that lets nobody in', () => {
  test('wrong password, three times, then the right one', async ({ app, testbed }) => {
    const { host, port } = testbed;
    const pane = await app.addHost({ name: 'kvm', host, port, user: testbed.users.operator });
    await app.hostKeyQuestion.accept();
    const question = app.secretQuestion('password');
    await question.answer('wrong');
    for (const attempt of [2, 3]) {
      await expect(question.root).toContainText(`Not accepted. This is attempt ${attempt}.`);
      await question.answer(`wrong ${attempt}`);
    }
    await expect(pane.alert).toContainText('The host refused the sign-in');
    await expect(pane.alert).toContainText('the password was refused 3 times');
    await pane.connect.click();
    await question.answer(testbed.password);
    await pane.expectRead();
  });

  test('an encrypted key file: wrong passphrase, then the right one', async ({ app, testbed, dataFolder }) => {
    const pane = await app.addHost({ ...asAdministrator(testbed, testbed), keyFile: testbed.protectedKeyFile });
    await app.hostKeyQuestion.accept();
    const question = app.secretQuestion('passphrase');
    await question.answer('wrong');
    await expect(question.root).toContainText('Not accepted. This is attempt 2.');
    await question.answer(testbed.passphrase);
    await pane.expectRead();
    // It is nowhere on the disk.
    const kept = readdirSync(dataFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const entry of kept) {
      expect(readFileSync(join(entry.parentPath, entry.name), 'utf8')).not.toContain(testbed.passphrase);
    }
  });

  test('a key that the host does not know, and a key file that is not there', async ({ app, testbed }) => {
    const pane = await app.addHost({ ...asAdministrator(testbed, testbed), keyFile: testbed.strangerKeyFile });
    await app.hostKeyQuestion.accept();
    await expect(pane.alert).toContainText('the key was not accepted');
    await pane.root.getByRole('button', { name: 'Edit…' }).click();
    await app.hostDialog.keyFile.fill('/nowhere/id_ed25519');
    // The test of the connection says the same before anything is saved.
    await app.hostDialog.test();
    await expect(app.hostDialog.stage('Sign-in')).toContainText('there is no such file');
    await expect(app.hostDialog.stage('Commands')).toContainText('not reached');
    await app.hostDialog.keyFile.fill(testbed.keyFile);
    await app.hostDialog.save();
    await expect(app.hostDialog.root).toBeHidden();
    await pane.connect.click();
    await pane.expectRead();
  });
});

test.describe('a host without what it needs', () => {
  test('no virsh', async ({ app, testbed, makeHost }) => {
    const pane = await app.addHost(asAdministrator(await makeHost({ name: 'bare', without: ['virsh'] }), testbed));
    await app.hostKeyQuestion.accept();
    await expect(pane.alert).toContainText('A command is missing on the host');
    await expect(pane.alert).toContainText('There is no virsh on kvm');
  });

  test('the daemon is down', async ({ app, testbed, makeHost }) => {
    const pane = await app.addHost(asAdministrator(await makeHost({ name: 'down', libvirt: 'down' }), testbed));
    await app.hostKeyQuestion.accept();
    await expect(pane.alert).toContainText('libvirt does not answer on kvm at qemu:///system');
    await expect(pane.alert).toContainText('systemctl start libvirtd');
  });

  test('no right to the socket', async ({ app, testbed }) => {
    const pane = await app.addHost({ ...asAdministrator(testbed, testbed), user: testbed.users.outsider });
    await app.hostKeyQuestion.accept();
    await expect(pane.alert).toContainText('Permission denied on the host');
    await expect(pane.alert).toContainText('usermod -aG libvirt');
  });
});

test('fields that cannot be are named, and nothing is saved', async ({ app, dataFolder }) => {
  await app.addHostButton.click();
  const { hostDialog } = app;
  await hostDialog.port.fill('70000');
  await hostDialog.user.fill(' ');
  await hostDialog.chooseAuthentication('Key file');
  await hostDialog.uri.fill('system');
  await hostDialog.save();
  await expect(hostDialog.address).toHaveAccessibleDescription(/Must not be empty\./);
  await expect(hostDialog.port).toHaveAccessibleDescription(/Must be a number from 1 to 65535\./);
  await expect(hostDialog.user).toHaveAccessibleDescription(/Must not be empty\./);
  await expect(hostDialog.keyFile).toHaveAccessibleDescription(/Give the path of the private key file\./);
  await expect(hostDialog.uri).toHaveAccessibleDescription(/Must be a libvirt URI such as qemu:\/\/\/system\./);
  await hostDialog.address.fill('two words');
  await expect(hostDialog.address).toHaveAccessibleDescription(/Must be a host name or an IP address\./);
  await hostDialog.cancel();
  expect(existsSync(join(dataFolder, 'hosts.json'))).toBe(false);
});

test('a second Snaptree over the same data folder does not start, and says why', async ({ start, app, shellKind }) => {
  test.skip(shellKind === 'electron', 'Electron shows the window of the first instead.');
  await expect(start()).rejects.toThrow(/Another Snaptree \(process \d+\) uses the data folder .* SNAPTREE_DATA\./);
  await expect(app.addHostButton).toBeVisible();
});

const damaged = '{"schema": "snaptree.hostBook", "version": 1, "hosts": [{"name": "precious"';

test.describe('a file of Snaptree that is damaged is kept aside, and said', () => {
  test('the host book', async ({ start, dataFolder, testbed }) => {
    const path = join(dataFolder, 'hosts.json');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${damaged}\n`);
    const { app } = await start();
    const notice = app.page.getByRole('alert').filter({ hasText: path });
    await expect(notice).toContainText('damaged');
    await expect(notice).toContainText('an empty one was begun');
    const kept = readdirSync(dirname(path)).filter((name) => name.includes('.corrupt-'));
    expect(kept).toHaveLength(1);
    const aside = join(dirname(path), kept[0] ?? '');
    await expect(notice).toContainText(aside);
    expect(readFileSync(aside, 'utf8')).toBe(`${damaged}\n`);

    // Everything else works, and nothing overwrites what was kept.
    await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
    await notice.getByRole('button', { name: 'Dismiss notice' }).click();
    await expect(notice).toBeHidden();
    expect(readFileSync(aside, 'utf8')).toBe(`${damaged}\n`);
  });
});

test('a journal that is damaged stays where it is; its operation is shown, and can be forgotten', async ({
  start,
  dataFolder,
}) => {
  const id = randomUUID();
  const path = join(dataFolder, 'journal', `${id}.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${damaged}\n`);
  const { app } = await start();
  const card = app.page.getByRole('article').filter({ hasText: `Operation ${id}` });
  await expect(card).toContainText('journal cannot be used');
  await card.getByRole('button', { name: 'Forget' }).click();
  await expect(card).toContainText('forgotten');
  expect(readFileSync(path, 'utf8')).toBe(`${damaged}\n`);
});
