/** Snaptree's window as a user finds their way in it: by roles and names, never by how it is built. */
import type { Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';
import {
  CloneDialog,
  CreateSnapshotDialog,
  HostDialog,
  HostKeyQuestion,
  MergeDialog,
  PlanDialog,
  SecretQuestion,
} from './dialogs.ts';
import { HostPane, OperationsPanel, VmPane } from './panes.ts';

/** Where and as whom to connect. */
export interface HostEntry {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A private key file; left out: a password is asked for. */
  readonly keyFile?: string;
}

export class Snaptree {
  readonly page: Page;
  readonly navigation: Locator;
  readonly tree: Locator;
  readonly search: Locator;
  readonly hostDialog: HostDialog;
  readonly hostKeyQuestion: HostKeyQuestion;
  readonly createDialog: CreateSnapshotDialog;
  readonly cloneDialog: CloneDialog;
  readonly mergeDialog: MergeDialog;
  readonly plan: PlanDialog;
  readonly operations: OperationsPanel;

  constructor(page: Page) {
    this.page = page;
    this.navigation = page.getByRole('navigation', { name: 'Hosts and VMs' });
    this.tree = this.navigation.getByRole('tree', { name: 'Hosts and VMs' });
    this.search = this.navigation.getByRole('searchbox', { name: 'Search hosts, VMs and snapshots' });
    this.hostDialog = new HostDialog(page);
    this.hostKeyQuestion = new HostKeyQuestion(page);
    this.createDialog = new CreateSnapshotDialog(page);
    this.cloneDialog = new CloneDialog(page);
    this.mergeDialog = new MergeDialog(page);
    this.plan = new PlanDialog(page);
    this.operations = new OperationsPanel(page);
  }

  /** The button of the start page. */
  get addHostButton(): Locator {
    return this.page.getByRole('button', { name: 'Add a host', exact: true });
  }

  /** Behind the plus above the list of hosts. */
  get addHostsMenu(): Locator {
    return this.navigation.getByRole('button', { name: 'Add hosts' });
  }

  /** Opens the empty form for a host, from the start page or from the list. */
  async openHostForm(): Promise<void> {
    await expect(this.addHostButton.or(this.addHostsMenu)).toBeVisible();
    if (await this.addHostButton.isVisible()) {
      await this.addHostButton.click();
    } else {
      await this.addHostsMenu.click();
      await this.page.getByRole('menuitem', { name: 'Add a host…' }).click();
    }
  }

  secretQuestion(kind: 'password' | 'passphrase'): SecretQuestion {
    return new SecretQuestion(this.page, kind);
  }

  hostRow(name: string): Locator {
    return this.tree.getByRole('treeitem', { name: startingWith(name), level: 1 });
  }

  vmRow(name: string): Locator {
    return this.tree.getByRole('treeitem', { name: startingWith(name), level: 2 });
  }

  hostPane(name: string): HostPane {
    return new HostPane(this.page, name);
  }

  vmPane(name: string): VmPane {
    return new VmPane(this.page, name);
  }

  /** A message that stays until it is closed, or one that just came. */
  message(text: string | RegExp): Locator {
    return this.page.getByRole('region', { name: 'Messages' }).getByRole('alertdialog').filter({ hasText: text });
  }

  /** Fills in the dialog and sends it; what is asked then is the caller's matter. */
  async addHost({ name, host, port, user, keyFile }: HostEntry): Promise<HostPane> {
    await this.openHostForm();
    const { hostDialog } = this;
    await hostDialog.address.fill(host);
    await hostDialog.port.fill(String(port));
    await hostDialog.user.fill(user);
    await hostDialog.chooseAuthentication(keyFile === undefined ? 'Password' : 'Key file');
    if (keyFile !== undefined) await hostDialog.keyFile.fill(keyFile);
    await hostDialog.name.fill(name);
    await hostDialog.save();
    return this.hostPane(name);
  }

  /** Adds a host, trusts its key, and waits until it was read. */
  async connectTo(entry: HostEntry): Promise<HostPane> {
    const pane = await this.addHost(entry);
    await this.hostKeyQuestion.accept();
    await pane.expectRead();
    return pane;
  }

  /** Selects a VM, found by its name as a user with many VMs would. */
  async openVm(name: string): Promise<VmPane> {
    await this.search.fill(name);
    await this.vmRow(name).click();
    await this.search.fill('');
    const pane = this.vmPane(name);
    await expect(pane.heading).toBeVisible();
    return pane;
  }

  /** Reads all hosts again and waits until that is done. */
  async refresh(): Promise<void> {
    await this.page.getByRole('banner').getByRole('button', { name: 'Refresh' }).click();
  }
}

/** A name that a comma ends: the row goes on with what it says of the VM. */
function startingWith(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}, `);
}
