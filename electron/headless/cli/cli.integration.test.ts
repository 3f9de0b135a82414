/** The command line as a process, on a real libvirt over a real sshd. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  createVirtualMachine,
  deleteVirtualMachine,
  guestDiskHasPattern,
  snaptreeLock,
  startSshServer,
  up,
  virsh,
  waitUntil,
  writeGuestDisk,
} from '../../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection, VirtualMachine } from '../../../e2e/testbeds/index.ts';
import { hostSettings, sshConnection } from '../../../shared/model/host.fixtures.ts';
import type { Host } from '../../../shared/model/host.ts';
import type { Operation } from '../../../shared/model/operation.ts';
import type { Plan } from '../../../shared/model/plan.ts';
import { hostBookVersion } from '../../store/host-book.ts';
import { acquireInstanceLock } from '../../store/instance-lock.ts';
import { documents } from './documents.ts';
import type { DocumentContent, DocumentName } from './documents.ts';

const program = fileURLToPath(new URL('snaptree.ts', import.meta.url));
const schemas = new URL('../../../docs/schemas/', import.meta.url);

let testbed: TestbedConnection;
let server: SshServer;
let folder: string;
let dataFolder: string;
let vm: VirtualMachine;
const made: VirtualMachine[] = [];

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the command without a terminal: in a session of its own, in which no /dev/tty can be opened either. */
function start(
  parameters: readonly string[],
  stdin: string | null = null,
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [program, '--data-folder', dataFolder, ...parameters], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  child.stdin.end(stdin ?? '');
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, out, err }));
  return { child, ended };
}

function snaptree(...parameters: readonly string[]): Promise<Ended> {
  return start(parameters).ended;
}

/** The documents once more, in a shape in which a generic name keeps its content's type. */
const typed: { readonly [Name in DocumentName]: z.ZodType<DocumentContent<Name>> } = documents;

/** What the command prints with --json, checked against the schema that is published for it. */
async function json<Name extends DocumentName>(
  name: Name,
  code: number,
  ...parameters: readonly string[]
): Promise<DocumentContent<Name>> {
  const ended = await snaptree('--json', ...parameters);
  expect(ended, ended.err).toMatchObject({ code });
  return checked(name, ended.out);
}

function checked<Name extends DocumentName>(name: Name, text: string): DocumentContent<Name> {
  const published: unknown = JSON.parse(readFileSync(new URL(`${name}.schema.json`, schemas), 'utf8'));
  const value: unknown = JSON.parse(text);
  z.fromJSONSchema(published as Parameters<typeof z.fromJSONSchema>[0]).parse(value);
  const schema: z.ZodType<DocumentContent<Name>> = typed[name];
  return schema.parse(value);
}

function bookOf(...hosts: readonly Host[]): void {
  writeFileSync(
    join(dataFolder, 'hosts.json'),
    JSON.stringify({ schema: 'snaptree.hostBook', version: hostBookVersion, hosts }),
  );
}

function host(digit: string, name: string): Host {
  const id = `${digit.repeat(8)}-0000-4000-8000-000000000000`;
  const authentication = { method: 'keyFile' as const, path: testbed.keyFile };
  const { host: address, port } = server;
  return { id, ...hostSettings({ name, connection: sshConnection({ address, port, user: 'root', authentication }) }) };
}

beforeAll(async () => {
  testbed = await up();
  server = await startSshServer({ name: 'c-cli', faults: true });
  vm = await createVirtualMachine({ name: 'c-cli' });
  made.push(vm);
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-cli-'));
  dataFolder = folder;
  writeFileSync(join(dataFolder, 'known_hosts'), `${server.knownHosts().join('\n')}\n`);
  bookOf(host('1', 'kvm1'));
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
});

afterAll(async () => {
  for (const machine of made) await deleteVirtualMachine(machine);
  await server.stop();
});

/** Others use the machine at the same time, and a VM that is just being removed counts as unread. */
const readCodes = [0, 5];

