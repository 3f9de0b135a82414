/** The chain of the demo fleet that there is to merge: what is allowed, what it takes, and what a restart in the middle leaves. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RequestName, RequestPayload, ResponseValue } from '../../../shared/contract.ts';
import type { Operation, StepProgress } from '../../../shared/model/operation.ts';
import type { ChangeRequest } from '../../../shared/model/plan.ts';
import { isInterrupted } from '../../../shared/rules/operations/operation-life.ts';
import type { Application } from '../../application/application-factory.ts';
import { createApplication } from '../../application/application.ts';
import { createLog } from '../../base/log.ts';
import { listen } from '../../ipc/listen.ts';
import { demoHosts } from '../demo-fleet.ts';
import { activeImageOf, gibibyte, imageHolds, uuidFor } from '../furnish.ts';
import { chainFrom } from '../libvirt/world.ts';
import type { Machine } from '../machine.ts';
import { createSimulatedSshServer, type SimulatedSshServer } from '../ssh-server/simulated-ssh-server.ts';
import { createDemoMachine } from './fleet.ts';

// Copying takes the time that it takes in the demo fleet.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const never = new AbortController().signal;
const images = '/var/lib/libvirt/images';
let machine: Machine;
let server: SimulatedSshServer;
let vmUuid: string;
let dataFolder: string;
let application: Application;
let hostId: string;

const ask = <Name extends RequestName>(name: Name, payload: RequestPayload<Name>): Promise<ResponseValue<Name>> =>
  application.handlers.requests[name](payload, { signal: never });

const start = async (): Promise<void> => {
  application = await createApplication({
    dataFolder,
    shell: 'browser',
    log: createLog({ level: 'silent' }),
    connectSimulated: (_machine, hostName, signal) => server.connect(hostName, signal),
  });
};

beforeEach(async () => {
  machine = createDemoMachine('alder');
  server = createSimulatedSshServer(machine);
  vmUuid = uuidFor(machine, 'wiki');
  dataFolder = await mkdtemp(join(tmpdir(), 'snaptree-demo-merging-'));
  await start();
  const [settings] = demoHosts;
  if (!settings) throw new Error('There is no demo host.');
  hostId = (await ask('hosts.add', { settings })).id;
  await ask('hosts.connect', { hostId });
});
afterEach(async () => {
  await application.dispose();
  await rm(dataFolder, { recursive: true, maxRetries: 5 });
});

const commit = (base: string, top: string): ChangeRequest => ({
  action: 'commitImages',
  vmUuid,
  ranges: [{ target: 'vda', topId: `${images}/wiki.${top}`, baseId: `${images}/wiki.${base}` }],
  oneByOne: false,
  bytesPerSecond: null,
});
const chain = () => chainFrom(machine.world, activeImageOf(machine, vmUuid, 'vda')).map(({ path }) => path);

function operationOf(id: string): Operation {
  let found: Operation | undefined;
  listen(application.handlers, 'operations', {}, (event) => {
    if (event.kind === 'all') found = event.operations.find((one) => one.id === id);
  })();
  if (!found) throw new Error('There is no such operation.');
  return found;
}

async function begin(request: ChangeRequest): Promise<string> {
  const plan = await ask('plans.create', { hostId, request });
  expect(plan.refusals).toEqual([]);
  return (await ask('operations.start', { planId: plan.id })).operationId;
}

/** The step that runs has told that some of its bytes are copied, and that some are not. */
async function halfWay(id: string): Promise<void> {
  const told: StepProgress[] = [];
  const stop = listen(application.handlers, 'stepProgress', {}, (event) => told.push(...event));
  await vi.waitFor(
    () => {
      const isHalfWay = ({ operationId, doneBytes, totalBytes }: StepProgress) =>
        operationId === id && doneBytes > 0 && doneBytes < totalBytes;
      expect(told.some(isHalfWay)).toBe(true);
    },
    { timeout: 60_000, interval: 100 },
  );
  stop();
}

const ended = (id: string) =>
  vi.waitFor(
    () => {
      expect(operationOf(id).endedAt !== null || isInterrupted(operationOf(id))).toBe(true);
    },
    { timeout: 120_000, interval: 200 },
  );

/** What the guest wrote after each snapshot is what it reads. */
function expectData(): void {
  for (let index = 0; index < 5; index += 1) {
    const start = (8 + index * 3) * gibibyte;
    const range = { start, end: start + 3 * gibibyte, byte: 0x31 + index };
    expect(imageHolds(machine, activeImageOf(machine, vmUuid, 'vda'), range)).toBe(true);
  }
}

it('refuses to merge into what a test VM reads, with its name, and allows what lies above', async () => {
  const refused = await ask('plans.create', { hostId, request: commit('qcow2', 'before upgrade') });
  expect(new Set(refused.refusals.map(({ code }) => code))).toEqual(new Set(['imageHasDependents']));
  expect(refused.refusals[0]?.message).toContain('wiki-search-test');
  const allowed = await ask('plans.create', { hostId, request: commit('with search', 'spam filter') });
  expect(allowed.refusals).toEqual([]);
});

it('can be given up while it copies, and then merges all the same', async () => {
  const before = chain();
  const id = await begin(commit('with search', 'new theme'));
  await halfWay(id);
  await ask('operations.cancel', { operationId: id });
  await ended(id);
  expect(operationOf(id).state).toBe('cancelled');
  expect(chain()).toEqual(before);
  expectData();
  const again = await begin(commit('with search', 'new theme'));
  await ended(again);
  expect(operationOf(again).state).toBe('succeeded');
  expect(chain()).toEqual(before.filter((path) => path !== `${images}/wiki.new theme`));
  expectData();
});

it('goes on while Snaptree is away, and is brought to its end by the next one', async () => {
  const before = chain();
  const id = await begin(commit('with search', 'spam filter'));
  await halfWay(id);
  await application.dispose();
  await start();
  await ask('hosts.connect', { hostId });
  if (operationOf(id).endedAt === null) {
    await vi.waitFor(
      () => {
        expect(operationOf(id).examination?.choices).toContain('resume');
      },
      { timeout: 60_000, interval: 200 },
    );
    await ask('operations.resolve', { operationId: id, choice: 'resume' });
    await ended(id);
  }
  expect(operationOf(id).error).toBeNull();
  expect(operationOf(id).state).toBe('succeeded');
  expect(chain()).toEqual(before.slice(2));
  expectData();
});
