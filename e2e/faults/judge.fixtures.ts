/** What is wrong with a host after something went wrong with a procedure on it: each in a sentence, nothing where all is well. */
import { setTimeout as delay } from 'node:timers/promises';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { Plan } from '../../shared/model/plan.ts';
import { findingsOf } from '../../shared/rules/findings/findings.ts';
import { defaultReportThresholds } from '../../shared/rules/findings/report-thresholds.ts';
import {
  carriedOut,
  deletedBy,
  empty,
  possibleContents,
  without,
  type Content,
  type ModelVm,
} from '../model/disk-model.fixtures.ts';
import { vmSpecs, type ModelVmSpec, type Reading, type VmFacts } from '../model/model-host.fixtures.ts';
import { orphans, readableVm, wrongPictures, type Truth } from '../model/picture.fixtures.ts';
import type { ApplicationUnderTest } from '../../electron/application/application-under-test.fixtures.ts';
import type { FaultHost } from './fault-host.fixtures.ts';
import { vmUuid, type SceneModel } from './scenes.fixtures.ts';

const [one, two] = vmSpecs as readonly [ModelVmSpec, ModelVmSpec];
/** What the second administrator makes. */
export const theirs = 'theirs';

/** What was there before, and what was wanted of it. */
export interface Before {
  readonly scene: SceneModel;
  readonly plan: Plan;
  /** In virsh's words. */
  readonly state: string;
  /** Another operation before was given up, and has left what it has left. */
  readonly isGivenUp?: boolean;
  /** Whether the fault may start the VM or end it. */
  readonly mayChangeState: boolean;
}

export interface Verdict {
  readonly lost: readonly string[];
  readonly stuck: readonly string[];
  /** Snapshots that a merge was to take along, are still there, and read as something else. */
  readonly spoiled: readonly string[];
}

/** Reads the host anew, and everything on it. */
export async function judge(
  host: FaultHost,
  application: ApplicationUnderTest,
  before: Before,
  operation: Operation | null,
): Promise<Verdict> {
  await refresh(application);
  const shown = application.shown();
  const truth: Truth = { vms: await host.facts(), images: host.imageFacts() };
  const facts = factsOf(truth, one);
  const succeeded = operation?.state === 'succeeded';
  const data = await wrongData(host, readableVm(shown, vmUuid), truth, before, succeeded);
  const lost = [...data.wrong, ...(await wrongDisks(host, factsOf(truth, two), before))];
  // Of a procedure that was left in the middle something may rightly be said to be wrong.
  const givenUp = new Set(succeeded ? [] : [vmUuid]);
  const newVm = before.plan.after.newVm?.uuid;
  const isGivenUp = before.isGivenUp === true || operation === null || operation.state === 'forgotten';
  // Of what was merged by hand the images are left, which it touches none of.
  const leavesImages = before.plan.request.action === 'repairRecords';
  return {
    lost,
    spoiled: data.spoiled,
    stuck: [
      ...(newVm === undefined ? wrongPictures(shown, truth, givenUp) : []),
      ...wrongState(facts, before, succeeded),
      ...application
        .operations()
        .filter(({ endedAt }) => endedAt === null)
        .map(({ plan }) => `“${plan.title}” has not ended.`),
      ...host.leftovers().map((path) => `${path} is left on the host.`),
      ...(await leftJobs(host, facts)),
      ...(newVm === undefined && !leavesImages
        ? untoldOrphans(orphans(shown, truth), shown, isGivenUp, application.operations())
        : []),
    ],
  };
}

/** Where the connection was lost, it comes back by itself. */
async function refresh(application: ApplicationUnderTest): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      await application.ask('inventory.refresh', { hostId: application.hostId });
      return;
    } catch (error) {
      if (!SnaptreeError.is(error) || Date.now() > end) throw error;
      await delay(200);
    }
  }
}

function factsOf({ vms }: Truth, { uuid, name }: ModelVmSpec): VmFacts {
  const facts = vms.get(uuid);
  if (!facts) throw new Error(`libvirt does not know ${name}.`);
  return facts;
}

