/**
 * Writes what the present version keeps on disk into the corpus, but for what is there already: electron/store/corpus/README.md
 * says when. Every file is written by the code that writes it for a user; only the host is in memory.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hostId, vmUuid } from '../electron/operations/fake-host.fixtures.ts';
import type { FakeHost, Fault } from '../electron/operations/fake-host.fixtures.ts';
import { ChainHost, chainRequests } from '../electron/operations/chain-host.fixtures.ts';
import { LibvirtHost, planServiceFor, requests } from '../electron/operations/libvirt-host.fixtures.ts';
import { openOperationService } from '../electron/operations/operations.ts';
import type { OperationService } from '../electron/operations/operations.ts';
import { createAuditTrail } from '../electron/store/audit-trail.ts';
import { hostBookVersion, openHostBook } from '../electron/store/host-book.ts';
import { journalVersion } from '../electron/store/journal-records.ts';
import type { ChangeRequest, Plan } from '../shared/model/plan.ts';
import { isUnderWay } from '../shared/rules/operations/operation-life.ts';
import { inRepository } from './paths.ts';

const folderOf = (version: number) => inRepository(`electron/store/corpus/${version}`);
/** Of journals, the audit trail and plan files, whose plans count alike. */
const out = folderOf(journalVersion);
const hostBookFile = join(folderOf(hostBookVersion), 'hosts.json');
let time = 0;
let ids = 0;
const clock = () => (time += 1);
const newId = () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`;
const quiet = () => undefined;
const startTime = 1_795_000_000;

function open(host: FakeHost, folder: string, plan: Plan | null): Promise<OperationService> {
  const plans = planServiceFor(host, clock, newId);
  return openOperationService({
    plans: {
      get: (planId) => plan ?? plans.get(planId),
      again: (same, inventory, done) => plans.again(same, inventory, done),
    },
    runnerFor: () => {
      throw new Error('not used');
    },
    toolsFor: host.toolsFor,
    readHost: host.readHost,
    isReadOnly: () => host.readOnly,
    journalFolder: join(folder, 'journal'),
    auditTrail: createAuditTrail(join(folder, 'audit.jsonl')),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    clock,
    newId,
    startedBy: { user: 'ann', computer: 'desk' },
  });
}

const seen = new Set<string>();
for (const part of ['journal', 'plan-files']) mkdirSync(join(out, part), { recursive: true });
/** Of what there are journals already: those stay as they are. */
const present = new Set(readdirSync(join(out, 'journal')).map((name) => name.split('.')[0]));

/** Keeps the journals in a folder under names that say what they hold, each kind once. */
function keep(what: string, folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const types = readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const { entry } = JSON.parse(line) as {
          entry: { type: string; index?: number; outcome?: string; state?: string };
        };
        return [entry.type, entry.index, entry.outcome, entry.state].filter((part) => part !== undefined).join('-');
      });
    const key = `${what} ${types.join(' ')}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const base = `${what}.${String(types.length).padStart(2, '0')}-${types.at(-1) ?? ''}`;
    const taken = readdirSync(join(out, 'journal')).filter((other) => other.startsWith(base)).length;
    copyFileSync(path, join(out, 'journal', `${base}${taken === 0 ? '' : `.${taken + 1}`}.jsonl`));
  }
}

interface Scenario<Host extends FakeHost> {
  readonly what: string;
  readonly fault?: Fault;
  readonly prepare?: (host: Host) => void;
  readonly then?: (service: OperationService, id: string, host: Host) => Promise<void>;
  /** Keeps its audit trail as well, under this name. */
  readonly trail?: string;
}

/**
 * Everything here answers at once: what writes nothing for this long, however busy the computer is, waits for something that
 * never comes.
 */
async function settled(folder: string): Promise<void> {
  const written = () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .flatMap((entry) => (entry.isFile() ? [readFileSync(join(entry.parentPath, entry.name), 'utf8')] : []))
      .join();
  let before = null;
  for (let now = written(); now !== before; now = written()) {
    before = now;
    await delay(400);
  }
}

