/** One cell of the matrix: a procedure in its scene, something that goes wrong at a moment of it, and what is there afterwards. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Operation, Resolution } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { isInterrupted } from '../../shared/rules/operations/operation-life.ts';
import { clusterBytes } from '../model/disk-model.fixtures.ts';
import { vmSpecs, type ModelVmSpec } from '../model/model-host.fixtures.ts';
import { waitUntil } from '../testbeds/index.ts';
import { describe, TestbedApplication } from '../testbeds/testbed-application.fixtures.ts';
import { FaultHost, type FaultServer } from './fault-host.fixtures.ts';
import { doHarm, mend } from './harm.fixtures.ts';
import { judge, whyNotStartable, type Before } from './judge.fixtures.ts';
import {
  cellText,
  pointsOf,
  scrambled,
  type Cell,
  type CellResult,
  type FaultKind,
  type Moment,
  type Point,
} from './matrix.fixtures.ts';
import { requestOf, type Procedure } from './procedures.fixtures.ts';
import { folder, makeScene, vmUuid, type SceneModel } from './scenes.fixtures.ts';

const limitMs = 90_000;
/** Where an operation was cut off by something else than its connection, nobody looks at its host before its user does. */
const unseenMs = 15_000;
const mebibyte = 1024 ** 2;
const [one] = vmSpecs as readonly [ModelVmSpec];
const furtherWishes: readonly Resolution[] = ['resume', 'undo', 'forget'];

/** The points of a procedure on that host; with the refusal, where it is not to be had there. */
export async function pointsOn(
  server: FaultServer,
  procedure: Procedure,
  faults: readonly FaultKind[],
): Promise<{ readonly points: readonly Point[]; readonly refusal: string | null }> {
  return withHost(server, procedure, null, async ({ host, application }) => {
    const plan = await application.plan(await requestOf(procedure, application));
    const isRunning = (await host.facts()).get(vmUuid)?.state !== 'shut off';
    const [refusal] = plan.refusals;
    return { points: refusal ? [] : pointsOf(plan, isRunning, faults), refusal: refusal?.message ?? null };
  });
}

interface Stage {
  readonly host: FaultHost;
  readonly application: TestbedApplication;
  readonly scene: SceneModel;
}

async function withHost<Result>(
  server: FaultServer,
  procedure: Procedure,
  moment: Moment | null,
  act: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  rmSync(server.holdFile, { force: true });
  const host = await FaultHost.startOn(server, moment?.when === 'copying' ? 4 * mebibyte : clusterBytes);
  try {
    const scene = await makeScene(host, { steps: procedure.scene });
    const application = await TestbedApplication.open(server.ssh, server.connection);
    try {
      return await act({ host, application, scene });
    } finally {
      rmSync(server.holdFile, { force: true });
      host.release();
      await application.close();
    }
  } finally {
    await host.stop();
  }
}

export async function runCell(server: FaultServer, procedure: Procedure, cell: Cell): Promise<CellResult> {
  const startedAt = performance.now();
  const result = await withHost(server, procedure, cell.moment, (stage) =>
    new CellRun(server, procedure, cell, stage).run(),
  );
  return { ...result, cell, seconds: (performance.now() - startedAt) / 1000 };
}

type Outcome = Omit<CellResult, 'cell' | 'seconds'>;
const nothing: Outcome = {
  isMissing: true,
  state: '',
  chosen: [],
  offered: [],
  lost: [],
  notStartable: [],
  stuck: [],
  again: '',
};

class CellRun {
  readonly #server: FaultServer;
  readonly #procedure: Procedure;
  readonly #cell: Cell;
  readonly #stage: Stage;
  readonly #stuck: string[] = [];

  constructor(server: FaultServer, procedure: Procedure, cell: Cell, stage: Stage) {
    this.#server = server;
    this.#procedure = procedure;
    this.#cell = cell;
    this.#stage = stage;
  }

  /** What is caught in the middle is done slowly. */
  async #request(): Promise<ChangeRequest> {
    const request = await requestOf(this.#procedure, this.#stage.application);
    return 'bytesPerSecond' in request && this.#cell.moment.when === 'copying'
      ? { ...request, bytesPerSecond: mebibyte }
      : request;
  }

