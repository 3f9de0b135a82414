/** Everything that earlier versions wrote is read by this one. See store/corpus/README.md. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changeRequestSchema } from '../../shared/model/plan.ts';
import { hasEnded, isInterrupted } from '../../shared/rules/operations/operation-life.ts';
import { readAuditTrail } from '../store/audit-trail.ts';
import { hostBookVersion, openHostBook } from '../store/host-book.ts';
import { journalEntrySchema, journalVersion } from '../store/journal-records.ts';
import { readJournals } from '../store/journal.ts';
import { hostId, vmUuid } from './fake-host.fixtures.ts';
import { LibvirtHost, planServiceFor } from './libvirt-host.fixtures.ts';
import { openOperationService } from './operations.ts';
import type { OperationService } from './operations.ts';

const corpus = fileURLToPath(new URL('../store/corpus', import.meta.url));
/** The versions that wrote files of one kind; each kind counts its own. */
const versionsOf = (kind: 'journal' | 'audit.jsonl' | 'hosts.json') =>
  readdirSync(corpus).filter((name) => existsSync(join(corpus, name, kind)));
const upTo = (version: number) => Array.from({ length: version }, (_, index) => String(index + 1));
const operationId = '00000000-0000-4000-8000-000000000002';
const clock = () => 1_795_100_000;
const quiet = () => undefined;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snaptree-corpus-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function open(host: LibvirtHost): Promise<OperationService> {
  const plans = planServiceFor(host, clock, () => operationId);
  return openOperationService({
    plans,
    runnerFor: () => {
      throw new Error('not used');
    },
    toolsFor: host.toolsFor,
    readHost: host.readHost,
    isReadOnly: () => false,
    journalFolder: folder,
    auditTrail: { append: () => Promise.resolve() },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    clock,
    newId: () => operationId,
    startedBy: { user: 'ann', computer: 'desk' },
  });
}

/** What the last `ended` record of a journal says, by looking at nothing else. */
function endIn(path: string): string | null {
  const ends = readFileSync(path, 'utf8').match(/"type":"ended","state":"\w+"/g) ?? [];
  return /"state":"(\w+)"/.exec(ends.at(-1) ?? '')?.[1] ?? null;
}

test('every version has its files in the corpus', () => {
  expect(versionsOf('journal')).toEqual(upTo(journalVersion));
  expect(versionsOf('audit.jsonl')).toEqual(upTo(journalVersion));
  expect(versionsOf('hosts.json')).toEqual(upTo(hostBookVersion));
});

const journals = versionsOf('journal').flatMap((version) =>
  readdirSync(join(corpus, version, 'journal')).map((name) => ({ version, name })),
);

