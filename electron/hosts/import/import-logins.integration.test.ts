/** Whether what was imported logs in where `ssh` does: the real ssh, real sshds, a real agent, one configuration after another. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startSshServer, up, waitUntil } from '../../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection } from '../../../e2e/testbeds/index.ts';
import type { HostSettings } from '../../../shared/model/host.ts';
import { createConnect } from '../connect.ts';
import { createHostKeySettings } from '../known-hosts/host-key-settings.ts';
import { createKnownHosts } from '../known-hosts/known-hosts.ts';
import { createQuestions } from '../questions.ts';
import { importableHosts } from './import-hosts.ts';

let testbed: TestbedConnection;
let server: SshServer;
let gate: SshServer;
let folder: string;
let agent: ChildProcess;
let environment: Record<string, string>;
/** Keys that are let in, and that are not; `other` is none that anybody knows. */
let files: { right: string; stranger: string; gone: string; certified: string; locked: string };

beforeAll(async () => {
  testbed = await up();
  folder = mkdtempSync(join(tmpdir(), 'snaptree-logins-'));
  const authority = join(folder, 'authority');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', authority]);
  server = await startSshServer({ name: 'import-target', settings: [`TrustedUserCAKeys ${authority}.pub`] });
  gate = await startSshServer({ name: 'import-gate' });
  mkdirSync(join(folder, 'keys of root'));
  files = {
    right: join(folder, 'keys of root', 'right'),
    stranger: join(folder, 'stranger'),
    gone: join(folder, 'gone'),
    certified: join(folder, 'certified'),
    locked: testbed.protectedKeyFile,
  };
  for (const end of ['', '.pub']) {
    copyFileSync(`${testbed.keyFile}${end}`, `${files.right}${end}`);
    copyFileSync(`${testbed.strangerKeyFile}${end}`, `${files.stranger}${end}`);
  }
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', files.certified]);
  execFileSync('ssh-keygen', ['-q', '-s', authority, '-I', 'x', '-n', 'root', `${files.certified}.pub`]);
});

afterAll(async () => {
  await server.stop();
  await gate.stop();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  const socket = join(folder, 'agent');
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  await waitUntil('the agent', () => existsSync(socket));
  environment = { SSH_AUTH_SOCK: socket, KEYS: join(folder, 'keys of root'), PATH: process.env['PATH'] ?? '' };
});

afterEach(() => {
  agent.kill();
  rmSync(join(folder, 'agent'), { force: true });
});

function fill(text: string): string {
  const values: Record<string, string> = { ...files, authority: join(folder, 'authority') };
  return text
    .replaceAll(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? (values[name] ?? '') : whole))
    .replaceAll('PORT', String(server.port))
    .replaceAll('GATE', String(gate.port));
}