function play(scenario: Scenario<LibvirtHost> & { readonly what: keyof typeof requests }): Promise<void> {
  return playOn(new LibvirtHost(), requests[scenario.what], scenario);
}

async function playOn<Host extends FakeHost>(
  host: Host,
  request: ChangeRequest,
  { what, fault, prepare, then, trail }: Scenario<Host>,
): Promise<void> {
  if (present.has(what)) return;
  time = startTime;
  ids = 0;
  const folder = mkdtempSync(join(tmpdir(), 'snaptree-corpus-'));
  const plan = await planServiceFor(host, clock, newId).create(hostId, request);
  if (host instanceof ChainHost) host.plan = plan;
  prepare?.(host);
  const service = await open(host, folder, plan);
  host.arm(fault ?? null);
  const started = service.start(plan.id).catch(quiet);
  await Promise.race([started, host.crashed]);
  await settled(folder);
  const [operation] = service.list();
  if (then && operation) {
    await then(service, operation.id, host);
    await settled(folder);
  }
  keep(what, join(folder, 'journal'));
  if (trail !== undefined) copyFileSync(join(folder, 'audit.jsonl'), join(out, trail));
  rmSync(folder, { recursive: true });
}

const slow = (host: LibvirtHost) => {
  host.slow = true;
};

async function cut(host: FakeHost, service: OperationService): Promise<void> {
  host.disconnect();
  while (service.list().some(isUnderWay)) await delay(20);
  host.reconnect();
}

async function writeJournals(): Promise<void> {
  const what = 'delete-subtree';
  for (let at = 0; at < 14; at += 1) {
    for (const when of ['before', 'after'] as const) {
      for (const kind of ['crash', 'lost'] as const) await play({ what, fault: { at, when, kind } });
    }
  }
  await play({ what });
  // Refused: the host is not as planned. Cut off there, so that the journal stays.
  await play({
    what,
    fault: { at: 2, when: 'before', kind: 'crash' },
    prepare: (host) => {
      host.names = host.names.slice(0, 3);
    },
  });
  await play({
    what,
    prepare: (host) => {
      const { effect } = host;
      host.effect = (argv) => {
        effect(argv);
        host.exitCode = 1;
      };
    },
  });
  await play({ what, prepare: slow });
  await play({ what, prepare: slow, then: (service, id) => service.cancel(id) });
  await play({
    what,
    prepare: slow,
    then: async (service, id, host) => {
      await service.cancel(id);
      host.finish();
    },
  });
  await play({
    what,
    prepare: slow,
    then: async (service, _id, host) => {
      await cut(host, service);
      service.hostConnected(hostId);
    },
  });
  await play({
    what,
    prepare: slow,
    then: async (service, id, host) => {
      await cut(host, service);
      host.finish();
      await service.examine(id);
    },
  });
  await play({
    what,
    prepare: slow,
    then: async (service, id, host) => {
      await cut(host, service);
      host.finish();
      host.slow = false;
      await service.examine(id);
      await service.resolve(id, 'resume');
    },
  });
  await play({
    what,
    prepare: slow,
    then: async (service, id, host) => {
      await cut(host, service);
      host.kill();
      await service.examine(id);
    },
  });
  await play({
    what,
    prepare: slow,
    then: async (service, id, host) => {
      await cut(host, service);
      host.kill();
      await service.examine(id);
      await service.resolve(id, 'forget');
    },
  });
  for (const other of ['revert', 'create-internal', 'create-external', 'pause'] as const) {
    await play({ what: other });
    await play({ what: other, prepare: slow, then: (service, _id, host) => cut(host, service) });
  }
  if (present.has(what)) return;
  const whole = readFileSync(join(out, 'journal', `${what}.06-stepStarting-1.jsonl`));
  writeFileSync(join(out, 'journal', `${what}.torn.jsonl`), whole.subarray(0, whole.length - 20));
  // Nothing is asked of the host there, so no fault stops Snaptree between these two records.
  const ended = readFileSync(join(out, 'journal', `${what}.12-ended-succeeded.jsonl`), 'utf8').split('\n');
  writeFileSync(join(out, 'journal', `${what}.11-stepFinished-2-done.jsonl`), `${ended.slice(0, 11).join('\n')}\n`);
}

