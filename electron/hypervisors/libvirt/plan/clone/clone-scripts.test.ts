/** The scripts of clones, with a virsh and a qemu-img that only do what is asked here. What real ones do is tested beside this. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkDefinitionWords, defineArgv, definitionScript, type NewDefinition } from './definition-script.ts';
import { copyArgv, copyStoreArgv, removeArgv } from './image-scripts.ts';

const uuid = '5ce0b4b1-24ba-4bd1-9a32-3c0a1d8ca001';
let folder = '';
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-clone-scripts-'));
  mkdirSync(at('bin'));
  mkdirSync(at('operation/1'), { recursive: true });
  program('qemu-img', 'for last; do shift $(($# > 2 ? 1 : 0)); done; cat -- "$1" >"$2"');
  program(
    'virsh',
    `case "$3" in dumpxml) cat '${at('before.xml')}' ;; domstate) echo 'shut off' ;; define) cat "\${4#--file=}" >'${at('after.xml')}' ;; list) cat '${at('vms')}' ;; *) exit 1 ;; esac`,
  );
  writeFileSync(at('vms'), '');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function program(name: string, script: string): void {
  writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${script}\n`);
  chmodSync(at(`bin/${name}`), 0o755);
}

/** As a step of an operation. */
function run([command = '', ...words]: readonly string[]) {
  const { status, stderr } = spawnSync(command, words, {
    env: { PATH: `${at('bin')}:${process.env['PATH'] ?? ''}`, SNAPTREE_STEP: at('operation/1') },
    encoding: 'utf8',
  });
  return { status, stderr };
}

const definition = (parts: Partial<NewDefinition> = {}): NewDefinition => ({
  uri: 'qemu:///system',
  vmUuid: '0f0b4b1c-24ba-4bd1-9a32-3c0a1d8ca000',
  newVm: { uuid, name: 'new' },
  nvramFile: null,
  images: new Map([['vda', '/images/new.qcow2']]),
  fromPresent: true,
  sources: [],
  ...parts,
});

function vmWith(devices: string, os = ''): void {
  writeFileSync(
    at('before.xml'),
    `<domain type='kvm'>
  <name>old</name>
  <uuid>0f0b4b1c-24ba-4bd1-9a32-3c0a1d8ca000</uuid>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
${os}  </os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/images/old.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>
${devices}  </devices>
</domain>
`,
  );
}

it.each([
  ['firmware', '', "    <loader readonly='no' type='pflash'>/old_CODE.fd</loader>\n"],
  [
    'state is at a place',
    "    <tpm model='tpm-crb'>\n      <backend type='emulator'>\n        <source type='dir' path='/old'/>\n      </backend>\n    </tpm>\n",
  ],
  ['<shmem>', "    <shmem name='old' role='peer'>\n      <model type='ivshmem-plain'/>\n    </shmem>\n"],
  ['plays to a file', "    <audio id='1' type='file' path='/old.wav'/>\n"],
  [
    'SCSI disk',
    "    <hostdev mode='subsystem' type='scsi' managed='no'>\n      <source protocol='iscsi' name='iqn.2014-08.com.example:old/1'/>\n    </hostdev>\n",
  ],
  [
    'by way of a socket',
    "    <filesystem type='mount'>\n      <source socket='/old.sock'/>\n      <target dir='x'/>\n    </filesystem>\n",
  ],
  [
    'vhostuser',
    "    <interface type='vhostuser'>\n      <source type='unix' path='/old.sock' mode='server'/>\n    </interface>\n",
  ],
  [
    '<redirdev>',
    "    <redirdev bus='usb' type='unix'>\n      <source mode='bind' path='/old.sock'/>\n    </redirdev>\n",
  ],
])('refuses what only one VM can have: %s', (why, devices, os = '') => {
  vmWith(devices, os);
  const { status, stderr } = run(['sh', '-c', definitionScript, 'sh', ...checkDefinitionWords(definition())]);
  expect(stderr).toContain(why);
  expect(status).toBe(1);
});

it('keeps what is no place of the host, and lets libvirt choose what both VMs cannot have', () => {
  vmWith(`    <interface type='user'>
      <mac address='52:54:00:12:34:56'/>
      <backend type='passt' logFile='/old.log'/>
    </interface>
    <channel type='spiceport'>
      <source channel='org.spice-space.webdav.0'/>
    </channel>
    <channel type='unix'>
      <source mode='bind' path='/old.sock'/>
    </channel>
    <redirdev bus='usb' type='spicevmc'>
    </redirdev>
    <vsock model='virtio'>
      <cid auto='no' address='77'/>
    </vsock>
`);
  expect(run(defineArgv(definition()))).toEqual({ status: 0, stderr: '' });
  const after = readFileSync(at('after.xml'), 'utf8');
  for (const kept of ["<source channel='org.spice-space.webdav.0'/>", "<cid auto='yes'/>", "<backend type='passt'/>"]) {
    expect(after).toContain(kept);
  }
  for (const gone of ['52:54', '/old', "'77'"]) expect(after).not.toContain(gone);
});

it('defines no VM of disks that were copied at different times', () => {
  vmWith('');
  const sources = [at('one'), at('two')];
  for (const source of sources) writeFileSync(source, 'first');
  const define = defineArgv(definition({ sources }));
  const copy = (path: string, dataId: string) =>
    run(copyArgv({ path: at(path), dataId, format: 'raw', internal: null, bytes: 5, sources }));
  expect(copy('new-one', at('one')).status).toBe(0);
  writeFileSync(at('two'), 'other');
  expect(copy('new-two', at('two')).status).toBe(0);
  expect(readFileSync(at('new-two'), 'utf8')).toBe('other');
  expect(run(define).stderr).toContain('written to while they were copied');
  expect(existsSync(at('after.xml'))).toBe(false);
  rmSync(at('operation/sources'));
  expect(copy('newer-one', at('one')).status).toBe(0);
  expect(run(define)).toEqual({ status: 0, stderr: '' });
});

it('removes what it made, but no file of others in the same place, and nothing of a VM that is defined', () => {
  writeFileSync(at('old'), 'old');
  const [own, replaced] = [at('own'), at('replaced')];
  for (const path of [own, replaced]) expect(run(copyStoreArgv(path, at('old'))).status).toBe(0);
  rmSync(replaced);
  // Many file systems give the number of a file that is gone to the next one.
  writeFileSync(replaced, 'of somebody');
  const remove = removeArgv('qemu:///system', uuid, [own, replaced]);
  writeFileSync(at('vms'), `${uuid}\n\n`);
  expect(run(remove).stderr).toContain('The new VM is defined');
  rmSync(at('vms'));
  expect(run(remove).stderr).toContain('Nothing was removed');
  expect(existsSync(own)).toBe(true);
  writeFileSync(at('vms'), '\n');
  expect(run(remove)).toEqual({ status: 0, stderr: '' });
  expect(existsSync(own)).toBe(false);
  expect(readFileSync(replaced, 'utf8')).toBe('of somebody');
});