async function planFile(...parameters: readonly string[]): Promise<{ path: string; plan: Plan }> {
  const { plan } = await json('plan', 0, 'plan', ...parameters);
  const path = join(folder, `${plan.id}.json`);
  writeFileSync(path, JSON.stringify({ schema: 'snaptree.plan', version: 2, plan }));
  return { path, plan };
}

async function runs(...parameters: readonly string[]): Promise<Operation> {
  const { path } = await planFile(...parameters);
  const { operation } = await json('operation', 0, 'run', '--yes', path);
  expect(operation.state).toBe('succeeded');
  return operation;
}

async function snapshotNames(): Promise<readonly string[]> {
  const { stdout } = await virsh(['snapshot-list', '--name', vm.uuid]);
  return stdout.split('\n').filter((name) => name !== '');
}

/** Milliseconds for a test: each starts a dozen processes, each of which connects and reads a whole host. */
const timeout = 240_000;

describe('reading', { timeout }, () => {
  it('prints data on stdout alone, as text and by the published schemas', async () => {
    const hosts = await snaptree('hosts');
    expect(hosts).toMatchObject({ code: 0, err: '' });
    expect(hosts.out).toContain('kvm1');
    await json('hosts', 0, 'hosts');

    const inventory = await snaptree('inventory');
    expect(readCodes).toContain(inventory.code);
    expect(inventory.out).toMatch(/^kvm1 {2}libvirt /);
    expect(inventory.out).toMatch(new RegExp(`^c-cli +shut off +0 +1 +${vm.uuid}$`, 'm'));
    const read = await snaptree('--json', 'inventory', 'kvm1');
    expect(readCodes).toContain(read.code);
    checked('inventory', read.out);

    const tree = await snaptree('tree', 'kvm1/c-cli');
    expect(tree.out).toContain(`${vm.uuid}  on kvm1\n● the present state (shut off)\n`);
    const treeDocument = await snaptree('tree', vm.uuid, '--json');
    expect(checked('tree', treeDocument.out).vm).toEqual({
      uuid: vm.uuid,
      name: 'c-cli',
      state: 'shutoff',
    });

    const image = vm.images['vda'] ?? '';
    const chain = await snaptree('chain', 'c-cli');
    expect(chain.out).toContain(image);
    const file = await snaptree('chain', image, '--json');
    const { chains } = checked('chain', file.out);
    expect(chains).toMatchObject([{ end: 'base', images: [{ id: image }] }]);
    // Nothing but what OpenSSH's files and the host book hold was made by looking.
    expect(chain.out + tree.out + inventory.out).not.toContain('\u001b');
  });

  it('reports, by the schema that is published', async () => {
    const report = await snaptree('report', '--all', '--json');
    expect(readCodes).toContain(report.code);
    const { totals, rows } = checked('report', report.out);
    expect(rows).toHaveLength(totals.rows);
    const path = join(folder, 'report.csv');
    const csv = await snaptree('report', 'kvm1', '--output', path);
    expect(readCodes).toContain(csv.code);
    expect(csv.out).toBe('');
    expect(csv.err).toContain(`${path}: `);
    expect(readFileSync(path, 'utf8')).toContain('c-cli');
  });

  it('says what names nothing, or several things, with the candidates', async () => {
    const { error } = await json('error', 7, 'tree', 'no such VM');
    expect(error.code).toBe('vmNotFound');
    bookOf(host('1', 'kvm1'), host('2', 'kvm2'));
    const ambiguous = await json('error', 7, 'tree', 'c-cli');
    expect(ambiguous.error.code).toBe('nameAmbiguous');
    expect(ambiguous.error.data['candidates']).toBe(`kvm1/${vm.uuid} (c-cli)\nkvm2/${vm.uuid} (c-cli)`);
    expect((await snaptree('tree', 'kvm2/c-cli')).out).toContain('on kvm2');
    expect((await snaptree('tree', 'c-cli', '--host', 'kvm1')).out).toContain('on kvm1');
  });

  it('plans nothing by a name that an unread host may have as well', async () => {
    const gone = host('2', 'gone');
    bookOf(host('1', 'kvm1'), { ...gone, connection: sshConnection({ address: '127.0.0.1', port: 1 }) });
    expect(await snaptree('tree', 'c-cli')).toMatchObject({ code: 5 });
    const refused = await snaptree('plan', 'create', 'c-cli', 'one');
    expect(refused).toMatchObject({ code: 7, out: '' });
    expect(refused.err).toContain('gone could not be read');
    expect(await snaptree('plan', 'create', 'kvm1/c-cli', 'one')).toMatchObject({ code: 0 });
  });

  it('ends quietly when its reader goes away', async () => {
    const { child, ended } = start(['--json', 'inventory', 'kvm1']);
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 141, out: '', err: '' });
  });

  it('asks nobody where there is no terminal', async () => {
    rmSync(join(dataFolder, 'known_hosts'));
    const unknown = await snaptree('inventory', 'kvm1');
    expect(unknown).toMatchObject({ code: 8, out: '' });
    expect(unknown.err).toMatch(/host key of kvm1 .* is not known: .*SHA256:.* There is no terminal to ask on/);
  });
});