  async run(): Promise<Outcome> {
    const { host, application, scene } = this.#stage;
    const { fault, choice } = this.#cell;
    const state = (await host.facts()).get(vmUuid)?.state ?? '';
    const request = await this.#request();
    const plan = await application.plan(request);
    const [refusal] = plan.refusals;
    if (refusal) throw new Error(`The plan is refused: ${refusal.message}`);
    const before: Before = {
      scene,
      plan,
      state,
      mayChangeState: fault === 'qemuKilled' || fault === 'secondAdministrator',
    };
    const id = fault === 'snaptreeKilled' ? await this.#beKilled(request) : await this.#beHarmed(plan);
    if (id === null) return nothing;
    const unreadable = await this.#forgetUnreadable(id);
    const first = unreadable !== null ? null : await this.#rests(id);
    const offered = first?.endedAt === null ? (first.examination?.choices ?? []) : [];
    await mend(host, fault);
    const wishes = [...(choice === null ? [] : [choice]), ...furtherWishes];
    const looked = first !== null && isInterrupted(first) && first.examination === null;
    if (looked) await application.ask('operations.examine', { operationId: id });
    const chosen = [
      ...(looked ? ['examine'] : []),
      ...(unreadable ?? (await application.bringToEnd(id, wishes, limitMs))),
    ];
    const operation = unreadable !== null ? null : application.operation(id);
    const verdict = await judge(host, application, before, operation);
    await this.#checkSpoiled(verdict.spoiled);
    const isRunAgain = scrambled(cellText(this.#cell).length * 31 + this.#cell.moment.step) % 3 === 0;
    const again = !isRunAgain ? '' : operation?.state === 'succeeded' ? '' : await this.#again(operation);
    const newVm = plan.after.newVm?.uuid;
    const isNewThere = newVm !== undefined && (await host.virsh('list --all --uuid')).includes(newVm);
    return {
      isMissing: false,
      state: operation === null ? 'unreadable' : describe(operation),
      chosen,
      offered,
      lost: verdict.lost,
      stuck: [...this.#stuck, ...verdict.stuck],
      notStartable: await whyNotStartable(host, [vmUuid, ...(isNewThere ? [newVm] : [])]),
      again,
    };
  }

  /** Until it has ended, or waits for its user: for a choice, or to be looked at. */
  async #rests(id: string): Promise<Operation> {
    const { application } = this.#stage;
    let since = Date.now();
    await waitUntil(
      'the operation to rest',
      () => {
        const operation = application.operation(id);
        if (!isInterrupted(operation)) since = Date.now();
        return isAtRest(operation) || Date.now() > since + unseenMs;
      },
      limitMs,
    );
    return application.operation(id);
  }

  /** Begins, and lets it happen at its moment. Null: that moment did not come. */
  async #beHarmed(plan: Plan): Promise<string | null> {
    const { host, application } = this.#stage;
    const { moment } = this.#cell;
    const seen = { isThere: false };
    if (moment.when === 'copying') writeFileSync(host.sign('slow'), '');
    application.onChange = (operation) => {
      if (seen.isThere || !isAt(operation, moment)) return;
      seen.isThere = true;
      writeFileSync(this.#signFor(moment), '');
    };
    const id = await application.begin(plan);
    const rests = () => isAtRest(application.operation(id));
    await waitUntil('the moment', () => seen.isThere || rests(), limitMs);
    const isMet = seen.isThere && (await this.#isMet(rests));
    application.onChange = () => undefined;
    if (isMet) this.#stuck.push(...(await doHarm({ ...this.#stage, server: this.#server, plan, id }, this.#cell)));
    rmSync(this.#server.holdFile, { force: true });
    host.release();
    if (isMet && moment.when === 'copying') await this.#hasten();
    return isMet ? id : null;
  }

  /** In a process of its own. */
  async #beKilled(request: ChangeRequest): Promise<string | null> {
    const { host, application } = this.#stage;
    const { moment } = this.#cell;
    const state = moment.when === 'end' ? 'done' : 'running';
    if (moment.when === 'before' || moment.when === 'end')
      return application.beginAndBeKilled(request, { step: moment.step, state, file: null }, null);
    if (moment.when === 'copying') writeFileSync(host.sign('slow'), '');
    const seen = { wasLocked: false, isMet: false };
    const file = this.#signFor(moment);
    const id = await application.beginAndBeKilled(request, { step: moment.step, state, file }, async () => {
      seen.isMet = await this.#isMet(() => {
        seen.wasLocked ||= host.isLocked;
        return seen.wasLocked && !host.isLocked;
      });
    });
    host.release();
    if (seen.isMet && moment.when === 'copying') await this.#hasten();
    return seen.isMet ? id : null;
  }

  /** Made where the moment is: whoever comes by it then is held. */
  #signFor({ when }: Moment): string {
    if (when === 'before' || when === 'end') return this.#server.holdFile;
    return this.#stage.host.sign(when === 'copying' ? 'copying' : when);
  }

