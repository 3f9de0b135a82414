/** The dialogs, by what they say. */
import type { Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';

export class HostDialog {
  readonly root: Locator;
  readonly address: Locator;
  readonly port: Locator;
  readonly user: Locator;
  readonly keyFile: Locator;
  readonly name: Locator;
  readonly uri: Locator;
  /** The stages of a connection test. */
  readonly stages: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('dialog', { name: /^(Add a host|Edit host)$/ });
    this.address = this.root.getByRole('textbox', { name: 'Address' });
    this.port = this.root.getByRole('textbox', { name: 'Port' });
    this.user = this.root.getByRole('textbox', { name: 'User' });
    this.keyFile = this.root.getByRole('textbox', { name: 'Private key file' });
    this.name = this.root.getByRole('textbox', { name: 'Name (optional)' });
    this.uri = this.root.getByRole('textbox', { name: 'libvirt URI' });
    this.stages = this.root.getByRole('list', { name: 'Connection test' }).getByRole('listitem');
  }

  /** One stage of the connection test, by its name. */
  stage(name: string): Locator {
    return this.stages.filter({ has: this.root.page().getByText(name, { exact: true }) });
  }

  async chooseAuthentication(name: 'SSH agent' | 'Key file' | 'Password'): Promise<void> {
    // The label is what can be clicked; the radio button itself is drawn by it.
    await this.root.getByRole('radiogroup', { name: 'Authentication' }).getByText(name, { exact: true }).click();
    await expect(this.root.getByRole('radio', { name })).toBeChecked();
  }

  async save(): Promise<void> {
    await this.root.getByRole('button', { name: /^(Add and connect|Save)$/ }).click();
  }

  async test(): Promise<void> {
    await this.root.getByRole('button', { name: 'Test connection' }).click();
  }

  async cancel(): Promise<void> {
    await this.root.getByRole('button', { name: 'Cancel' }).click();
    await expect(this.root).toBeHidden();
  }
}

export class HostKeyQuestion {
  readonly root: Locator;
  readonly no: Locator;
  readonly yes: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('alertdialog', { name: 'Is this the right host?' });
    this.no = this.root.getByRole('button', { name: 'No, do not connect' });
    this.yes = this.root.getByRole('button', { name: 'Yes, trust this key' });
  }

  async accept(): Promise<void> {
    await this.yes.click();
    await expect(this.root).toBeHidden();
  }
}

export class SecretQuestion {
  readonly root: Locator;
  readonly field: Locator;

  constructor(page: Page, kind: 'password' | 'passphrase') {
    const [title, label] =
      kind === 'password' ? ['Password', 'Password'] : ['Passphrase of the key file', 'Passphrase'];
    this.root = page.getByRole('dialog', { name: title, exact: true });
    this.field = this.root.getByLabel(label, { exact: true });
  }

  async answer(secret: string): Promise<void> {
    await this.field.fill(secret);
    await this.root.getByRole('button', { name: 'Go on' }).click();
  }
}

export class CreateSnapshotDialog {
  readonly root: Locator;
  readonly name: Locator;
  readonly description: Locator;
  readonly review: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('dialog', { name: /^Create a snapshot of / });
    this.name = this.root.getByRole('textbox', { name: 'Name' });
    this.description = this.root.getByRole('textbox', { name: 'Description (optional)' });
    this.review = this.root.getByRole('button', { name: 'Review plan…' });
  }

  async fill(values: {
    readonly name: string;
    readonly kind: 'Internal' | 'External, disks only' | 'External, with memory';
    readonly description?: string;
    /** Targets of disks to leave out of an external snapshot. */
    readonly without?: readonly string[];
    /** Paths of overlays by the target of the disk, where they are not to be the proposed ones. */
    readonly overlays?: Readonly<Record<string, string>>;
  }): Promise<void> {
    await this.name.fill(values.name);
    await this.root.getByRole('radiogroup', { name: 'Kind' }).getByText(values.kind, { exact: true }).click();
    for (const target of values.without ?? []) {
      await this.root.getByRole('group', { name: 'Disks to include' }).getByText(target, { exact: true }).click();
    }
    for (const [target, path] of Object.entries(values.overlays ?? {})) {
      await this.root.getByRole('textbox', { name: `Overlay of ${target}` }).fill(path);
    }
    if (values.description !== undefined) await this.description.fill(values.description);
  }
}

export class MergeDialog {
  readonly root: Locator;
  readonly review: Locator;
  readonly oneAfterTheOther: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('dialog', { name: /^Merge images of / });
    this.review = this.root.getByRole('button', { name: 'Review plan…' });
    this.oneAfterTheOther = this.root.getByRole('checkbox', { name: /^One image after the other/ });
  }

  /** An image of a disk, with what the dialog says of it. */
  image(path: string): Locator {
    return this.root.getByRole('row').filter({ has: this.root.page().getByTitle(path, { exact: true }) });
  }

  /** Chooses the ends of what is merged down. */
  async chooseDown({ from, into }: { readonly from: string; readonly into: string }): Promise<void> {
    await this.root.getByRole('radio', { name: `Merge from ${from} down` }).check();
    await this.root.getByRole('radio', { name: `Merge into ${into}` }).check();
  }

  /** Chooses on what the active layer hangs afterwards; null: it stands alone. */
  async chooseUp(onto: string | null): Promise<void> {
    const name = onto === null ? /^Hang on nothing/ : `Hang on ${onto}`;
    await this.root.getByRole('radio', { name }).check();
  }
}

/** Asks for a thin instance or a full clone. */
export class CloneDialog {
  readonly root: Locator;
  readonly name: Locator;
  readonly review: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('dialog', { name: /^Make a new VM of / });
    this.name = this.root.getByRole('textbox', { name: 'Name of the new VM' });
    this.review = this.root.getByRole('button', { name: 'Review plan…' });
  }

  kind(name: 'Thin instance' | 'Full clone'): Locator {
    return this.root.getByRole('radio', { name });
  }

  image(target: string): Locator {
    return this.root.getByRole('textbox', { name: `Image of ${target}` });
  }
}

export class PlanDialog {
  readonly root: Locator;
  /** What runs the plan; there is none where it is refused or stale. */
  readonly run: Locator;
  readonly steps: Locator;
  readonly treeAfterwards: Locator;
  readonly close: Locator;

  constructor(page: Page) {
    this.root = page.getByRole('dialog', {
      name: /^(Create the |Revert |Delete the |Merge .+ (down|up)$|Make .+, a |(Start|Shut down) )/,
    });
    this.run = this.root.getByRole('button', {
      name: /^(Create snapshot|Revert VM|Delete snapshots?|Merge down|Merge up|Create VM|(Start|Shut down) VM)$/,
    });
    this.steps = this.root.getByRole('heading', { name: 'Steps' }).locator('..').getByRole('listitem');
    this.treeAfterwards = this.root.getByRole('tree', { name: /^Snapshots of .* afterwards$/ });
    this.close = this.root.getByRole('button', { name: 'Close', exact: true }).last();
  }

  /** Runs the plan. Gives its title, by which the operation is found. */
  async start(): Promise<string> {
    await expect(this.run).toBeVisible();
    const title = await this.root.getByRole('heading', { level: 2 }).first().innerText();
    await this.run.click();
    await expect(this.root).toBeHidden();
    return title;
  }
}