/** Who ssh is let in as, or why not. */
function bySsh(configFile: string, known: string): string {
  const { status, stdout, stderr } = spawnSync(
    'ssh',
    ['-F', configFile, '-o', 'BatchMode=yes', '-o', `GlobalKnownHostsFile=${known}`, '--', 'kvm', 'id -un'],
    { encoding: 'utf8', env: environment, timeout: 20_000 },
  );
  return status === 0 ? stdout.trim() : `not: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}

async function byUs(settings: HostSettings, configFile: string, known: string): Promise<string> {
  const questions = createQuestions();
  questions.onChange(() => {
    for (const { id } of questions.list()) questions.answer(id, { kind: 'decline' });
  });
  const hostKeys = createHostKeySettings({ environment, platform: 'linux', home: folder, configFile });
  const knownHosts = createKnownHosts(known, hostKeys);
  const connect = createConnect({ questions, knownHosts, environment, sshConfigFile: configFile });
  try {
    const transport = await connect({
      host: { id: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f', ...settings },
      secrets: { password: null, passphrase: null },
      mayAsk: true,
      signal: new AbortController().signal,
    });
    const { stdout } = await transport.exec({ commandLine: 'id -un', stdin: '', maximumOutputBytes: 1000 });
    transport.close();
    return stdout.trim();
  } catch (error) {
    return `not: ${error instanceof Error ? error.message : String(error)}`;
  }
}

type Way = 'ssh' | 'openssh' | 'problem';

const target = ['Host kvm', ' HostName 127.0.0.1', ' Port PORT', ' User root'];
const jump = ['Host gate-127.0.0.1 gate-kvm', ' HostName 127.0.0.1', ' Port GATE', ' User root'];
const right = ' IdentityFile "{right}"';

/** What is in the agent, what the configuration says, whether ssh logs in, and how the host is to be reached. */
const matrix: readonly (readonly [
  name: string,
  agent: readonly string[],
  lines: readonly string[],
  in_: boolean,
  Way,
])[] = [
  ['one key file', [], [...target, right], true, 'ssh'],
  ['a variable', [], [...target, ' IdentityFile ${KEYS}/right'], true, 'ssh'],
  ['tokens', [], [...target, ' IdentityFile "{keys} of %r/right"'], true, 'ssh'],
  ['a variable that is not set', [], [...target, ' IdentityFile ${NOPE}/right'], false, 'problem'],
  ['two key files, the second right', [], [...target, ' IdentityFile {stranger}', right], true, 'openssh'],
  ['a key file that is gone, and one', [], [...target, ' IdentityFile {gone}', right], true, 'ssh'],
  ['a wrong key file, and the agent', ['right'], [...target, ' IdentityFile {stranger}'], true, 'openssh'],
  ['a key file, and others in the agent', ['stranger'], [...target, right], true, 'openssh'],
  ['a key file only, and the agent', ['stranger'], [...target, right, ' IdentitiesOnly yes'], true, 'ssh'],
  ['the same key in the agent', ['right'], [...target, right], true, 'ssh'],
  ['a locked key that the agent holds', ['right'], [...target, ' IdentityFile {locked}', right], true, 'openssh'],
  ['the agent alone', ['stranger', 'right'], [...target, ' IdentityFile {gone}'], true, 'ssh'],
  [
    'a public half that names a key of the agent',
    ['stranger', 'right'],
    [...target, ' IdentityFile "{right}.pub"', ' IdentitiesOnly yes'],
    true,
    'openssh',
  ],
  ['no agent by its own word', ['right'], [...target, ' IdentityAgent none', ' IdentityFile {gone}'], false, 'ssh'],
  ['a certificate beside the key', [], [...target, ' IdentityFile {certified}'], true, 'openssh'],
  ['a jump host by a token', [], [...target, right, ' ProxyJump gate-%h', ...jump, right], true, 'ssh'],
  [
    'a jump host by its original name, and a user',
    [],
    [...target, right, ' ProxyJump %r@gate-%n', ...jump, right],
    true,
    'ssh',
  ],
  [
    'a jump host with two keys',
    [],
    [...target, right, ' ProxyJump gate-kvm', ...jump, ' IdentityFile {stranger}', right],
    true,
    'openssh',
  ],
  [
    'a ProxyCommand',
    [],
    [...target, right, ' ProxyCommand ssh -F {self} -o BatchMode=yes -W %h:%p gate-kvm', ...jump, right],
    true,
    'openssh',
  ],
  ['a HostKeyAlias that is not known', [], [...target, right, ' HostKeyAlias other'], false, 'openssh'],
  ['algorithms that the host does not have', [], [...target, right, ' Ciphers aes128-cbc'], false, 'openssh'],
  ['a key that is not let in', [], [...target, ' IdentityFile {stranger}'], false, 'ssh'],
  ['another family of addresses', [], [...target, right, ' AddressFamily inet6'], false, 'openssh'],
  ['a Match that decides', [], ['Match originalhost kvm exec "true"', right, ...target], true, 'ssh'],
];

it.each(matrix)('%s', async (_name, inAgent, lines, isLetIn, way) => {
  for (const name of inAgent) {
    execFileSync('ssh-add', ['-q', name === 'right' ? files.right : files.stranger], { env: environment });
  }
  const configFile = join(folder, 'config');
  const known = join(folder, 'known');
  const self = join(folder, 'self');
  const text = `${fill(lines.join('\n')).replaceAll('{keys}', join(folder, 'keys')).replaceAll('{self}', self)}\n`;
  writeFileSync(configFile, text);
  writeFileSync(self, `${text}GlobalKnownHostsFile ${known}\n`);
  writeFileSync(known, `${[...server.knownHosts(), ...gate.knownHosts()].join('\n')}\n`);
  // What the jump host's ssh is started with knows no command line of ours.
  const said = bySsh(text.includes('ProxyJump') ? self : configFile, known);
  expect(said === 'root', said).toBe(isLetIn);

  const candidates = await importableHosts({ kind: 'sshConfig' }, [], { configFile, environment });
  const candidate = candidates.find(({ origin }) => origin === 'kvm');
  const { settings = null, problem = null, notes = [] } = candidate ?? {};
  expect(settings === null ? 'problem' : settings.connection.transport, [problem, ...notes].join(' ')).toBe(way);
  if (settings === null) return;
  if (way === 'openssh') expect(notes.join()).toContain("system's OpenSSH");
  const ours = await byUs(settings, configFile, known);
  expect(ours === 'root', ours).toBe(isLetIn);
});
