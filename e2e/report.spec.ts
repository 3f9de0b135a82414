/** The report, from the click to the file. */
import { readFile } from 'node:fs/promises';
import { expect, test } from './shells/test.ts';
import { reportSchema } from '../shared/model/report.ts';

test('a report says what it found and what it could not read, and every format holds it', async ({
  app,
  testbed,
  makeHost,
  shellKind,
}) => {
  test.skip(shellKind === 'electron', 'The save dialog of the system cannot be driven; the desktop double tests it.');
  await app.connectTo({ ...testbed, name: 'kvm', user: testbed.users.administrator });
  const gone = await makeHost({ name: 'gone' });
  const pane = await app.addHost({ ...testbed, ...gone, name: 'gone', user: testbed.users.administrator });
  await app.hostKeyQuestion.accept();
  await pane.expectRead();
  await pane.root.getByRole('button', { name: 'Disconnect' }).click();
  await gone.stop();

  await app.page.getByRole('banner').getByRole('button', { name: 'Report…' }).click();
  const dialog = app.page.getByRole('dialog', { name: 'Report' });
  await dialog.getByLabel('More snapshots of a VM than').fill('2');
  await dialog.getByRole('button', { name: 'Make the report' }).click();
  await expect(dialog.getByRole('button', { name: 'Save as JSON' })).toBeVisible({ timeout: 30_000 });
  await expect(dialog.getByText(/^gone, the whole host: .*nothing listens there/)).toBeVisible();
  await expect(dialog.getByText('Many snapshots')).toBeVisible();

  const saved = async (format: 'JSON' | 'CSV' | 'HTML' | 'PDF'): Promise<Buffer> => {
    const download = app.page.waitForEvent('download');
    await dialog.getByRole('button', { name: `Save as ${format}` }).click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(new RegExp(`\\.${format.toLowerCase()}$`));
    return readFile(await file.path());
  };
  const report = reportSchema.parse(JSON.parse((await saved('JSON')).toString('utf8')));
  expect(report.totals.hosts).toBe(2);
  expect(report.totals.unreadHosts).toBe(1);
  const total = (name: string) => dialog.getByRole('term').getByText(name, { exact: true }).locator('xpath=../dd');
  await expect(total('snapshots')).toHaveText(String(report.totals.snapshots));
  await expect(total('VMs')).toHaveText(String(report.totals.vms));
  expect(report.rows.filter(({ vmName }) => vmName === 'snaptree-tree')).toHaveLength(6);

  const csv = (await saved('CSV')).toString('utf8');
  expect(csv.match(/^snapshot,/gm)).toHaveLength(report.totals.snapshots);
  expect((await saved('HTML')).toString('utf8')).toContain('snaptree-tree');
  expect((await saved('PDF')).subarray(0, 5).toString('latin1')).toBe('%PDF-');
});
