/** The scripts that write records, with a virsh in front of them whose libvirt is away for a while. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../../../../../e2e/testbeds/run.ts';
import { internal, vm } from '../../../../../shared/model/inventory.fixtures.ts';
import { dropRecordsArgv } from './drop-records.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snaptree-virsh-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A libvirt with one record, which does not answer the calls of these numbers (from 1), and does what it is told at `lost` all the same. */
async function drop(away: readonly number[], lost: readonly number[] = []) {
  const virsh = `#!/bin/sh
shift 2
echo "$1" >>'${folder}/calls'
number=$(wc -l <'${folder}/calls')
case " ${lost.join(' ')} " in *" $number "*) [ "$1" = snapshot-delete ] && : >'${folder}/gone' ;; esac
case " ${[...away, ...lost].join(' ')} " in *" $number "*) echo 'error: failed to connect to the hypervisor' >&2; echo; exit 1 ;; esac
case $1 in
  snapshot-dumpxml) if [ -e '${folder}/gone' ]; then echo 'error: Domain snapshot not found' >&2; echo; exit 1; fi; echo '<domainsnapshot/>' ;;
  snapshot-delete) [ ! -e '${folder}/gone' ] || exit 1; : >'${folder}/gone' ;;
esac
`;
  await writeFile(join(folder, 'virsh'), virsh, { mode: 0o755 });
  const snapshot = internal('x', null);
  const [program = '', ...words] = dropRecordsArgv([snapshot], null, { uri: 'u', vm: vm({ snapshots: [snapshot] }) });
  const environment = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  const { exitCode, stderr } = await run(program, words, { environment, expect: [0, 1] });
  const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
  const isGone = await readFile(join(folder, 'gone')).then(
    () => true,
    () => false,
  );
  return { exitCode, stderr, calls, isGone };
}

test.each([
  ['when it is asked for the record', [1]],
  ['when the record is to go', [2]],
  ['for a while', [1, 2, 3]],
] as const)('libvirt is waited for where it is away %s', async (_when, away) => {
  const { exitCode, stderr, isGone } = await drop(away);
  expect(stderr).toBe('');
  expect({ exitCode, isGone }).toEqual({ exitCode: 0, isGone: true });
});

test('a record that went, with an answer that was lost, is gone', async () => {
  expect(await drop([], [2])).toMatchObject({ exitCode: 0, isGone: true });
});
