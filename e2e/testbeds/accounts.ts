import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paths } from './paths.ts';
import { endProcess, listProcesses } from './processes.ts';
import { run } from './run.ts';

/** Accounts for logging in over SSH. All of them take the same two keys; the two test users take the password too. */
export const accounts = {
  /** root, by key: an administrator of a hypervisor. Reads every image, also the overlays that libvirt makes (0600). */
  administrator: 'root',
  /** In the group libvirt: virsh works, images of mode 0600 cannot be read. */
  operator: 'snaptree-test',
  /** Not in the group libvirt: "Permission denied" on libvirt's socket. */
  outsider: 'snaptree-nolibvirt',
} as const;

export const keyFiles = {
  /** Private key without a passphrase. */
  plain: join(paths.keys, 'id_plain'),
  /** Private key with the passphrase that `status --json` names. */
  protected: join(paths.keys, 'id_protected'),
  /** A key that no account takes. */
  stranger: join(paths.keys, 'id_stranger'),
  authorized: join(paths.keys, 'authorized_keys'),
} as const;

const mark = 'Snaptree testbed';

interface User {
  readonly name: string;
  readonly id: number;
  readonly group: number;
  readonly ours: boolean;
}

function findUser(name: string): User | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , id, group, comment] = line.split(':');
    if (user === name) return { name, id: Number(id), group: Number(group), ours: comment === mark };
  }
  return undefined;
}

async function ensureUser(name: string, groups: readonly string[]): Promise<void> {
  const home = join(paths.homes, name);
  if (findUser(name) === undefined) {
    const supplementary = groups.length > 0 ? ['--groups', groups.join(',')] : [];
    const args = ['--system', '--user-group', '--no-create-home', '--home-dir', home, '--shell', '/bin/bash'];
    await run('useradd', [...args, '--comment', mark, ...supplementary, name]);
  }
  const user = findUser(name);
  if (user?.ours !== true) throw new Error(`There is a user ${name} on this machine that the testbed did not make.`);
  mkdirSync(home, { recursive: true });
  chownSync(home, user.id, user.group);
  chmodSync(home, 0o700);
}

/** Makes keys and users, and sets the users' password. What is there already stays. */
export async function ensureAccounts(password: string, passphrase: string): Promise<void> {
  mkdirSync(paths.keys, { recursive: true });
  for (const [file, secret] of [
    [keyFiles.plain, ''],
    [keyFiles.protected, passphrase],
    [keyFiles.stranger, ''],
  ] as const) {
    if (!existsSync(file)) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', secret, '-C', mark, '-f', file]);
  }
  const authorized = [keyFiles.plain, keyFiles.protected].map((file) => readFileSync(`${file}.pub`, 'utf8')).join('');
  writeFileSync(keyFiles.authorized, authorized, { mode: 0o644 });
  await ensureUser(accounts.operator, ['libvirt']);
  await ensureUser(accounts.outsider, []);
  const users = [accounts.operator, accounts.outsider];
  await run('chpasswd', [], { input: users.map((user) => `${user}:${password}\n`).join('') });
}

/** The numbers of a test user, to run a program as. Throws where the testbed is not up. */
export function accountIds(name: string): { readonly uid: number; readonly gid: number } {
  const user = findUser(name);
  if (user?.ours !== true) throw new Error(`There is no user ${name}. Run: npm run testbed -- up libvirt`);
  return { uid: user.id, gid: user.group };
}

/** The test users that exist. */
export function existingUsers(): string[] {
  return [accounts.operator, accounts.outsider].filter((name) => findUser(name)?.ours === true);
}

/** Ends the test users' processes and removes the users (only those that the testbed made). */
export async function removeAccounts(): Promise<void> {
  for (const name of existingUsers()) {
    const id = findUser(name)?.id;
    for (const each of listProcesses().filter((candidate) => candidate.userId === id)) await endProcess(each.pid);
    await run('userdel', [name]);
  }
}
