/** What the scripts ask of VMs whose QEMU does not answer: run by this computer's shell, with a virsh of the test's own. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newNonce, parseFrames } from '../../../../hosts/commands/frames.ts';
import { changesScript, inventoryScript } from './batch-script.ts';
import { sortAnswers, type VmAnswers } from '../host-answers.ts';

const uuid = (name: string): string => `00000000-0000-0000-0000-00000000000${name}`;
const names = ['a', 'b', 'c', 'd'];
/** Not that of libvirt's own files. */
const uri = 'qemu+unix:///system';

/**
 * The language of virsh is near enough to the shell's. Of a VM with a file `hangs-UUID` a block job is asked for without an end,
 * and from then on the VM is held, as it is where there is a file `held-UUID` with the words of domcontrol.
 */
const virsh = (folder: string): string => `#!/bin/sh
cd ${folder}
for words; do :; done
echo() { printf '%s\\n' "$*"; }
list() { case "$*" in *snapshot*|*save*|*checkpoint*|*paused*|*shutoff*|*other*) ;; *) cat uuids;; esac; }
version() { cat version; }
domname() { echo "vm $1"; }
domstate() { echo 'running (booted)'; }
domcontrol() { for vm; do :; done; vm=\${vm#--domain=}; if [ -e "held-$vm" ]; then cat "held-$vm"; else echo ok; fi; }
domjobinfo() { echo "job $1" >> log; echo 'Job type:         None'; }
dumpxml() {
  for vm; do :; done
  echo "definition $vm" >> log
  ! grep -q 'daemon: 11' version || [ ! -e "held-$vm" ] || exec sleep 60
  printf '%s\\n' "<domain type='kvm'>" "  <uuid>$vm</uuid>" '  <devices>' "    <disk type='file' device='cdrom'>" "      <target dev='sda'/>" '    </disk>' "    <disk type='file' device='disk'>" "      <source file='/x'/>" "      <target dev='vda' bus='virtio'/>" '    </disk>' '  </devices>' '</domain>'
}
blockjob() {
  echo "blockjob $1 $2" >> log
  [ ! -e "hangs-$1" ] || { echo 'occupied (4.001s)' > "held-$1"; exec sleep 60; }
}
eval "$(printf '%s' "$words" | sed -e 's/snapshot-list/:/g' -e 's/snapshot-current/:/g' -e 's/pool-list/:/g')"
`;

const hasTools = ((): boolean => {
  try {
    execFileSync('timeout', ['-k', '1', '1', 'true']);
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!hasTools)('of VMs whose QEMU does not answer', () => {
  let folder: string;

  const put = (file: string, text: string): void => {
    writeFileSync(join(folder, file), text);
  };
  const log = (): string[] =>
    (existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8') : '').split('\n');
  const asked = (pattern: RegExp): string[] => log().filter((line) => pattern.test(line));
  function run(makeScript: (nonce: string) => string): ReadonlyMap<string, VmAnswers> {
    rmSync(join(folder, 'log'), { force: true });
    const nonce = newNonce();
    const environment = { ...process.env, LC_ALL: 'C', PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const stdout = execFileSync('sh', ['-s'], { input: makeScript(nonce), env: environment, encoding: 'utf8' });
    return new Map(sortAnswers(parseFrames(stdout, nonce, 'test')).vms.map((vm) => [vm.uuid.slice(-1), vm]));
  }
  const read = () => run((nonce) => inventoryScript(nonce, uri));
  const look = (definitionsWait: boolean) =>
    run((nonce) =>
      changesScript(nonce, uri, {
        disks: new Map(names.map((name) => [uuid(name), ['vda']])),
        withSnapshots: [],
        pools: [],
        volumes: [],
        knowsCheckpoints: false,
        definitionsWait,
        stamp: '',
        outline: '',
      }),
    );
  const withJobs = (vms: ReadonlyMap<string, VmAnswers>): string[] =>
    [...vms].filter(([, { job }]) => job !== null).map(([name]) => name);
  const withDefinition = (vms: ReadonlyMap<string, VmAnswers>): string[] =>
    [...vms].filter(([, { domain }]) => domain.includes('</domain>')).map(([name]) => name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'snaptree-virsh-'));
    put('virsh', virsh(folder));
    chmodSync(join(folder, 'virsh'), 0o755);
    put('uuids', `${names.map(uuid).join('\n')}\n`);
    put('version', 'Using library: libvirt 9.0.0\nRunning against daemon: 9.0.0\n');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('two are asked once each, and never again while they are held; the others are read whole', () => {
    for (const name of ['b', 'c']) put(`hangs-${uuid(name)}`, '');
    const first = read();
    expect(withDefinition(first)).toEqual(names);
    expect(withJobs(first)).toEqual(['a', 'd']);
    expect(first.get('d')?.blockJobs.get('vda')?.trim()).toBe('');
    expect(first.get('a')?.blockJobs.has('sda')).toBe(false);
    for (const name of ['b', 'c']) {
      expect(first.get(name)?.control).toContain('occupied');
      expect(asked(/^blockjob/).filter((line) => line.includes(uuid(name)))).toHaveLength(1);
    }
    for (const again of [read, () => look(false)]) {
      const vms = again();
      expect(withDefinition(vms)).toEqual(names);
      expect(withJobs(vms)).toEqual(['a', 'd']);
      expect(asked(/^(blockjob|job) .*[bc]\b/)).toEqual([]);
    }
  }, 60_000);

  it('where definitions wait, they cost no other its definition, and only one at which somebody works is asked, alone', () => {
    put('version', 'Using library: libvirt 11.3.0\nRunning against daemon: 11.3.0\n');
    put(`held-${uuid('b')}`, 'background job (5.000s)\n');
    put(`held-${uuid('c')}`, 'occupied (5.000s)\n');
    const vms = read();
    expect(withDefinition(vms)).toEqual(['a', 'd']);
    expect(withJobs(vms)).toEqual(['a', 'd']);
    expect(asked(/^definition .*b$/)).toHaveLength(1);
    expect(asked(/^definition .*c$/)).toEqual([]);
    expect(withDefinition(look(true))).toEqual(['a', 'd']);
    expect(asked(/^definition .*[bc]$/)).toEqual([]);
  }, 60_000);
});