  /** Waits until something is held, or copied; false where the operation came past it. */
  async #isMet(isPast: () => boolean): Promise<boolean> {
    const { host } = this.#stage;
    const { when } = this.#cell.moment;
    if (when === 'before' || when === 'end') return true;
    const isHere = async () => {
      if (when !== 'copying') return host.isHeld;
      if (!existsSync(host.sign('copying'))) return false;
      if (await host.isCopying()) return true;
      const copied = await Promise.all(one.targets.map((target) => host.copied(target)));
      return copied.some((bytes) => bytes !== null && bytes > 0);
    };
    const seen = { isMet: false };
    await waitUntil('a command to be held', async () => (seen.isMet = await isHere()) || isPast(), limitMs);
    if (seen.isMet && when === 'copying') await delay(300);
    return seen.isMet;
  }

  /** What copied slowly, to be caught, goes on as fast as it can. */
  async #hasten(): Promise<void> {
    const { host } = this.#stage;
    for (const target of one.targets)
      await host.secluded.sh(`virsh -q -c qemu:///system blockjob ${vmUuid} ${target} --bandwidth 0 2>/dev/null || :`);
  }

  /**
   * An operation whose journal cannot be read can only be forgotten, once nothing of it runs; one that had ended needs nothing. Gives what
   * was chosen; null where it is not such a one.
   */
  async #forgetUnreadable(id: string): Promise<readonly string[] | null> {
    const { application } = this.#stage;
    if (this.#cell.fault !== 'journalFlipped' || application.operations().some((each) => each.id === id)) return null;
    if (application.unreadable(id)?.state === 'ended') return [];
    const end = Date.now() + limitMs;
    for (;;) {
      try {
        await application.ask('operations.resolve', { operationId: id, choice: 'forget' });
        return ['forget'];
      } catch (error) {
        if (!SnaptreeError.is(error, 'operationNotResolvable') || Date.now() > end) throw error;
        await delay(200);
      }
    }
  }

  /** What a snapshot holds was to go, and is something else now: nobody goes back to it without being told. */
  async #checkSpoiled(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const { application, host } = this.#stage;
    // Nothing in a scene is older than a moment, and what is written so soon may belong to the taking of the snapshot.
    await host.secluded.sh(`touch -d '1 minute' ${folder}/*.qcow2`);
    for (const snapshotId of names) {
      const plan = await application.plan({ action: 'revertToSnapshot', vmUuid, snapshotId, saveAs: null });
      const isTold = plan.refusals.length > 0 || plan.warnings.some(({ code }) => code === 'writtenSince');
      const told = plan.warnings.map(({ code }) => code).join(', ');
      if (!isTold)
        this.#stuck.push(`${snapshotId} holds something else than it did, and of going back to it is said: ${told}.`);
    }
  }

  /** The same, planned from what is there now. */
  async #again(first: Operation | null): Promise<string> {
    const { host, application, scene } = this.#stage;
    const state = (await host.facts()).get(vmUuid)?.state ?? '';
    let plan: Plan;
    try {
      plan = await application.plan(await requestOf(this.#procedure, application));
    } catch (error) {
      // What it was about is not there any more.
      if (SnaptreeError.is(error)) return `refused: ${error.code}`;
      throw error;
    }
    const [refusal] = plan.refusals;
    if (refusal) return `refused: ${refusal.code}`;
    const id = await application.begin(plan);
    await application.bringToEnd(id, furtherWishes, limitMs);
    const operation = application.operation(id);
    const isGivenUp = first === null || first.state === 'forgotten';
    const then = { scene, plan, state, isGivenUp, mayChangeState: true };
    const verdict = await judge(host, application, then, operation);
    this.#stuck.push(...[...verdict.lost, ...verdict.stuck].map((text) => `Run again: ${text}`));
    if (operation.state !== 'succeeded' && this.#procedure.mayFail !== true)
      this.#stuck.push(`Run again: ${describe(operation)}`);
    return operation.state;
  }
}

function isAt({ steps }: Operation, { when, step }: Moment): boolean {
  return steps[step]?.state === (when === 'end' ? 'done' : 'running');
}

const isAtRest = (operation: Operation): boolean =>
  operation.endedAt !== null || (isInterrupted(operation) && operation.examination !== null);
