/** The panes of the window: a host, a VM with its tree, the details, and the operations. */
import type { Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';

export class HostPane {
  readonly root: Locator;
  readonly alert: Locator;
  readonly connect: Locator;

  constructor(page: Page, name: string) {
    this.root = page.getByRole('region', { name: `Host ${name}`, exact: true });
    this.alert = this.root.getByRole('alert');
    this.connect = this.root.getByRole('toolbar').getByRole('button', { name: /^(Connect|Retry)$/ });
  }

  /** Waits until the host is connected and was read. */
  async expectRead(): Promise<void> {
    await expect(this.root.getByRole('button', { name: 'Disconnect' })).toBeVisible();
    await expect(this.fact('VMs')).toBeVisible();
  }

  fact(name: string): Locator {
    return factOf(this.root, name);
  }
}

export class VmPane {
  readonly root: Locator;
  readonly heading: Locator;
  readonly grid: Locator;
  readonly toolbar: Locator;
  readonly details: Details;
  private readonly page: Page;

  constructor(page: Page, name: string) {
    this.page = page;
    this.root = page.getByRole('region', { name: `VM ${name}`, exact: true });
    this.heading = this.root.getByRole('heading', { level: 2 });
    this.grid = this.root.getByRole('treegrid', { name: `Snapshots of ${name}`, exact: true });
    this.toolbar = this.root.getByRole('toolbar', { name: 'Snapshot actions' });
    this.details = new Details(page);
  }

  /** Rows of the tree without the header, in order. */
  get rows(): Locator {
    return this.grid.getByRole('rowgroup').last().getByRole('row');
  }

  /** The row of a snapshot, or of "You are here". The name is as it is shown. */
  row(name: string | RegExp): Locator {
    const cell = this.page.getByRole('gridcell').first().getByText(name, { exact: true });
    return this.rows.filter({ has: cell });
  }

  async select(name: string | RegExp): Promise<void> {
    await this.row(name).click();
    await expect(this.row(name)).toHaveAttribute('aria-selected', 'true');
  }

  async act(action: 'Create snapshot…' | 'Revert…' | 'Delete…' | 'Delete with descendants…'): Promise<void> {
    await this.toolbar.getByRole('button', { name: action, exact: true }).click();
  }

  /** Chooses an action that is only in the menu. */
  async actByMenu(
    action:
      | 'Merge down (commit)…'
      | 'Merge up (pull)…'
      | 'Create thin instance…'
      | 'Create full clone…'
      | 'Start…'
      | 'Shut down…',
  ): Promise<void> {
    await this.toolbar.getByRole('button', { name: 'More actions' }).click();
    await this.page.getByRole('menuitem', { name: action }).click();
  }

  /** Names from the tree as a user reads them, with how deep each stands. */
  async outline(): Promise<string[]> {
    return this.rows.evaluateAll((rows) =>
      rows.map((row) => {
        // What comes from a host is isolated in its writing direction.
        const name = row.querySelector('[role=gridcell] bdi')?.textContent ?? 'You are here';
        return `${row.getAttribute('aria-level') ?? ''} ${name}`;
      }),
    );
  }
}

export class Details {
  readonly root: Locator;
  readonly chains: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('complementary', { name: 'Details' });
    this.chains = this.root.getByRole('region', { name: 'Disk chains' });
  }

  fact(name: string): Locator {
    return factOf(this.root, name);
  }

  /** The file names of a disk's chain, the active layer first. */
  async chain(target: string): Promise<string[]> {
    const paths = await this.layers(target).evaluateAll((layers) =>
      layers.map((layer) => layer.querySelector('code')?.textContent ?? ''),
    );
    return paths.map((path) => path.slice(path.lastIndexOf('/') + 1));
  }

  /** The layers of a disk, the active one first; a broken chain ends with an item that says so. */
  layers(target: string): Locator {
    return this.chains
      .getByRole('heading', { level: 4, name: new RegExp(`^${target}`) })
      .locator('..')
      .getByRole('list')
      .first()
      .locator(':scope > li');
  }
}

export class OperationsPanel {
  readonly root: Locator;
  private readonly bar: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('region', { name: 'Operations' });
    this.bar = this.root.getByRole('heading', { level: 2 }).getByRole('button');
  }

  /** Opens the panel, whether or not it opened by itself meanwhile because something runs. */
  async open(): Promise<void> {
    if ((await this.bar.getAttribute('aria-expanded')) === 'true') await this.bar.click();
    await this.bar.click();
    await expect(this.bar).toHaveAttribute('aria-expanded', 'true');
  }

  card(title: string): Locator {
    return this.root.getByRole('article', { name: title, exact: true });
  }

  /** Waits until the operation has ended as `word` says. */
  async expectEnd(title: string, word: 'done' | 'failed' | 'cancelled'): Promise<void> {
    await expect(this.card(title).getByRole('status').last()).toHaveText(`${title}: ${word}`, { timeout: 40_000 });
  }
}

function factOf(root: Locator, name: string): Locator {
  return root.getByRole('term').getByText(name, { exact: true }).locator('xpath=following-sibling::dd');
}
