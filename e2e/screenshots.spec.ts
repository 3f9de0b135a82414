/** The pictures of the README, from the real testbed: `npm run test:e2e -- --project=browser --grep=@screenshot`. */
import { fileURLToPath } from 'node:url';
import { expect, test } from './shells/test.ts';

const picture = (name: string) => fileURLToPath(new URL(`../docs/images/${name}.png`, import.meta.url));

test('pictures of the window @screenshot', async ({ app, testbed }) => {
  const { page } = app;
  await app.connectTo({ ...testbed, name: 'kvm1.example.org', user: testbed.users.administrator });
  const pane = await app.openVm('snaptree-tree');
  await pane.select('configured');
  await expect(pane.details.root.getByRole('heading', { name: 'configured' })).toBeVisible();
  await page.mouse.move(720, 640);
  for (const [colours, name] of [
    ['Light colours', 'snaptree'],
    ['Dark colours', 'snaptree-dark'],
  ] as const) {
    await page.getByRole('radio', { name: colours }).press('Space');
    await expect(page.getByRole('radio', { name: colours })).toBeChecked();
    // The selected row has the focus ring, not the button of the theme.
    await pane.row('configured').focus();
    await page.screenshot({ path: picture(name), animations: 'disabled', caret: 'hide' });
  }
});