test('every kind of change is in the present version’s journals and plan files, and every record that is written today', () => {
  const present = join(corpus, String(journalVersion));
  const actions = changeRequestSchema.options.map(({ shape }) => shape.action.value).toSorted();
  const kindsIn = (texts: readonly string[], pattern: RegExp) =>
    [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, kind]) => kind)))].toSorted();
  const textsIn = (part: string) =>
    readdirSync(join(present, part)).map((name) => readFileSync(join(present, part, name), 'utf8'));
  const records = textsIn('journal');
  expect(kindsIn(records, /"request":\{"action":"(\w+)"/g)).toEqual(actions);
  expect(kindsIn(textsIn('plan-files'), /"request": \{\s*"action": "(\w+)"/g)).toEqual(actions);
  const types = journalEntrySchema.options.map(({ shape }) => shape.type.value);
  // No driver plans a step to take things back that verifies anything.
  expect(kindsIn(records, /"entry":\{"type":"(\w+)"/g)).toEqual(
    types.filter((type) => type !== 'stepSkipped').toSorted(),
  );
});

describe.each(journals)('the journal $name of version $version', ({ version, name }) => {
  const original = join(corpus, version, 'journal', name);
  const path = () => join(folder, `${operationId}.jsonl`);

  test('tells what it told', async () => {
    cpSync(original, path());
    const service = await open(new LibvirtHost());
    expect(service.listUnreadable()).toEqual([]);
    expect(service.notices).toHaveLength(name.includes('torn') ? 1 : 0);
    const ended = endIn(original);
    // What was refused before it began was never shown.
    const shown = name.includes('rejected') ? [] : [{ id: operationId, state: ended ?? 'interrupted' }];
    expect(service.list()).toMatchObject(shown);
    for (const { plan, steps } of service.list()) {
      expect(plan).toMatchObject({ hostName: 'kvm1', vmName: 'wéb "1"' });
      expect(steps).toHaveLength(plan.steps.length);
    }
    // Looked at only: the file is as its version wrote it.
    expect(readFileSync(path())).toEqual(readFileSync(original));
  });

  test('lets its VM be unlocked, and goes on in the present version', async () => {
    cpSync(original, path());
    const host = new LibvirtHost();
    if (!name.includes('cleanedUp')) {
      host.locks.set(vmUuid, { operationId, user: 'ann', computer: 'desk', startedAt: 1, title: 'x' });
    }
    const service = await open(host);
    service.hostConnected(hostId);
    for (const { id } of service.list()) {
      const operation = await service.examine(id);
      if (isInterrupted(operation)) await service.resolve(id, 'forget');
    }
    await service.cleanedUp();
    expect(service.list().every(hasEnded)).toBe(true);
    expect([...host.locks.keys()]).toEqual([]);
    expect(host.runs).toEqual([]);
    await service.dispose();
    const again = await readJournals(folder, clock, quiet);
    expect(again).toMatchObject({ unreadable: [], notices: [] });
    for (const { records } of again.journals) expect(records.at(-1)?.entry.type).toBe('cleanedUp');
  });
});

describe.each(versionsOf('hosts.json'))('of version %s', (version) => {
  test('the host book has its hosts, and is written in the present version', async () => {
    const path = join(folder, 'hosts.json');
    cpSync(join(corpus, version, 'hosts.json'), path);
    const refuse = (notice: { message: string }) => {
      throw new Error(notice.message);
    };
    const hosts = (await openHostBook(path, refuse)).list();
    expect(hosts.map(({ name, connection }) => [name, connection.transport])).toEqual([
      ['this computer', 'local'],
      ['kvm1', 'ssh'],
      ['kvm2 – Zürich', 'ssh'],
      ['alias', 'openssh'],
      ['openssh', 'openssh'],
      ['alder', 'demo'],
      ['birch', 'demo'],
      ['cedar', 'demo'],
    ]);
    expect(hosts[2]).toMatchObject({
      sudo: true,
      readOnly: true,
      connection: { address: '192.0.2.7', port: 2222, jumps: [{ address: 'gate.example' }, { port: 2200 }] },
    });
    const system = { kind: 'libvirt', uri: 'qemu:///system' };
    expect(hosts.map(({ hypervisor }) => hypervisor)).toEqual([
      system,
      system,
      { kind: 'libvirt', uri: 'qemu+unix:///system?socket=/run/libvirt/other' },
      system,
      { kind: 'libvirt', uri: 'qemu:///session' },
      system,
      system,
      system,
    ]);
    const book = await openHostBook(path, refuse);
    await book.remove(hosts[0]?.id ?? '');
    expect((await openHostBook(path, refuse)).list()).toEqual(hosts.slice(1));
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ version: hostBookVersion });
  });
});

describe.each(versionsOf('audit.jsonl'))('of version %s', (version) => {
  test('the audit trail is read', async () => {
    const { entries, newerLines, damagedLines } = await readAuditTrail(join(corpus, version, 'audit.jsonl'));
    expect({ newerLines, damagedLines }).toEqual({ newerLines: 0, damagedLines: 0 });
    const events = entries.map(({ event }) => event);
    expect(events.filter((event) => event === 'operationStarted')).toHaveLength(3);
    expect(events).toContain('operationRefused');
    expect(events.at(-1)).toBe('interrupted');
  });
});

test('the audit trail of a step that was told to work otherwise is read', async () => {
  const { entries, damagedLines } = await readAuditTrail(join(corpus, '2/audit-adjusted.jsonl'));
  expect(damagedLines).toBe(0);
  expect(entries.filter(({ event }) => event === 'stepAdjusted')).toHaveLength(6);
});
