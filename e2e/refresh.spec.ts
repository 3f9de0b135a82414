import type { VmPane } from './pages/panes.ts';
import { expect, test } from './shells/test.ts';
import { virsh } from './testbeds/index.ts';

test.use({ viewport: { width: 1280, height: 480 } });

/** How far the tree is scrolled down, in pixels. */
const scrollOf = (pane: VmPane) =>
  pane.grid
    .getByRole('rowgroup')
    .last()
    .evaluate((element) => element.scrollTop);

for (const way of ['Refresh', 'noticing it'] as const) {
  test(`${way} shows a snapshot made behind Snaptree's back, and keeps selection and scroll`, async ({
    app,
    testbed,
    makeVm,
  }) => {
    // Of a VM that runs libvirt tells at once; one that is shut off would be seen at the next poll.
    const running = way === 'noticing it';
    const vm = await makeVm({ name: 'refresh', running, disks: [{ target: 'vda', size: 1024 ** 2 * 64 }] });
    const take = (name: string) => virsh(['snapshot-create-as', vm.uuid, `--name=${name}`]);
    for (let number = 10; number < 26; number += 1) await take(`number ${number}`);
    await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
    const pane = await app.openVm(vm.name);
    await pane.row('number 12').hover();
    await app.page.mouse.wheel(0, 100);
    await expect.poll(() => scrollOf(pane)).toBe(100);
    await pane.select('number 14');
    const scrolled = await scrollOf(pane);
    expect(await pane.grid.getAttribute('aria-rowcount')).toBe('18');

    await take('behind its back');
    if (way === 'Refresh') await app.refresh();
    await expect(pane.grid).toHaveAttribute('aria-rowcount', '19');
    await expect(pane.row('number 14')).toHaveAttribute('aria-selected', 'true');
    await expect(pane.details.root.getByRole('heading', { name: 'number 14' })).toBeVisible();
    expect(await scrollOf(pane)).toBe(scrolled);
    await pane.row('number 14').press('End');
    await expect(pane.row('behind its back')).toContainText('current');
  });
}
