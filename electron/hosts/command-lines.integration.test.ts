/** What stands on command lines, here and on a host (the same machine here), where every user reads it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accountIds, accounts, startSshServer, up, waitUntil } from '../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection } from '../../e2e/testbeds/index.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { Connection } from '../../shared/model/host.ts';
import { createConnect } from './connect.ts';
import { createKnownHosts } from './known-hosts/known-hosts.ts';
import { createQuestions } from './questions.ts';
import { createSession, systemClock } from './session.ts';

let testbed: TestbedConnection;
let server: SshServer;
let folder: string;

beforeAll(async () => {
  testbed = await up();
  server = await startSshServer({ name: 'command-lines' });
  folder = mkdtempSync(join(tmpdir(), 'snaptree-command-lines-'));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/**
 * Reads one text a line up to an empty one, then looks at every process again and again until stdin ends: prints which of
 * the texts stands on a command line or in an environment that it may read, by its number, and "round" after each look.
 */
const watcher = String.raw`
use strict; use IO::Select; $| = 1;
my @texts; while (my $line = <STDIN>) { chomp $line; last if $line eq ''; push @texts, $line }
my %seen; my $select = IO::Select->new(\*STDIN);
until ($select->can_read(0)) {
  for my $file (glob('/proc/[0-9]*/cmdline'), glob('/proc/[0-9]*/environ')) {
    open(my $handle, '<', $file) or next; local $/; my $content = <$handle> // '';
    for my $index (0 .. $#texts) {
      print "seen $index\n" if index($content, $texts[$index]) >= 0 && !$seen{$index}++;
    }
  }
  print "round\n";
}
`;

test('hold neither password nor passphrase, on either side', async () => {
  // What the other user must see, so that seeing nothing means something.
  const marker = `marker-${crypto.randomUUID()}`;
  const watching = spawn('perl', ['-e', watcher], {
    ...accountIds(accounts.outsider),
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  watching.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  watching.stdin.write(`${testbed.password}\n${testbed.passphrase}\n${marker}\n\n`);
  const rounds = () => said.split('round\n').length;
  await waitUntil('the other user to watch', () => rounds() > 1);

  const user = testbed.users.operator;
  const own = join(folder, 'known_hosts');
  writeFileSync(own, `${server.knownHosts().join('\n')}\n`);
  const configFile = join(folder, 'ssh_config');
  const common = [
    `HostName 127.0.0.1`,
    `Port ${server.port}`,
    `User ${user}`,
    `UserKnownHostsFile ${own}`,
    'IdentitiesOnly yes',
  ];
  const config = [
    ['Host by-password', 'PreferredAuthentications password', ...common],
    ['Host by-key', `IdentityFile ${testbed.protectedKeyFile}`, ...common],
  ];
  writeFileSync(configFile, `${config.flat().join('\n')}\n`);
  const openssh = (destination: string): Connection => ({ transport: 'openssh', destination, port: null, user: null });
  const ways: readonly Connection[] = [
    sshConnection({ address: '127.0.0.1', port: server.port, user, authentication: { method: 'password' } }),
    sshConnection({
      address: '127.0.0.1',
      port: server.port,
      user,
      authentication: { method: 'keyFile', path: testbed.protectedKeyFile },
    }),
    openssh('by-password'),
    openssh('by-key'),
  ];
  let answered = 0;
  for (const connection of ways) {
    const questions = createQuestions();
    questions.onChange(() => {
      for (const { id, kind } of questions.list()) {
        answered += 1;
        questions.answer(id, { kind: 'secret', secret: kind === 'passphrase' ? testbed.passphrase : testbed.password });
      }
    });
    const environment = { TMPDIR: folder };
    const connect = createConnect({
      questions,
      knownHosts: createKnownHosts(own, []),
      environment,
      sshConfigFile: configFile,
    });
    const host = { id: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f', ...hostSettings({ name: 'test host', connection }) };
    const session = createSession({ host: () => host, connect, clock: systemClock, onChange: () => undefined });
    await session.connect();
    // While a command runs, everything is there that serves the connection; and this one is seen.
    const before = rounds();
    const running = session.runner.run({ argv: ['sh', '-c', 'sleep 20; :', marker] }).catch(() => undefined);
    await waitUntil('the other user to have come round twice', () => rounds() > before + 2);
    session.disconnect();
    await running;
  }
  expect(answered).toBe(ways.length);
  watching.stdin.end('\n');
  await new Promise((resolve) => watching.once('close', resolve));
  expect(said.replaceAll('round\n', '')).toBe('seen 2\n');
});
