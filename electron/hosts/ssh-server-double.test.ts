/** What the sshd of the testbed does not do, against a server made of ssh2's other half. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { AuthContext, ServerChannel } from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKnownHosts } from './known-hosts.ts';
import { connectSsh, offeredAlgorithms } from './ssh-connect.ts';
import type { SshTarget } from './ssh-target.ts';
import type { NewQuestion } from './questions.ts';
import type { Transport } from './transport.ts';

const hostKey = ssh2.utils.generateKeyPairSync('ed25519');

let folder: string;
let server: ssh2.Server | undefined;
let transports: Transport[];
let asked: NewQuestion[];
let serverSide: ssh2.Connection | undefined;
let sessionAsked: () => void = () => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-double-'));
  transports = [];
  asked = [];
});

afterEach(async () => {
  for (const transport of transports) transport.close();
  const last = server;
  server = undefined;
  if (last !== undefined) await new Promise<unknown>((resolve) => last.close(resolve));
  rmSync(folder, { recursive: true });
});

async function connect(
  authenticate: (context: AuthContext) => void,
  answer: (question: NewQuestion) => string,
  /** Null: the server never answers the request for a session. */
  execute: ((channel: ServerChannel) => void) | null = null,
): Promise<Transport> {
  const started = new ssh2.Server({ hostKeys: [hostKey.private] }, (client) => {
    serverSide = client;
    client.on('error', () => undefined);
    client.on('authentication', authenticate);
    client.on('session', (accept) => {
      sessionAsked();
      if (execute === null) return;
      accept().on('exec', (acceptExec) => {
        execute(acceptExec());
      });
    });
  });
  server = started;
  started.listen(0, '127.0.0.1');
  await once(started, 'listening');
  const { port } = started.address() as AddressInfo;
  const known = join(folder, 'known_hosts');
  writeFileSync(known, `[127.0.0.1]:${port} ${hostKey.public}\n`);
  const target: SshTarget = {
    hostId: 'd0a1c1f6-6a47-4d0f-8f0f-5f7f1f2f3f4f',
    hostName: 'host',
    address: '127.0.0.1',
    port,
    user: 'me',
    authentication: { method: 'password' },
    secrets: { password: null, passphrase: null },
    knownHosts: createKnownHosts(known, []),
    ask: (question) => {
      asked.push(question);
      return Promise.resolve({ kind: 'secret', secret: answer(question) });
    },
    environment: {},
  };
  const transport = await connectSsh(target, new AbortController().signal);
  transports.push(transport);
  return transport;
}

const request = { commandLine: 'x', stdin: '', maximumOutputBytes: 1000 };

/** Lets `me` in with the password `right`, over keyboard-interactive only. */
function keyboardOnly(context: AuthContext): void {
  if (context.method !== 'keyboard-interactive') {
    context.reject(['keyboard-interactive']);
    return;
  }
  context.prompt([{ prompt: 'Password: ', echo: false }], (given) => {
    if (given[0] === 'right') context.accept();
    else context.reject(['keyboard-interactive']);
  });
}

describe('keyboard-interactive', () => {
  it('is answered with the password where the host takes nothing else', async () => {
    const answers = ['wrong', 'right'];
    await connect(keyboardOnly, () => answers.shift() ?? '');
    expect(asked).toMatchObject([
      { kind: 'password', attempt: 1 },
      { kind: 'password', attempt: 2 },
    ]);
  });

  it('is given up after three wrong passwords', async () => {
    await expect(connect(keyboardOnly, () => 'wrong')).rejects.toMatchObject({ code: 'authenticationFailed' });
    expect(asked).toHaveLength(3);
  });
});

const letIn = (context: AuthContext): void => {
  context.accept();
};

describe('a command', () => {
  it('tells the signal that ended it', async () => {
    const transport = await connect(letIn, String, (channel) => {
      channel.write('out');
      channel.stderr.write('err');
      channel.exit('KILL', false, '');
      channel.end();
    });
    expect(await transport.exec(request)).toEqual({ exitCode: null, signal: 'SIGKILL', stdout: 'out', stderr: 'err' });
  });

  it('that ends without an exit status has an unknown outcome', async () => {
    const transport = await connect(letIn, String, (channel) => {
      channel.end();
    });
    await expect(transport.exec(request)).rejects.toMatchObject({ code: 'connectionLost' });
    expect(transport.isOpen).toBe(true);
  });

  it('that was not even started when the connection ended is not taken for refused', async () => {
    const transport = await connect(letIn, String);
    const reached = new Promise<void>((resolve) => {
      sessionAsked = resolve;
    });
    const run = expect(transport.exec(request)).rejects.toMatchObject({ code: 'connectionLost' });
    await reached;
    serverSide?.end();
    await run;
    expect(transport.isOpen).toBe(false);
    await expect(transport.exec(request)).rejects.toMatchObject({ code: 'connectionLost' });
  });

  it('gives characters whole that come in pieces', async () => {
    const bytes = Buffer.from('ü🌳');
    const transport = await connect(letIn, String, (channel) => {
      // One byte a packet; ssh2 keeps packets apart.
      for (const byte of bytes) channel.write(Buffer.from([byte]));
      channel.exit(0);
      channel.end();
    });
    expect((await transport.exec(request)).stdout).toBe('ü🌳');
  });
});

describe('what is offered', () => {
  it('has what every OpenSSH since 2011 knows, and nothing that Electron lacks or takes seconds for', () => {
    const { kex, cipher } = offeredAlgorithms([]);
    expect(kex).toEqual(expect.arrayContaining(['curve25519-sha256', 'ecdh-sha2-nistp256']));
    expect(JSON.stringify([kex, cipher])).not.toMatch(/chacha20|group1[678]|group-exchange|-sha1|cbc/);
  });

  it('begins with the key types that are known', () => {
    expect(offeredAlgorithms(['ssh-rsa', 'unheard-of']).serverHostKey).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-rsa',
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
    ]);
  });
});
