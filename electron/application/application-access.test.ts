import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requests } from '../../shared/contract.ts';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import type { HostSettings, HostWithSession } from '../../shared/model/host.ts';
import type { Operation, UnreadableOperation } from '../../shared/model/operation.ts';
import { listen } from '../ipc/listen.ts';
import type { Application } from './application-factory.ts';
import { createApplication } from './application.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new AbortController().signal;
const settings: HostSettings = {
  name: 'here',
  connection: { transport: 'local' },
  hypervisor: { kind: 'libvirt', uri: 'test:///default' },
  sudo: false,
  readOnly: false,
};

let folder: string;
let dataFolder: string;
const opened: Application[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-access-'));
  dataFolder = join(folder, 'data');
});
afterEach(async () => {
  for (const application of opened.splice(0)) await application.dispose();
  rmSync(folder, { recursive: true });
});

async function open(access: 'exclusive' | 'readOnly'): Promise<Application> {
  const application = await createApplication({ dataFolder, shell: 'commandLine', log, access });
  opened.push(application);
  return application;
}

async function ask<Name extends RequestName>(
  { handlers }: Application,
  name: Name,
  payload: RequestPayload<Name>,
): Promise<ResponseValue<Name>> {
  const value = await handlers.requests[name](payload, { signal: never });
  requests[name].response.parse(value);
  return value;
}

function hostNames({ handlers }: Application): readonly string[] {
  let names: readonly string[] = [];
  listen(handlers, 'hosts', {}, (hosts) => (names = hosts.map(({ host }) => host.name)))();
  return names;
}

function operationsOf({ handlers }: Application): readonly Operation[] {
  let found: readonly Operation[] = [];
  listen(handlers, 'operations', {}, (event) => (found = event.kind === 'all' ? event.operations : found))();
  return found;
}

/** Every file with its content. */
function snapshotOf(path: string): Record<string, string> {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  );
}

describe('a Snaptree that may only read', () => {
  it('shows hosts beside the one that works in the folder, and changes nothing', async () => {
    const first = await open('exclusive');
    await ask(first, 'hosts.add', { settings });
    await expect(open('exclusive')).rejects.toMatchObject({ code: 'storeInUse' });
    const before = snapshotOf(dataFolder);
    const second = await open('readOnly');
    expect(hostNames(second)).toEqual(['here']);
    const inUse = { code: 'storeInUse', data: { pid: String(process.pid) } };
    const id = crypto.randomUUID();
    await expect(ask(second, 'hosts.add', { settings: { ...settings, name: 'x' } })).rejects.toMatchObject(inUse);
    await expect(ask(second, 'operations.start', { planId: id })).rejects.toMatchObject(inUse);
    await expect(ask(second, 'operations.examine', { operationId: id })).rejects.toMatchObject(inUse);
    await expect(ask(second, 'operations.resolve', { operationId: id, choice: 'forget' })).rejects.toMatchObject(inUse);
    await opened.pop()?.dispose();
    expect(snapshotOf(dataFolder)).toEqual(before);
    expect(hostNames(first)).toEqual(['here']);
  });

  it('makes no folder, and leaves damaged files as they are', async () => {
    expect(hostNames(await open('readOnly'))).toEqual([]);
    expect(existsSync(dataFolder)).toBe(false);
    mkdirSync(join(dataFolder, 'journal'), { recursive: true });
    writeFileSync(join(dataFolder, 'hosts.json'), 'not a host book');
    writeFileSync(join(dataFolder, 'journal', `${crypto.randomUUID()}.jsonl`), 'not a journal\n');
    const before = snapshotOf(dataFolder);
    const application = await open('readOnly');
    const messages: string[] = [];
    listen(application.handlers, 'notices', {}, (list) => messages.push(...list.map((n) => n.message)))();
    expect(messages).toEqual([
      expect.stringMatching(/host book .* is damaged .* left as it is/),
      expect.stringMatching(/journal .* is damaged: .* forget the operation/),
    ]);
    expect(operationsOf(application)).toEqual([]);
    const unreadable: UnreadableOperation[] = [];
    listen(application.handlers, 'unreadableOperations', {}, (list) => unreadable.push(...list))();
    expect(unreadable).toMatchObject([{ state: 'open', hostName: null }]);
    expect(snapshotOf(dataFolder)).toEqual(before);
  });
});

const xen = { kind: 'xen', toolstack: 'xl' } as const;
const quic = { transport: 'quic', address: 'a.example' } as const;

describe('a host with something that only a newer version knows', () => {
  it.each([
    ['xen', { hypervisor: { kind: 'unknown' as const, written: xen } }, { hypervisor: xen }, 'hypervisorUnknown'],
    [
      'quic',
      { connection: { transport: 'unknown' as const, written: quic } },
      { connection: quic },
      'connectionUnknown',
    ],
  ])(
    '(%s) is listed, tells why it is not connected to, and is kept as it was written',
    async (word, part, written, code) => {
      const application = await open('exclusive');
      const strange = { ...settings, name: 'strange', ...part };
      const { id: hostId } = await ask(application, 'hosts.add', { settings: strange });
      const refused = { code, message: expect.stringContaining(`“${word}”`) as string };
      await expect(ask(application, 'hosts.connect', { hostId })).rejects.toMatchObject(refused);
      await expect(ask(application, 'hosts.test', { settings: strange })).rejects.toMatchObject(refused);
      let hosts: readonly HostWithSession[] = [];
      listen(application.handlers, 'hosts', {}, (value) => (hosts = value))();
      expect(hosts).toMatchObject([{ host: strange, session: { state: 'failed', error: refused, retryAt: null } }]);
      expect(JSON.parse(readFileSync(join(dataFolder, 'hosts.json'), 'utf8'))).toMatchObject({
        hosts: [{ name: 'strange', ...written }],
      });
    },
  );
});

describe('a visitor', () => {
  it('is a host like others without being written down, and has the same id the next time', async () => {
    const application = await open('exclusive');
    const host = application.addVisitor({ ...settings, name: 'qemu:///system' });
    expect(hostNames(application)).toEqual(['qemu:///system']);
    expect(existsSync(join(dataFolder, 'hosts.json'))).toBe(false);
    const again = await open('readOnly');
    expect(again.addVisitor({ ...settings, name: 'another name' }).id).toBe(host.id);
    expect(again.addVisitor({ ...settings, hypervisor: { kind: 'libvirt', uri: 'test:///other' } }).id).not.toBe(
      host.id,
    );
    expect(() =>
      again.addVisitor({ ...settings, name: 'Another Name', hypervisor: { kind: 'libvirt', uri: 'test:///third' } }),
    ).toThrow(/already a host named/);
    await ask(application, 'hosts.connect', { hostId: host.id }).catch(() => undefined);
    expect(hostNames(application)).toEqual(['qemu:///system']);
  });
});
