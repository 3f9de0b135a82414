/** Whatever a user typed while connecting stands nowhere afterwards: no file, no log line, no message to a renderer. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSshServer, up, waitUntil } from '../../e2e/testbeds/index.ts';
import type { SshServer, TestbedConnection } from '../../e2e/testbeds/index.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { Connection } from '../../shared/model/host.ts';
import type { ClientMessage, ServerMessage } from '../../shared/messages.ts';
import { createApplication } from '../application/application.ts';
import { createRendererLink } from '../ipc/renderer-link.ts';
import { createLog } from '../base/log.ts';

let testbed: TestbedConnection;
let server: SshServer;
let folder: string;

beforeAll(async () => {
  testbed = await up();
  server = await startSshServer({ name: 'b-secrets' });
  folder = mkdtempSync(join(tmpdir(), 'snaptree-secrets-'));
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Every file below a folder, with its content. */
function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'utf8')}`);
}

it('leaves nothing of what was typed anywhere', async () => {
  const logged: string[] = [];
  const sent: string[] = [];
  const waiting = new Map<number, (message: ServerMessage) => void>();
  const wrong = `wrong-${crypto.randomUUID()}`;
  const log = createLog({ level: 'debug', destination: { write: (line: string) => logged.push(line) } });
  const application = await createApplication({ dataFolder: folder, shell: 'browser', log });
  let answered = 0;
  /** By kind, the answers in their order. */
  const secrets: Record<string, string[]> = {
    password: [wrong, testbed.password, testbed.password],
    passphrase: [wrong, testbed.passphrase],
  };
  const receive = (message: ServerMessage): void => {
    sent.push(JSON.stringify(message));
    if (message.type === 'response') waiting.get(message.id)?.(message);
    if (message.type !== 'event' || message.id !== 1) return;
    for (const { id: questionId, kind } of message.value as { id: string; kind: string }[]) {
      if (seen.has(questionId)) continue;
      seen.add(questionId);
      const secret = secrets[kind]?.shift();
      const answer = secret === undefined ? { kind: 'accept' } : { kind: 'secret', secret };
      answered += secret === undefined ? 0 : 1;
      void call('questions.answer', { questionId, answer });
    }
  };
  const seen = new Set<string>();
  const link = createRendererLink({ handlers: application.handlers, send: receive, log });
  let nextId = 10;
  const call = (name: string, payload: unknown): Promise<ServerMessage> =>
    new Promise((resolve) => {
      const id = (nextId += 1);
      waiting.set(id, resolve);
      link.receive({ type: 'request', id, name, payload } satisfies ClientMessage);
    });
  const succeed = async (name: string, payload: unknown): Promise<unknown> => {
    const message = await call(name, payload);
    if (message.type !== 'response' || !message.ok) throw new Error(`${name}: ${JSON.stringify(message)}`);
    return message.value;
  };
  try {
    for (const [id, topic] of ['questions', 'hosts', 'notices'].entries()) {
      link.receive({ type: 'subscribe', id: id + 1, topic, parameters: {} });
    }
    const to = (parts: Partial<Extract<Connection, { transport: 'ssh' }>>) =>
      sshConnection({ address: server.host, port: server.port, user: testbed.users.operator, ...parts });
    const hosts = [
      to({ authentication: { method: 'password' } }),
      to({ authentication: { method: 'keyFile', path: testbed.protectedKeyFile } }),
    ];
    const ids: string[] = [];
    for (const [index, settings] of hosts.entries()) {
      const host = await succeed('hosts.add', {
        settings: hostSettings({ name: `host ${index}`, connection: settings }),
      });
      ids.push((host as { id: string }).id);
    }
    for (const hostId of ids) await succeed('hosts.connect', { hostId });
    expect(answered).toBe(4);
    // It comes back by itself with what was typed, tests and fails in between: all of that is logged and sent.
    server.dropConnections();
    const states = () => sent.filter((each) => each.includes('"state":"failed"')).length;
    await waitUntil('the loss to be told', () => states() > 0);
    await waitUntil(
      'both to come back',
      () => /("state":"connected".*){2}/.test(sent.filter((each) => each.includes('"id":2')).at(-1) ?? ''),
      30_000,
    );
    await succeed('hosts.test', { settings: hostSettings({ name: 'tested', connection: hosts[0] ?? to({}) }) });
    expect(answered).toBe(5);
    for (const hostId of ids) await succeed('hosts.disconnect', { hostId });
  } finally {
    link.close();
    await application.dispose();
  }
  const files = filesIn(folder);
  // The net catches what it is meant to: the host book, the known hosts, and what went to the renderer.
  expect(files.some((each) => each.includes(testbed.users.operator))).toBe(true);
  expect(sent.some((each) => each.includes('"kind":"password"'))).toBe(true);
  expect(existsSync(join(folder, 'known_hosts'))).toBe(true);
  for (const secret of [wrong, testbed.password, testbed.passphrase]) {
    for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]) {
      for (const text of [...files, ...logged, ...sent]) expect(text.includes(form), text).toBe(false);
    }
  }
});