type ChainScenario = Omit<Scenario<ChainHost>, 'what'> & { readonly state?: 'running' | 'shutoff' | 'saved' | 'worn' };

/** @param how it differs from another operation with the same request; null: it does not */
function playChain(
  what: keyof typeof chainRequests,
  how: string | null,
  { state = 'running', ...scenario }: ChainScenario = {},
): Promise<void> {
  const name = how === null ? what : `${what}-${how}`;
  return playOn(new ChainHost(state), chainRequests[what], { ...scenario, what: name });
}

/** The merge, or what else takes long, is under way; the host goes on with it. */
const amid = (word: string) => (host: ChainHost) => {
  host.slowAt = word;
};
const amidMerge = amid('snaptree-merge');

async function adjusted(service: OperationService, id: string, host: ChainHost): Promise<void> {
  host.tell({ doneBytes: 10, totalBytes: 40, told: 'can=limit,pause' });
  while (service.listProgress().every(({ control }) => !control)) await delay(20);
  await service.adjust(id, { kind: 'limit', bytesPerSecond: 1_000_000 });
  await service.adjust(id, { kind: 'limit', bytesPerSecond: null });
  await service.adjust(id, { kind: 'pause' });
}

async function killed(service: OperationService, id: string, host: ChainHost): Promise<void> {
  await cut(host, service);
  host.kill();
  host.slowAt = null;
  await service.examine(id);
}

async function resumed(service: OperationService, id: string, host: ChainHost): Promise<void> {
  await killed(service, id, host);
  await service.resolve(id, 'resume');
}

async function writeChainJournals(): Promise<void> {
  await playChain('commit', null);
  await playChain('commit', 'cut', { prepare: amidMerge, then: (service, _id, host) => cut(host, service) });
  await playChain('commit', 'resumed', { prepare: amidMerge, then: resumed });
  await playChain('commit', 'cancelled', {
    prepare: amidMerge,
    then: async (service, id, host) => {
      await service.cancel(id);
      host.finish(143);
    },
  });
  await playChain('commit', 'adjusted', { prepare: amidMerge, then: adjusted });
  // Between the merge and what follows it.
  await playChain('commit', 'merged', { fault: { at: 10, when: 'before', kind: 'crash' } });
  await playChain('commit-one-by-one', null, { state: 'shutoff' });
  await playChain('commit-one-by-one', 'cut', {
    state: 'shutoff',
    prepare: amidMerge,
    then: (service, _id, host) => cut(host, service),
  });
  await playChain('pull', null, {
    trail: 'audit-adjusted.jsonl',
    prepare: amidMerge,
    then: async (service, id, host) => {
      await adjusted(service, id, host);
      host.finish();
    },
  });
  await playChain('pull', 'resumed', { prepare: amidMerge, then: resumed });
  for (const what of ['delete-down', 'delete-up'] as const) {
    await playChain(what, null);
    await playChain(what, 'resumed', { prepare: amidMerge, then: resumed });
  }
  await playChain('create-memory', null);
  await playChain('create-memory', 'cut', { prepare: amid('snaptree-save'), then: killed });
  await playChain('save-memory', null);
  await playChain('save-memory', 'cut', { prepare: amid('snaptree-save'), then: killed });
  await playChain('describe', null);
  await playChain('rename', null);
  await playChain('restore-memory', null, { state: 'shutoff' });
  await playChain('discard-memory', null, { state: 'saved' });
  for (const what of wornRequests) await playChain(what, null, { state: 'worn' });
  await playChain('create-quiesced', null);
  await playChain('revert-saving', null);
  await playChain('revert-saving', 'cut', { prepare: amid('snaptree-overlay'), then: killed });
  await playChain('clone', null);
  await playChain('clone', 'cut', { prepare: amid('snaptree-clone'), then: killed });
}