/** Runs the command on a terminal of its own, and types `answer` when it shows `prompt`. */
async function onTerminal(parameters: readonly string[], prompt: string, answer: string): Promise<Ended> {
  const words = [process.execPath, program, '--data-folder', dataFolder, ...parameters];
  const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
  });
  let out = '';
  let answered = false;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    if (answered || !out.includes(prompt)) return;
    answered = true;
    child.stdin.write(answer);
  });
  await once(child, 'close');
  return { code: child.exitCode, out, err: '' };
}

describe('on a terminal', { timeout }, () => {
  it('asks for a passphrase without showing it, and uses colours', async () => {
    const locked = host('1', 'kvm1');
    const authentication = { method: 'keyFile' as const, path: testbed.protectedKeyFile };
    const { connection } = locked;
    if (connection.transport !== 'ssh') throw new Error('It is reached by SSH.');
    bookOf({ ...locked, connection: { ...connection, authentication } });
    const { code, out } = await onTerminal(['tree', 'c-cli'], 'Passphrase of', `${testbed.passphrase}\r`);
    expect(readCodes).toContain(code);
    expect(out).toContain('\u001b[1mc-cli\u001b[22m');
    expect(out).not.toContain(testbed.passphrase);
  });

  it('shows a plan and asks before it is run', async () => {
    const { path } = await planFile('create', 'c-cli', 'asked');
    const no = await onTerminal(['run', path], 'Type yes to do it: ', 'no\r');
    expect(no).toMatchObject({ code: 3 });
    expect(no.out).toContain('Nothing was done.');
    expect(await onTerminal(['run', path], 'Type yes to do it: ', '\u0003')).toMatchObject({ code: 130 });
    expect(await snapshotNames()).toEqual([]);
    const yes = await onTerminal(['run', path], 'Type yes to do it: ', 'yes\r');
    expect(yes).toMatchObject({ code: 0 });
    expect(yes.out).toContain('Step 2 of 2');
    expect(await snapshotNames()).toEqual(['asked']);
    await virsh(['snapshot-delete', vm.uuid, 'asked']);
  });
});

describe('a merge on a terminal', { timeout }, () => {
  it('says how far it is while it copies', async () => {
    const machine = await createVirtualMachine({ name: 'c-cli-far', disks: [{ target: 'vda' }], running: true });
    made.push(machine);
    const overlay = join(machine.folder, 'over.qcow2');
    await virsh([
      ...['snapshot-create-as', machine.uuid, '--name=over', '--disk-only', '--atomic'],
      ...['--diskspec', `vda,snapshot=external,file=${overlay}`],
    ]);
    await writeGuestDisk(machine, 'vda', 0x71, 4 * 1024 ** 2, 16 * 1024 ** 2);
    // It tells every four seconds. QEMU copies 16 MiB before it minds a limit.
    const { path } = await planFile('merge', 'c-cli-far', '--base', machine.images['vda'] ?? '', '--limit', '2');
    const { code, out } = await onTerminal(['run', path], 'Type yes to do it: ', 'yes\r');
    expect(code).toBe(0);
    expect(out).toMatch(/Step \d of \d \(\d+ s, [\d.]+ MiB of [\d.]+ MiB(, [^)]*)?\): Merge /);
    expect(await guestDiskHasPattern(machine, 'vda', 0x71, 4 * 1024 ** 2, 16 * 1024 ** 2)).toBe(true);
  });
});