function modelOf({ scene: { models } }: Before, { uuid }: ModelVmSpec): ModelVm {
  const model = models.get(uuid);
  if (!model) throw new Error('There is no model of the VM.');
  return model;
}

function wrongState({ state }: VmFacts, { state: first, plan, mayChangeState }: Before, succeeded: boolean) {
  const { vmState } = plan.after;
  const planned = vmState === 'shutoff' ? 'shut off' : vmState;
  if (state === planned || (!succeeded && state === first)) return [];
  // Nothing that goes wrong makes it stand still.
  if (mayChangeState && state !== 'paused') return [];
  // It may have been left shut off in the middle of going back: what it needs is then said, and it can be started.
  if (!succeeded && plan.request.action === 'revertToSnapshot' && state === 'shut off') return [];
  return [`The VM is ${state}; it was ${first}, and was to be ${planned}.`];
}

/** Snapshots that the procedure takes along, or calls otherwise. */
function mayGo(before: ModelVm, { request }: Plan): ReadonlySet<string> {
  if (request.action === 'renameSnapshot') return new Set([request.snapshotId]);
  if (request.action !== 'deleteSnapshot') return new Set();
  return deletedBy(before, request);
}

/** The snapshots that a merge spoils go: those that the plan does not show afterwards. Of those that were lost come back which it shows. */
function afterAll(before: ModelVm, plan: Plan, { lost }: SceneModel): ModelVm {
  const kept = new Set(plan.after.snapshots.map(({ name }) => name));
  const known = carriedOut(before, plan.request, new Set());
  const found = [...lost].filter(([name]) => kept.has(name));
  const done = { ...known, snapshots: new Map([...known.snapshots, ...found]) };
  return without(done, new Set([...done.snapshots.keys()].filter((name) => !kept.has(name))));
}

async function wrongData(
  host: FaultHost,
  vm: ReadableVm,
  truth: Truth,
  before: Before,
  succeeded: boolean,
): Promise<{ readonly wrong: readonly string[]; readonly spoiled: readonly string[] }> {
  const facts = factsOf(truth, one);
  const model = modelOf(before, one);
  const { request, after } = before.plan;
  const { lost } = before.scene;
  const wanted = afterAll(model, before.plan, before.scene);
  const going = new Set([
    ...mayGo(model, before.plan),
    ...[...model.snapshots.keys()].filter((name) => !wanted.snapshots.has(name)),
  ]);
  const spoiled = new Set<string>();
  const made = carriedOut(model, request, new Set());
  const expected = succeeded ? wanted : null;
  const wrong: string[] = [];
  for (const name of (expected ?? model).snapshots.keys())
    if (!facts.snapshots.has(name) && (expected !== null || !going.has(name)))
      wrong.push(`The snapshot ${name} is gone.`);
  if (succeeded)
    for (const name of facts.snapshots.keys())
      if (!wanted.snapshots.has(name) && name !== theirs) wrong.push(`The snapshot ${name} is still there.`);
  const readings: {
    readonly reading: Reading;
    readonly allowed: readonly Content[];
    readonly what: string;
    readonly snapshot?: string;
  }[] = [];
  await host.flush(one, facts);
  for (const target of model.disks.keys()) {
    const possible = expected ? [expected.disks.get(target) ?? empty] : possibleContents(model, request, target);
    readings.push({
      reading: { image: facts.active.get(target) ?? '', internal: null },
      // What they did to it may have been in between.
      allowed: facts.snapshots.has(theirs) ? possibleContents(model, request, target) : possible,
      what: `disk ${target}`,
    });
  }
  for (const { name, disks } of vm.snapshots) {
    const known = (expected ?? model).snapshots.get(name) ?? made.snapshots.get(name) ?? lost.get(name);
    if (!known && name !== theirs) {
      wrong.push(`Nobody made a snapshot ${name}.`);
      continue;
    }
    for (const { target, kind, dataImageId } of disks) {
      if (kind === 'none') continue;
      const allowed = known ? [known.disks.get(target) ?? empty] : possibleContents(model, request, target);
      readings.push({
        reading: { image: dataImageId ?? '', internal: kind === 'internal' ? name : null },
        allowed,
        what: `${target} in ${name}`,
        snapshot: name,
      });
    }
  }
  if (succeeded)
    for (const { target, imageIds } of after.newVm?.chains ?? []) {
      const snapshotId = request.action === 'cloneVm' ? request.snapshotId : null;
      const source = snapshotId === null ? model.disks : model.snapshots.get(snapshotId)?.disks;
      readings.push({
        reading: { image: imageIds[0] ?? '', internal: null },
        allowed: [source?.get(target) ?? empty],
        what: `${target} of the new VM`,
      });
    }
  const found = await host.contents(readings.map(({ reading }) => reading));
  for (const [index, { allowed, what, reading, snapshot }] of readings.entries()) {
    const text = JSON.stringify(found[index]);
    if (allowed.some((each) => JSON.stringify(each) === text)) continue;
    if (snapshot !== undefined && going.has(snapshot) && !succeeded) spoiled.add(snapshot);
    else
      wrong.push(
        `${what} (${reading.image}) reads as ${text}, and not as ${allowed.map((each) => JSON.stringify(each)).join(' or ')}.`,
      );
  }
  return { wrong, spoiled: [...spoiled] };
}

