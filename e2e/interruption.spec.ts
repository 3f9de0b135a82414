import type { Snaptree } from './pages/snaptree.ts';
import { expect, test } from './shells/test.ts';
import {
  activeImage,
  internalSnapshotsOf,
  waitUntil,
  type AddedFault,
  type SshServer,
  type TestbedConnection,
  type VirtualMachine,
} from './testbeds/index.ts';

const interrupted = 'interrupted, outcome unknown';

/** Begins to create a snapshot on a host where the command is held. Gives the operation's title, once it is held. */
async function beginHeld(
  app: Snaptree,
  {
    testbed,
    server,
    vm,
    held,
  }: { testbed: TestbedConnection; server: SshServer; vm: VirtualMachine; held: AddedFault },
): Promise<string> {
  const { host, port } = server;
  await app.connectTo({ name: 'kvm', host, port, user: testbed.users.administrator, keyFile: testbed.keyFile });
  await app.operations.open();
  const pane = await app.openVm(vm.name);
  await pane.act('Create snapshot…');
  await app.createDialog.fill({ name: 'survives', kind: 'Internal' });
  await app.createDialog.review.click();
  const title = await app.plan.start();
  await held.reached();
  await expect(app.operations.card(title)).toContainText('running');
  return title;
}

test('the connection is cut during an operation: found again, with the truth', async ({
  app,
  testbed,
  makeVm,
  makeHost,
}) => {
  const vm = await makeVm({ name: 'cut', running: true });
  const server = await makeHost({ name: 'cut', faults: true });
  const held = server.addFault({ command: 'snapshot-create-as', vm: vm.uuid, effect: 'hold' });
  const title = await beginHeld(app, { testbed, server, vm, held });

  server.dropConnections();
  // Reconnecting may be quicker than the eye, but this message stays.
  await expect(app.message('Interrupted')).toContainText('is not known');
  held.release();
  // The session comes back by itself, and the operation is followed to its end.
  await app.operations.expectEnd(title, 'done');
  expect(await internalSnapshotsOf(await activeImage(vm, 'vda'))).toEqual(['survives']);
  expect(held.count()).toBe(1);
  await expect(app.vmPane(vm.name).row('survives')).toContainText('current');
});

for (const when of ['still runs', 'has ended meanwhile'] as const) {
  test(`Snaptree is killed during an operation that ${when} when it starts again`, async ({
    start,
    shellKind,
    testbed,
    makeVm,
    makeHost,
  }) => {
    const vm = await makeVm({ name: `killed ${when}`, running: true });
    const server = await makeHost({ name: 'killed', faults: true });
    const held = server.addFault({ command: 'snapshot-create-as', vm: vm.uuid, effect: 'hold' });
    const first = await start();
    const title = await beginHeld(first.app, { testbed, server, vm, held });
    await first.kill();
    if (shellKind === 'browser') {
      // The window is still there, and does not pretend.
      await expect(first.app.page.getByRole('alert').filter({ hasText: 'No connection to Snaptree' })).toBeVisible();
    }
    const onHost = async () => internalSnapshotsOf(await activeImage(vm, 'vda'));
    if (when === 'has ended meanwhile') {
      held.release();
      await waitUntil('the snapshot to be there', async () => (await onHost()).length > 0);
    }

    const { app } = await start();
    const card = app.operations.card(title);
    await expect(card).toContainText(interrupted);
    await expect(card).toContainText('its outcome is not known');
    // Nothing else is done to the VM meanwhile, and nothing can be said before the host was read.
    await expect(card.getByRole('button', { name: 'Examine. The host is not connected.' })).toBeVisible();
    await app.operations.open();
    await app.hostRow('kvm').click();
    await app.hostPane('kvm').connect.click();
    if (when === 'still runs') {
      await expect(card).not.toContainText(interrupted);
      await expect(card).toContainText('running');
      held.release();
    }
    await app.operations.expectEnd(title, 'done');
    expect(await onHost()).toEqual(['survives']);
    // It was not run again.
    expect(held.count()).toBe(1);
    await app.openVm(vm.name);
    await expect(app.vmPane(vm.name).row('survives')).toContainText('current');
  });
}
