/** What the sshd of the testbed does not do, against a server made of ssh2's other half. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { AuthContext, ServerChannel } from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseKnownHosts } from '../known-hosts/known-hosts-match.ts';
import { createKnownHosts } from '../known-hosts/known-hosts.ts';
import { offeredAlgorithms } from './algorithms.ts';
import { connectSsh } from './ssh-connect.ts';
import { isPasswordPrompt } from './ssh-authentication.ts';
import type { Secrets, SshTarget } from '../ssh-target.ts';
import type { NewQuestion } from '../questions.ts';
import type { Transport } from '../commands/transport.ts';
import type { Authentication } from '../../../shared/model/host.ts';

const hostKey = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
const rsaKey = ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 });

let folder: string;
let server: ssh2.Server | undefined;
let transports: Transport[];
let asked: NewQuestion[];
let serverSide: ssh2.Connection | undefined;
/** Connects once more to the same server, with the same secrets. */
let connectAgain: (ask: SshTarget['ask']) => Promise<Transport>;
let sessionAsked: () => void = () => undefined;
let onServerSide: (connection: ssh2.Connection) => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-double-'));
  transports = [];
  asked = [];
  onServerSide = () => undefined;
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
  /** Null: the user declines. */
  answer: (question: NewQuestion) => string | null,
  /** Null: the server never answers the request for a session. */
  execute: ((channel: ServerChannel) => void) | null = null,
  secrets: Secrets = { password: null, passphrase: null },
  authentication: Authentication = { method: 'password' },
): Promise<Transport> {
  const earlier = server;
  if (earlier !== undefined) {
    for (const each of transports.splice(0)) each.close();
    await new Promise<unknown>((resolve) => earlier.close(resolve));
  }
  const started = new ssh2.Server({ hostKeys: [hostKey.private] }, (client) => {
    serverSide = client;
    onServerSide(client);
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
    authentication,
    secrets,
    knownHosts: createKnownHosts(known, []),
    ask: (question) => {
      asked.push(question);
      const secret = answer(question);
      return Promise.resolve(secret === null ? { kind: 'decline' } : { kind: 'secret', secret });
    },
    environment: {},
  };
  connectAgain = async (ask) => {
    const again = await connectSsh({ ...target, ask }, new AbortController().signal);
    transports.push(again);
    return again;
  };
  return connectAgain(target.ask);
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

describe('prompts of the host', () => {
  type Round = readonly { prompt: string; echo: boolean }[];
  /** Everything that was sent, round by round. */
  let given: string[][];
  beforeEach(() => {
    given = [];
  });

  /** Lets in who answers all rounds as they should be. Another method first, where `first` names one. */
  function ask(rounds: readonly Round[], expected: readonly (readonly string[])[], first?: 'password') {
    let firstDone = first === undefined;
    return (context: AuthContext): void => {
      if (!firstDone) {
        if (context.method !== first || context.password !== 'right') {
          context.reject(['password']);
          return;
        }
        firstDone = true;
        context.reject(['keyboard-interactive'], true);
        return;
      }
      if (context.method !== 'keyboard-interactive') {
        context.reject(['keyboard-interactive']);
        return;
      }
      const next = (index: number): void => {
        const round = rounds[index];
        if (round === undefined) {
          context.accept();
          return;
        }
        context.prompt([...round], 'Two steps', 'Look at your token.', (answers) => {
          given.push([...answers]);
          if (answers.join('|') === expected[index]?.join('|')) next(index + 1);
          else context.reject(['keyboard-interactive']);
        });
      };
      next(0);
    };
  }
  const passwordPrompt = { prompt: 'Password: ', echo: false };
  const codePrompt = { prompt: 'Verification code: ', echo: false };

  it('are all put to the user, with what the host says and whether they may be seen', async () => {
    const shown = { prompt: 'Which token? ', echo: true };
    await connect(ask([[passwordPrompt, codePrompt, shown]], [['right', '123456', 'blue']]), (question) =>
      question.kind === 'password' ? 'right' : question.kind === 'prompt' && question.echo ? 'blue' : '123456',
    );
    expect(asked).toMatchObject([
      { kind: 'password' },
      { kind: 'prompt', prompt: 'Verification code: ', echo: false, instruction: 'Two steps\nLook at your token.' },
      { kind: 'prompt', prompt: 'Which token? ', echo: true },
    ]);
  });

  it('may come in rounds, and without any prompt in between', async () => {
    await connect(ask([[passwordPrompt], [], [codePrompt]], [['right'], [], ['1']]), (question) =>
      question.kind === 'password' ? 'right' : '1',
    );
    expect(asked.map(({ kind }) => kind)).toEqual(['password', 'prompt']);
  });

  it('that look the same twice are a password and a code', async () => {
    await connect(ask([[passwordPrompt], [passwordPrompt]], [['right'], ['1']]), (question) =>
      question.kind === 'password' ? 'right' : '1',
    );
    expect(asked.map(({ kind }) => kind)).toEqual(['password', 'prompt']);
  });

  it('may follow a password that was only half of it', async () => {
    await connect(ask([[codePrompt]], [['1']], 'password'), (question) =>
      question.kind === 'password' ? 'right' : '1',
    );
    expect(asked.map(({ kind }) => kind)).toEqual(['password', 'prompt']);
  });

  it('are answered from memory only where they ask for the password', async () => {
    const secrets: Secrets = { password: null, passphrase: null };
    const answers = (question: NewQuestion) => (question.kind === 'password' ? 'right' : '1');
    await connect(ask([[passwordPrompt]], [['right']]), answers, null, secrets);
    expect(secrets).toEqual({ password: 'right', passphrase: null });
    asked = [];
    await connectAgain(null);
    expect(asked).toEqual([]);

    asked = [];
    given = [];
    secrets.password = null;
    await connect(ask([[passwordPrompt, codePrompt]], [['right', '1']]), answers, null, secrets);
    expect(JSON.stringify(secrets)).not.toContain('"1"');
    await expect(connectAgain(null)).rejects.toMatchObject({
      code: 'authenticationFailed',
      message: expect.stringContaining('Verification code') as string,
    });
    // The code was sent once, and never again.
    expect(given.flat().filter((each) => each === '1')).toHaveLength(1);
  });

  it('end the attempt when the user declines', async () => {
    const attempt = connect(ask([[codePrompt]], [['1']]), () => null);
    await expect(attempt).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('that no password can be put to leave the password to its own method', async () => {
    // sshd offers keyboard-interactive although nothing stands behind it.
    const authenticate = (context: AuthContext): void => {
      if (context.method === 'password' && context.password === 'right') context.accept();
      else context.reject(['keyboard-interactive', 'password']);
    };
    await connect(authenticate, () => 'right');
    expect(asked.map(({ kind }) => kind)).toEqual(['password']);
  });
});

describe('a prompt', () => {
  it.each([
    ['Password: ', true],
    ['password:', true],
    ["me@host's password: ", true],
    ['(me@host) Password: ', true],
    ['Password for me@host:', true],
    ['One-time password: ', false],
    ['New password: ', false],
    ['Password (OTP): ', false],
    ['Passcode: ', false],
    ['Verification code: ', false],
    ['Password for me at host: ', false],
    [`password${' '.repeat(30_000)}x`, false],
    [`(${'('.repeat(30_000)}`, false],
  ])('%j asks for the password: %s', (prompt, expected) => {
    expect(isPasswordPrompt({ prompt, echo: false })).toBe(expected);
    expect(isPasswordPrompt({ prompt, echo: true })).toBe(false);
  });
});

describe('a host that takes RSA keys with SHA-1 only', () => {
  it('is given no signature, and what to do about it is said', async () => {
    // OpenSSH before 7.2 does not tell which signatures it takes (RFC 8308).
    onServerSide = (connection) => {
      const protocol: unknown = Reflect.get(connection, '_protocol');
      if (typeof protocol !== 'object' || protocol === null) throw new Error('ssh2 keeps its protocol elsewhere now.');
      let exchange: object | undefined;
      Object.defineProperty(protocol, '_kex', {
        get: () => exchange,
        set: (next: object | undefined) => {
          exchange = next;
          if (next !== undefined)
            Object.defineProperty(next, 'remoteExtInfoEnabled', { get: () => false, set: () => undefined });
        },
      });
    };
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, rsaKey.private, { mode: 0o600 });
    const seen: { algorithm: string; signed: boolean }[] = [];
    const authenticate = (context: AuthContext): void => {
      if (context.method !== 'publickey') {
        context.reject(['publickey']);
        return;
      }
      seen.push({ algorithm: context.key.algo, signed: context.signature !== undefined });
      context.accept();
    };
    const attempt = connect(authenticate, String, null, undefined, { method: 'keyFile', path: keyFile });
    await expect(attempt).rejects.toMatchObject({
      code: 'authenticationFailed',
      message: expect.stringContaining('PubkeyAcceptedAlgorithms +ssh-rsa') as string,
    });
    expect(seen).toEqual([{ algorithm: 'ssh-rsa', signed: false }]);
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
    const offered = offeredAlgorithms(null);
    expect(offered.kex).toEqual(expect.arrayContaining(['curve25519-sha256', 'ecdh-sha2-nistp256']));
    expect(JSON.stringify(offered)).not.toMatch(/chacha20|group1[678]|group-exchange|sha1|cbc|"ssh-rsa"|md5/);
  });

  it('asks for the key that is known, where the best type is not', () => {
    const lines = parseKnownHosts(`host ssh-rsa ${rsaKey.public.split(' ')[1] ?? ''}`, 'file');
    expect(offeredAlgorithms({ lines, place: { address: 'host', port: 22 } }).serverHostKey).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
    ]);
  });
});

it('a host that hangs up while its key is asked about is said to have done so, and does no harm', async () => {
  await connect(keyboardOnly, () => 'right');
  writeFileSync(join(folder, 'known_hosts'), '');
  const attempt = connectAgain((_question, signal) => {
    // As sshd does it when its time to log in is over: without a word.
    const socket: unknown = Reflect.get(serverSide ?? {}, '_sock');
    if (!(socket instanceof Socket)) throw new Error('ssh2 keeps its socket elsewhere now.');
    socket.end();
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('The question was withdrawn.'));
      });
    });
  });
  await expect(attempt).rejects.toMatchObject({ code: 'hostUnreachable' });
  // What is answered too late would throw where nobody catches it; a turn of the event loop shows it.
  await new Promise((resolve) => setImmediate(resolve));
});
