/** Batches on the command line, over a simulated host. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { createSimulatedTestbed, type SimulatedVm } from '../../simulator/simulated-testbed.fixtures.ts';
import { exitCodes } from './exit-codes.ts';
import { createSimulatedCli } from './simulated-cli.fixtures.ts';

const testbed = createSimulatedTestbed();
const { folder, run, remove } = createSimulatedCli(testbed, 'kvm1');
const names = ['web', 'my db'];
const uuids = new Map<string, string>();
const made: SimulatedVm[] = [];
const mebibyte = 1024 ** 2;

const recordsOf = async (name: string) =>
  (await testbed.virsh(['snapshot-list', uuids.get(name) ?? '', '--name'])).stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();

/** A file with this content. */
function file(name: string, ...lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

/** Both VMs anew, with three internal snapshots each. */
beforeEach(async () => {
  for (const name of names) {
    const vm = await testbed.createVirtualMachine({ name, folder: name, disks: [{ target: 'vda' }] });
    uuids.set(name, vm.uuid);
    made.push(vm);
    for (const [index, snapshot] of ['nightly-1', 'nightly-2', 'keep'].entries()) {
      await testbed.writeGuestDisk(vm, 'vda', 0xb0 + index, index * mebibyte);
      await testbed.virsh(['snapshot-create-as', vm.uuid, snapshot]);
    }
  }
});
afterEach(async () => {
  for (const vm of made.splice(0)) await testbed.deleteVirtualMachine(vm);
});
afterAll(remove);

it('plans and runs the lines of a file, those of each VM in order, and says what became of each', async () => {
  const lines = file(
    'lines.txt',
    '# weekly',
    'delete web nightly-1',
    '',
    `create 'my db' "the new one"`,
    'delete "my db" keep',
  );
  const planned = await run(false, 'plan', 'batch', lines, '--json');
  expect(planned).toMatchObject({ exitCode: exitCodes.done, err: '' });
  const batchFile = file('batch.json', planned.out);
  const ran = await run(false, 'run', '--yes', batchFile);
  expect(ran.out).toBe('Make 3 changes of 2 VMs on kvm1: 3 done.\n');
  expect(ran.exitCode).toBe(exitCodes.done);
  expect(await recordsOf('web')).toEqual(['keep', 'nightly-2']);
  expect(await recordsOf('my db')).toEqual(['nightly-1', 'nightly-2', 'the new one']);
  const { out } = await run(false, 'batches');
  expect(out).toContain('succeeded');
  expect(out).toContain('3 done');
});

it('deletes what the conditions hold for, and nothing else', async () => {
  const parameters = ['plan', 'batch', '--delete', '--name-matches', 'nightly-?', '--vm', 'w*'];
  const shown = await run(false, ...parameters);
  expect(shown.err).toBe('');
  expect(shown.out).toContain('Delete 2 snapshots of web on kvm1');
  expect(shown.out).not.toContain('my db');
  const batchFile = file('batch.json', (await run(false, ...parameters, '--json')).out);
  expect(await run(false, 'run', '--yes', batchFile)).toMatchObject({ exitCode: exitCodes.done });
  expect(await recordsOf('web')).toEqual(['keep']);
  expect(await recordsOf('my db')).toEqual(['keep', 'nightly-1', 'nightly-2']);
  expect(await run(false, ...parameters)).toMatchObject({ out: '', exitCode: exitCodes.notFound });
});

it('takes nothing for old that was made just now', async () => {
  const { out, err, exitCode } = await run(false, 'plan', 'batch', '--delete', '--older-than', '1h');
  expect([out, exitCode]).toEqual(['', exitCodes.notFound]);
  expect(err).toContain('nothing to plan');
});

it('creates one snapshot of each VM', async () => {
  const parameters = ['plan', 'batch', '--create', 'before-upgrade', '--kind', 'external', '--vm', '*', '--json'];
  const batchFile = file('batch.json', (await run(false, ...parameters)).out);
  expect(await run(false, 'run', '--yes', batchFile)).toMatchObject({ exitCode: exitCodes.done });
  for (const name of names) expect(await recordsOf(name)).toContain('before-upgrade');
});

it('names every line that it does not understand, and plans nothing', async () => {
  const lines = file(
    'lines.txt',
    'delete web keep',
    'delete web',
    'frob web',
    `create 'a`,
    'batch x',
    '--help',
    'create web x --kind y',
  );
  const { out, err, exitCode } = await run(false, 'plan', 'batch', lines);
  expect([out, exitCode]).toEqual(['', exitCodes.usage]);
  for (const number of [2, 3, 4, 5, 6, 7]) expect(err).toContain(`Line ${number}: `);
  expect(err).not.toContain('Line 1:');
});

it('names every line whose VM or snapshot is not there', async () => {
  const lines = file('lines.txt', 'delete web keep', 'delete web gone', 'delete nobody keep');
  const { out, err, exitCode } = await run(false, 'plan', 'batch', lines);
  expect([out, exitCode]).toEqual(['', exitCodes.usage]);
  expect(err).toContain('Line 2: The VM web has no snapshot named “gone”');
  expect(err).toContain('Line 3: There is no VM named “nobody”');
});

it('names every line whose host is not there, or that is no line of such a file', async () => {
  const hosts = file(
    'hosts.txt',
    'delete web keep',
    'delete web keep --host nowhere',
    'delete web keep --host neither',
  );
  const there = await run(false, 'plan', 'batch', hosts);
  expect(there).toMatchObject({ out: '', exitCode: exitCodes.usage });
  for (const said of ['Line 2: There is no host named “nowhere”', 'Line 3: ']) expect(there.err).toContain(said);
  const other = await run(false, 'plan', 'batch', file('other.txt', 'delete web keep', 'x'.repeat(5_000_000)));
  expect(other).toMatchObject({ out: '', exitCode: exitCodes.usage });
  expect(other.err).toContain('Line 2: It has 5000000 characters.');
});

it('is not about fewer VMs than are named, nor about more changes than anybody looks at', async () => {
  const parameters = ['plan', 'batch', '--create', 'x', '--vm', 'web', '--vm'];
  const misspelt = await run(false, ...parameters, 'my bd');
  expect(misspelt).toMatchObject({ out: '', exitCode: exitCodes.notFound });
  expect(misspelt.err).toContain('“my bd”');
  const pattern = await run(false, ...parameters, 'db*');
  expect(pattern).toMatchObject({ exitCode: exitCodes.done });
  expect(pattern.err).toContain('No VM that was read is named “db*”.');
  const many = Array.from({ length: 501 }, (_, index) => `create web s${index}`);
  const { err, exitCode } = await run(false, 'plan', 'batch', file('many.txt', ...many));
  expect(exitCode).toBe(exitCodes.usage);
  expect(err).toContain('501 changes, and a batch has 500 at most');
});

it('leaves out what is refused, and runs the rest', async () => {
  const lines = file('lines.txt', 'create web keep', 'create web new', 'delete "my db" nightly-1');
  const shown = await run(false, 'plan', 'batch', lines);
  expect(shown.out).toContain('2 changes to be made, 1 left out.');
  expect(shown.out).toContain('left out: Create');
  const batchFile = file('batch.json', (await run(false, 'plan', 'batch', lines, '--json')).out);
  const ran = await run(false, 'run', '--yes', batchFile);
  expect(ran).toMatchObject({ exitCode: exitCodes.failed });
  expect(ran.out).toContain('1 left out, 2 done');
  expect(await recordsOf('web')).toEqual(['keep', 'new', 'nightly-1', 'nightly-2']);
  expect(await recordsOf('my db')).toEqual(['keep', 'nightly-2']);
});

it('deletes nothing of a VM whose snapshot before that cannot be made', async () => {
  const lines = file('lines.txt', 'create web keep', 'delete web nightly-1', 'revert web nightly-2 --no-save');
  const { out, exitCode } = await run(false, 'plan', 'batch', lines);
  expect(exitCode).toBe(exitCodes.refused);
  expect(out).toContain('0 changes to be made, 3 left out.');
  expect(out).toContain('may have been the way back');
});

it('makes a snapshot anew whose name one before it gives up, and deletes once what is asked for twice', async () => {
  const lines = file(
    'lines.txt',
    'delete web keep',
    'create web keep',
    'delete "my db" keep',
    `delete 'my db' nightly-2 --with-descendants`,
  );
  const batchFile = file('batch.json', (await run(false, 'plan', 'batch', lines, '--json')).out);
  const ran = await run(false, 'run', '--yes', batchFile);
  expect(ran).toMatchObject({ exitCode: exitCodes.done });
  expect(ran.out).toContain(': 3 done.');
  expect(await recordsOf('web')).toEqual(['keep', 'nightly-1', 'nightly-2']);
  expect(await recordsOf('my db')).toEqual(['nightly-1']);
});

it('does not run a file that was edited, nor one whose host has changed since', async () => {
  const { out } = await run(false, 'plan', 'batch', '--delete', '--name-matches', 'nightly-1', '--json');
  // Every place but the steps that were reviewed.
  const changedRequests = out.replaceAll('"snapshotId": "nightly-1"', '"snapshotId": "keep"');
  expect(changedRequests).not.toBe(out);
  const edited = await run(false, 'run', '--yes', file('batch.json', changedRequests));
  expect(edited).toMatchObject({ exitCode: exitCodes.stale });
  await testbed.virsh(['snapshot-create-as', uuids.get('web') ?? '', 'meanwhile']);
  const changed = await run(false, 'run', '--yes', file('batch.json', out));
  expect(changed).toMatchObject({ exitCode: exitCodes.stale });
  expect(changed.err).toContain('VM web');
  expect(await recordsOf('web')).toEqual(['keep', 'meanwhile', 'nightly-1', 'nightly-2']);
  expect(await recordsOf('my db')).toEqual(['keep', 'nightly-1', 'nightly-2']);
});

it.each([
  [['plan', 'batch'], 'give either a file'],
  [['plan', 'batch', '--delete'], 'needs a condition'],
  [['plan', 'batch', '--create', 'x'], 'needs --vm'],
  [['plan', 'batch', 'x', '--older-than', '3d'], 'are for --delete'],
])('%j is not understood', async (parameters, said) => {
  const { err, exitCode } = await run(false, ...parameters);
  expect(exitCode).toBe(exitCodes.usage);
  expect(err).toContain(said);
});