async function writeAuditTrail(): Promise<void> {
  if (existsSync(join(out, 'audit.jsonl'))) return;
  time = startTime;
  ids = 0;
  const folder = mkdtempSync(join(tmpdir(), 'snaptree-corpus-'));
  const first = new LibvirtHost();
  const plan = await planServiceFor(first, clock, newId).create(hostId, requests['delete-subtree']);
  const service = await open(first, folder, plan);
  await service.start(plan.id);
  await settled(folder);
  // The host is not as planned any more.
  await service.start(plan.id).catch(quiet);
  const second = new LibvirtHost();
  second.slow = true;
  const other = await planServiceFor(second, clock, newId).create(hostId, requests['create-external']);
  await (await open(second, folder, other)).start(other.id);
  second.disconnect();
  await settled(folder);
  copyFileSync(join(folder, 'audit.jsonl'), join(out, 'audit.jsonl'));
  rmSync(folder, { recursive: true });
}

/** What is asked of a host on which records and images do not fit each other any more. */
const wornRequests = [
  'repair-records',
  'define-records',
  'adopt',
  'set-aside',
  'rebase',
] as const satisfies readonly (keyof typeof chainRequests)[];

async function writePlanFiles(): Promise<void> {
  const refused = { ...requests['create-internal'], name: 'base state' };
  for (const [name, request] of Object.entries({ ...requests, refused }))
    await writePlanFile(name, () => new LibvirtHost(), request);
  for (const [name, request] of Object.entries(chainRequests)) {
    const isWorn = wornRequests.some((each) => each === name);
    await writePlanFile(name, () => new ChainHost(isWorn ? 'worn' : 'running'), request);
  }
}

async function writePlanFile(name: string, hostFor: () => FakeHost, request: ChangeRequest): Promise<void> {
  const path = join(out, 'plan-files', `${name}.json`);
  if (existsSync(path)) return;
  time = startTime;
  ids = 0;
  const plan = await planServiceFor(hostFor(), clock, newId).create(hostId, { ...request, vmUuid });
  const file = { schema: 'snaptree.plan', version: journalVersion, plan };
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`);
}

async function writeHostBook(): Promise<void> {
  if (existsSync(hostBookFile)) return;
  ids = 0;
  const book = await openHostBook(hostBookFile, quiet, 'leave', newId);
  const common = { hypervisor: { kind: 'libvirt', uri: 'qemu:///system' }, sudo: false, readOnly: false } as const;
  const keyFile = { method: 'keyFile', path: '/home/ann/.ssh/id_ed25519' } as const;
  await book.add({ name: 'this computer', connection: { transport: 'local' }, ...common });
  const plain = { transport: 'ssh', address: 'kvm1.example', port: 22, user: 'root', jumps: [] } as const;
  await book.add({ name: 'kvm1', connection: { ...plain, jumps: [], authentication: { method: 'agent' } }, ...common });
  await book.add({
    name: 'kvm2 – Zürich',
    connection: {
      transport: 'ssh',
      address: '192.0.2.7',
      port: 2222,
      user: 'ann',
      authentication: keyFile,
      jumps: [
        { address: 'gate.example', port: 22, user: 'ann', authentication: keyFile },
        { address: 'fe80::1', port: 2200, user: 'jump', authentication: { method: 'password' } },
      ],
    },
    hypervisor: { kind: 'libvirt', uri: 'qemu+unix:///system?socket=/run/libvirt/other' },
    sudo: true,
    readOnly: true,
  });
  const openssh = { transport: 'openssh', destination: 'kvm3', port: null, user: null } as const;
  await book.add({ name: 'alias', connection: openssh, ...common });
  const full = { transport: 'openssh', destination: 'kvm4.example', port: 2022, user: 'bob' } as const;
  await book.add({
    name: 'openssh',
    connection: full,
    ...common,
    hypervisor: { kind: 'libvirt', uri: 'qemu:///session' },
  });
  for (const machine of ['alder', 'birch', 'cedar'] as const) {
    await book.add({ name: machine, connection: { transport: 'demo', machine }, ...common });
  }
}

await writeJournals();
await writeChainJournals();
await writeAuditTrail();
await writePlanFiles();
await writeHostBook();
// Operations that crashed on purpose wait for an answer that never comes.
process.exit(0);