/** The other VM, which hangs on the same base. */
async function wrongDisks(host: FaultHost, facts: VmFacts, before: Before): Promise<readonly string[]> {
  const model = modelOf(before, two);
  const targets = [...model.disks.keys()];
  const found = await host.contents(
    targets.map((target) => ({ image: facts.active.get(target) ?? '', internal: null })),
  );
  return targets.flatMap((target, index) =>
    JSON.stringify(found[index]) === JSON.stringify(model.disks.get(target))
      ? []
      : [`Disk ${target} of ${two.name} reads as ${JSON.stringify(found[index])}.`],
  );
}

/**
 * Images that nobody needs, and of which nobody was told: by an operation itself; of one whose rest was given up, or whose journal nobody can
 * read, by the findings about its host.
 */
function untoldOrphans(
  paths: readonly string[],
  shown: Inventory,
  isGivenUp: boolean,
  operations: readonly Operation[],
): readonly string[] {
  const told = operations.map(({ error, examination }) => `${error?.message ?? ''} ${examination?.message ?? ''}`);
  const found = isGivenUp ? findingsOf('kvm', shown, defaultReportThresholds, Date.now() / 1000) : [];
  const isTold = (path: string) =>
    told.some((text) => text.includes(path)) ||
    found.some((finding) => finding.code === 'fileWithoutRecord' && finding.path === path);
  return paths.filter((path) => !isTold(path)).map((path) => `Nobody names ${path}.`);
}

async function leftJobs(host: FaultHost, { state }: VmFacts): Promise<readonly string[]> {
  if (state === 'shut off') return (await host.isCopying()) ? ['A qemu-img still runs.'] : [];
  const jobs: string[] = [];
  for (const target of one.targets)
    if ((await host.copied(target)) !== null) jobs.push(`A block job is left on ${target}.`);
  return jobs;
}

/** Starts the VM anew, as its user would. Gives why it does not start. */
export async function whyNotStartable(host: FaultHost, uuids: readonly string[]): Promise<readonly string[]> {
  const why: string[] = [];
  for (const uuid of uuids) {
    const state = (await host.virsh(`domstate ${uuid}`)).trim();
    try {
      if (state !== 'shut off') await host.virsh(`destroy ${uuid}`);
      await host.virsh(`start ${uuid}`);
      const now = (await host.virsh(`domstate ${uuid}`)).trim();
      if (now !== 'running' && now !== 'paused') why.push(`${uuid} is ${now} after it was started.`);
    } catch (error) {
      why.push(`${uuid} does not start: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return why;
}
