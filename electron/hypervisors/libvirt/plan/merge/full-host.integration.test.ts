/** The scripts of steps on a host whose temporary files have no room: what they do ends, and is not done by halves. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../../../../../e2e/testbeds/run.ts';
import { internal, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import { adoptArgv } from '../repair/adopt-script.ts';
import { describeArgv } from '../records/rewrite-record.ts';
import { dropRecordsArgv } from './drop-records.ts';
import { offlineCommitArgv } from './image-script.ts';

let folder: string;
let small: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-full-'));
  small = join(folder, 'small');
  await mkdir(small);
  // Names can be made there, and nothing be written.
  await run('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'snaptree-test', small]);
  await run('dd', ['if=/dev/zero', `of=${join(small, 'filler')}`, 'bs=4k'], { expect: [1] });
});
afterEach(async () => {
  await run('umount', [small]);
  await rm(folder, { recursive: true });
});

const record = '<domainsnapshot>\n  <name>x</name>\n</domainsnapshot>';

/** Runs a script there, with a libvirt that has one record and notes what it is to change. */
async function runThere([program = '', ...words]: readonly string[], temporary = small) {
  const virsh = `#!/bin/sh
case "$3 $*" in
  domstate*) echo 'shut off' ;;
  uri*) ;;
  dumpxml*) echo '<domain/>' ;;
  *--snapshotname=y*) exit 1 ;;
  snapshot-dumpxml*) printf '%s\\n' '${record}' ;;
  *) echo "$3" >>'${folder}/changes' ;;
esac
`;
  await writeFile(join(folder, 'virsh'), virsh, { mode: 0o755 });
  const environment = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, TMPDIR: temporary };
  const { exitCode, stderr } = await run(program, words, { environment, expect: [0, 1, 2] });
  return { exitCode, stderr, isChanged: existsSync(join(folder, 'changes')) };
}

test('a merge ends, and says that it did', async () => {
  const [base, top] = [join(folder, 'base.qcow2'), join(folder, 'top.qcow2')];
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', base, '1M']);
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, top]);
  await run('qemu-io', ['-c', 'write -q -P 0x5a 0 64k', top]);
  const vmUuid = '11111111-1111-4111-8111-111111111111';
  const commit = { uri: 'u', vmUuid, top, topFormat: 'qcow2', base, bytes: 65_536, mark: '' };
  expect(await runThere(offlineCommitArgv(commit))).toMatchObject({ exitCode: 0, stderr: '' });
  await run('qemu-io', ['-r', '-c', 'read -q -P 0x5a 0 64k', base]);
});

test.each([
  ['removed', dropRecordsArgv],
  [
    'described anew',
    (_: unknown, __: unknown, context: Parameters<typeof describeArgv>[2]) => describeArgv('x', 'new', context),
  ],
] as const)('a record that cannot be read to its end is not %s', async (_what, argvOf) => {
  const snapshot = internal('x', null);
  const argv = argvOf([snapshot], null, { uri: 'u', vm: vm({ snapshots: [snapshot] }) } as never);
  const { exitCode, stderr, isChanged } = await runThere(argv);
  expect(stderr).toMatch(/could not be written to .*\/small\/.*free space/);
  expect({ exitCode, isChanged }).toEqual({ exitCode: 1, isChanged: false });
});

const adopted = { name: 'y', description: '', parentName: null, createdAt: 1, hasMemory: false, isCurrent: false };

test.each([
  ['rewritten', describeArgv('x', 'new', { uri: 'u', vm: vm({ snapshots: [internal('x', null)] }) } as never)],
  ['made', adoptArgv({ ...adopted, disks: [], childNames: [] }, { uri: 'u', vmUuid: 'v' })],
])('a record is not %s where libvirt has no room for it: it would give it up', async (_what, argv) => {
  const df = `#!/bin/sh
echo head
echo "tmpfs 100 100 4 96% $2"
`;
  await writeFile(join(folder, 'df'), df, { mode: 0o755 });
  const { exitCode, stderr, isChanged } = await runThere(argv, folder);
  expect(stderr).toContain('4 KiB are free in /var/lib/libvirt/qemu');
  expect({ exitCode, isChanged }).toEqual({ exitCode: 1, isChanged: false });
});