describe('completion', { timeout }, () => {
  it.each([
    [
      'bash',
      'source <(snaptree completion bash); COMP_WORDS=(snaptree plan cr); COMP_CWORD=2; _snaptree; printf "%s\\n" "${COMPREPLY[@]}"',
      'create\n',
    ],
    [
      'zsh',
      'compdef() { : }; _describe() { print -rl -- "${found[@]}" }; source <(snaptree completion zsh); words=(snaptree plan cr); CURRENT=3; _snaptree',
      'create:plan a new snapshot\n',
    ],
    ['fish', 'snaptree completion fish | source; complete -C "snaptree inventory k"', 'kvm1\thost\n'],
  ])('works in %s', async (shell, script, expected) => {
    const command = join(folder, 'snaptree');
    writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    chmodSync(command, 0o755);
    const child = spawn(shell, [...(shell === 'zsh' ? ['-f'] : []), '-c', script], {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}`, SNAPTREE_DATA: dataFolder, HOME: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    await once(child, 'close');
    expect(out).toBe(expected);
  });
});

describe('a change', { timeout }, () => {
  it('is planned, run and taken back, and the data is what it should be', async () => {
    await writeGuestDisk(vm, 'vda', 0x11);
    const script = await snaptree('plan', 'create', 'c-cli', 'first', '--script');
    expect(script.out).toMatch(/^#!\/bin\/sh\n/);
    const created = await runs('create', 'c-cli', 'first', '--description', 'by the command line');
    expect(await snapshotNames()).toEqual(['first']);
    await expect(virsh(['snapshot-dumpxml', vm.uuid, 'first'])).resolves.toMatchObject({
      stdout: expect.stringContaining('by the command line') as string,
    });
    await writeGuestDisk(vm, 'vda', 0x22);
    expect(await guestDiskHasPattern(vm, 'vda', 0x11)).toBe(false);

    const reverted = await runs('revert', 'c-cli', 'first', '--no-save');
    expect(await guestDiskHasPattern(vm, 'vda', 0x11)).toBe(true);
    const none = await snaptree('operations', 'undo', reverted.id, '--yes');
    expect(none).toMatchObject({ code: 1, out: '' });
    expect(none.err).toContain('cannot be undone: the state before the revert was not saved first');

    const undone = await snaptree('operations', 'undo', created.id.slice(0, 8), '--yes');
    expect(undone).toMatchObject({ code: 0 });
    expect(undone.out).toMatch(/^Done: Delete the snapshot "first" of c-cli/);
    expect(await snapshotNames()).toEqual([]);
    expect(await guestDiskHasPattern(vm, 'vda', 0x11)).toBe(true);

    const { operations } = await json('operations', 0, 'operations');
    expect(operations.map(({ plan, state }) => [plan.request.action, state])).toEqual([
      ['deleteSnapshot', 'succeeded'],
      ['revertToSnapshot', 'succeeded'],
      ['createSnapshot', 'succeeded'],
    ]);
    await json('operation', 0, 'operations', 'show', created.id.slice(0, 8));
  });

  it('that goes back keeps what was before, and is taken back', async () => {
    await runs('create', 'c-cli', 'root');
    await writeGuestDisk(vm, 'vda', 0x55);
    const reverted = await runs('revert', 'c-cli', 'root', '--save-as', 'kept');
    expect(await snapshotNames()).toEqual(expect.arrayContaining(['root', 'kept']));
    expect(await guestDiskHasPattern(vm, 'vda', 0x55)).toBe(false);
    const undone = await snaptree('operations', 'undo', reverted.id, '--yes');
    expect(undone).toMatchObject({ code: 0 });
    expect(undone.out).toMatch(/^Done: Revert c-cli to the snapshot "kept"/);
    expect(await guestDiskHasPattern(vm, 'vda', 0x55)).toBe(true);
    for (const name of await snapshotNames()) await virsh(['snapshot-delete', vm.uuid, name]);
  });

  it('is not taken back where another snapshot has the name by now', async () => {
    const created = await runs('create', 'c-cli', 'again');
    // libvirt knows the time of a snapshot in seconds.
    await delay(1100);
    await virsh(['snapshot-delete', vm.uuid, 'again']);
    await writeGuestDisk(vm, 'vda', 0x33);
    await virsh(['snapshot-create-as', vm.uuid, 'again']);
    await writeGuestDisk(vm, 'vda', 0x44);
    const undone = await snaptree('operations', 'undo', created.id, '--yes');
    expect(undone).toMatchObject({ code: 1, out: '' });
    expect(undone.err).toContain('is another one, made at another time');
    expect(await snapshotNames()).toEqual(['again']);
    await virsh(['snapshot-revert', vm.uuid, 'again']);
    expect(await guestDiskHasPattern(vm, 'vda', 0x33)).toBe(true);
    await virsh(['snapshot-delete', vm.uuid, 'again']);
  });

  it('leaves no lock on the host when the command has ended', async () => {
    await runs('create', 'c-cli', 'locked');
    expect(() => readFileSync(snaptreeLock(vm.uuid))).toThrow('ENOENT');
    await runs('delete', 'c-cli', 'locked');
  });

  it('is not run without a yes, from an edited file, or when the host has changed', async () => {
    const { path, plan } = await planFile('create', 'c-cli', 'never');
    const unasked = await snaptree('run', path);
    expect(unasked).toMatchObject({ code: 3, out: '' });
    expect(unasked.err).toContain('give --yes');

    const [step] = plan.steps;
    const argv = step?.argv.map((word) => (word === '--name=never' ? '--name=other' : word)) ?? [];
    const edited = { ...plan, steps: [{ ...step, argv }] };
    const text = JSON.stringify({ schema: 'snaptree.plan', version: 2, plan: edited });
    const fromStdin = await start(['run', '--yes', '-'], text).ended;
    expect(fromStdin).toMatchObject({ code: 3, out: '' });
    expect(fromStdin.err).toContain('it was edited');

    await virsh(['snapshot-create-as', vm.uuid, 'by-others']);
    const { error } = await json('error', 4, 'run', '--yes', path);
    expect(error.code).toBe('planStale');
    expect(await snapshotNames()).toEqual(['by-others']);
    await virsh(['snapshot-delete', vm.uuid, 'by-others']);
  });

  it('merges images down and up, and the chain and the data are what they should be', async () => {
    const machine = await createVirtualMachine({ name: 'c-cli-merge', disks: [{ target: 'vda' }] });
    made.push(machine);
    const base = machine.images['vda'] ?? '';
    const file = (name: string) => join(machine.folder, `${name}.qcow2`);
    const mebibyte = 1024 ** 2;
    await writeGuestDisk(machine, 'vda', 0x61, 4 * mebibyte);
    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      await virsh([
        ...['snapshot-create-as', machine.uuid, `--name=${name}`, '--disk-only', '--atomic'],
        ...['--diskspec', `vda,snapshot=external,file=${file(name)}`],
      ]);
      await writeGuestDisk(machine, 'vda', 0x62 + index, (8 + 4 * index) * mebibyte);
    }
    const chain = async () => {
      const { code, out } = await snaptree('--json', 'chain', 'c-cli-merge');
      expect(readCodes).toContain(code);
      const { chains } = checked('chain', out);
      return chains[0]?.images.map(({ id }) => id);
    };
    expect(await chain()).toEqual([file('three'), file('two'), file('one'), base]);

    const unknown = await json('error', 7, 'plan', 'merge', 'c-cli-merge', '--base', 'nowhere.qcow2');
    expect(unknown.error.data['candidates']).toBe([file('three'), file('two'), file('one'), base].join('\n'));
    expect(await snaptree('plan', 'pull', 'c-cli-merge')).toMatchObject({ code: 2, out: '' });
    const upsideDown = ['--base', 'three.qcow2', '--top', 'one.qcow2'];
    const refused = await snaptree('plan', 'merge', 'c-cli-merge', ...upsideDown);
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.out).toContain('nothing to merge between');

    const { plan } = await runs('merge', 'c-cli-merge', '--base', 'one.qcow2', '--top', 'two.qcow2', '--limit', '100');
    expect(plan.request).toMatchObject({
      ranges: [{ target: 'vda', topId: file('two'), baseId: file('one') }],
      bytesPerSecond: 100 * mebibyte,
    });
    expect(await chain()).toEqual([file('three'), file('one'), base]);
    expect(existsSync(file('two'))).toBe(false);

    await runs('pull', 'c-cli-merge', '--base', base);
    expect(await chain()).toEqual([file('three'), base]);
    expect(existsSync(file('one'))).toBe(true);
    await runs('pull', 'c-cli-merge', '--flatten');
    expect(await chain()).toEqual([file('three')]);
    for (const [index, byte] of [0x61, 0x62, 0x63, 0x64].entries()) {
      expect(await guestDiskHasPattern(machine, 'vda', byte, (4 + 4 * index) * mebibyte)).toBe(true);
    }
  });

  it('that is refused is printed with its reason', async () => {
    await virsh(['snapshot-create-as', vm.uuid, 'taken']);
    const refused = await snaptree('plan', 'create', 'c-cli', 'taken');
    expect(refused).toMatchObject({ code: 3, err: '' });
    expect(refused.out).toMatch(/Refused:\n {2}.*already has a snapshot/);
    expect(await snaptree('plan', 'create', 'c-cli', 'taken', '--script')).toMatchObject({ code: 3, out: '' });
    await virsh(['snapshot-delete', vm.uuid, 'taken']);
  });

  it('is refused while another Snaptree works in the data folder, and reading is not', async () => {
    const { path } = await planFile('create', 'c-cli', 'never');
    const lock = await acquireInstanceLock(join(dataFolder, 'instance.lock'));
    try {
      expect(await snaptree('plan', 'create', 'c-cli', 'never')).toMatchObject({ code: 0 });
      expect(await snaptree('operations')).toMatchObject({ code: 0 });
      const inUse = await snaptree('run', '--yes', path);
      expect(inUse).toMatchObject({ code: 9, out: '' });
      expect(inUse.err).toContain(`process ${process.pid}`);
    } finally {
      lock.release();
    }
  });

  it('goes on on the host when its user leaves, and is found again', async () => {
    const { path } = await planFile('create', 'c-cli', 'left');
    const held = server.addFault({ command: 'snapshot-create-as', vm: vm.uuid, effect: 'hold' });
    try {
      const { child, ended } = start(['run', '--yes', path]);
      await held.reached();
      child.kill('SIGINT');
      let said = '';
      child.stderr?.on('data', (chunk: string) => (said += chunk));
      await waitUntil('the command to say what stopping does', () => said.includes('Ctrl-C again leaves it'));
      child.kill('SIGINT');
      const left = await ended;
      expect(left).toMatchObject({ code: 130, out: '' });
      expect(left.err).toContain('Step 2 of 2 goes on on kvm1; the VM stays locked');

      const { operations } = await json('operations', 0, 'operations');
      const [operation] = operations;
      expect(operation?.state).toBe('interrupted');
      held.release();
      await waitUntil('the step to end', async () => (await snapshotNames()).includes('left'));
      const id = operation?.id ?? '';
      await snaptree('operations', 'examine', id);
      const resumed = await snaptree('operations', 'resume', id, '--yes');
      expect(resumed, resumed.err).toMatchObject({ code: 0 });
      expect(() => readFileSync(snaptreeLock(vm.uuid))).toThrow('ENOENT');
      await runs('delete', 'c-cli', 'left');
    } finally {
      held.remove();
    }
  });
});
