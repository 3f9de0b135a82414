/** For tests: a host in memory that obeys the rules of host-job.ts and host-lock.ts, and can fail at any call. */
import { SnaptreeError } from '../../shared/errors.ts';
import type { Inventory, Snapshot } from '../../shared/model/inventory.ts';
import type { ChangeRequest, Plan, PlanStep } from '../../shared/model/plan.ts';
import { disk, image, inventory, vm } from '../../shared/model/inventory.fixtures.ts';
import type { PlanDraft } from '../hypervisors/driver.ts';
import { plainStep } from '../hypervisors/planning/plain-step.ts';
import { checkExpectations } from './plans/expectations.ts';
import { stateDigestOf } from './plans/state-digest.ts';
import type { ByteProgress, JobStatus, WishAnswer } from './host/host-job.ts';
import type { LockOwner } from './host/host-lock.ts';
import type { HostTools } from './host/host-tools.ts';

export const hostId = '22222222-2222-4222-8222-222222222222';
export const vmUuid = '11111111-1111-4111-8111-111111111111';

/** What happens at the call of that number (from 0), and on which side of its effect. */
export interface Fault {
  readonly at: number;
  readonly when: 'before' | 'after';
  /** lost: the connection. crash: Snaptree itself; whatever it waits for never comes. */
  readonly kind: 'lost' | 'crash';
}

interface Job {
  readonly argv: readonly string[];
  status: JobStatus;
}

export class FakeHost {
  readonly locks = new Map<string, LockOwner>();
  /** By folder and then by step and attempt, as `jobName` names them. */
  readonly folders = new Map<string, Map<string, Job>>();
  /** Every command that was really run, in order. */
  readonly runs: string[] = [];
  readonly calls: string[] = [];
  readonly audit: string[] = [];
  /** What steps that run were told, and what they say to it. */
  readonly wishes: string[] = [];
  answer: WishAnswer = { kind: 'done', sentence: 'It is so.' };
  snapshots: Snapshot[] = [];
  vmState: 'running' | 'paused' | 'shutoff' = 'running';
  /** Steps go on until `finish` is called. */
  slow = false;
  /** As the user of Snaptree set it. */
  readOnly = false;
  /** How commands end that do nothing. */
  exitCode = 0;
  /** What the next commands do; by default each makes the snapshot that it names. */
  effect: (argv: readonly string[]) => void = (argv) => {
    this.addSnapshot(argv[1] ?? '');
  };
  fault: Fault | null = null;
  #connected = true;
  /** How often the connection was made, and how often Snaptree was started. */
  #connection = 0;
  #process = 0;
  #crash: () => void = () => undefined;
  /** Whether the fault was met. */
  faultMet = false;
  #waiters: (() => void)[] = [];
  /** Settles when a fault of the kind `crash` was met. */
  crashed = Promise.resolve();

  /** Sets the fault to come; calls are counted from here. */
  arm(fault: Fault | null): void {
    this.fault = fault;
    this.faultMet = false;
    this.calls.length = 0;
    this.crashed = new Promise((resolve) => {
      this.#crash = resolve;
    });
  }

  /** The connection stands again; what was under way before is lost. */
  reconnect(): void {
    this.fault = null;
    this.#connected = true;
    this.#connection += 1;
  }

  disconnect(): void {
    this.#connected = false;
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  addSnapshot(name: string): void {
    this.snapshots = [
      ...this.snapshots,
      {
        id: name,
        name,
        parentId: null,
        kind: 'internal',
        vmState: 'running',
        createdAt: 1,
        description: '',
        memory: { kind: 'internal' },
        disks: [],
      },
    ];
  }

  get inventory(): Inventory {
    return inventory(
      [vm({ uuid: vmUuid, state: this.vmState, snapshots: this.snapshots, disks: [disk('vda', '/a.qcow2')] })],
      [image('/a.qcow2')],
    );
  }

  /** The steps that still run end now. */
  finish(exitCode = 0): void {
    for (const job of this.#jobs()) {
      if (job.status.state !== 'running') continue;
      if (exitCode === 0) this.effect(job.argv);
      job.status = { state: 'exited', exitCode, stdout: 'finished', stderr: '' };
    }
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** The steps that still run tell how far they are. */
  tell(progress: ByteProgress): void {
    for (const job of this.#jobs()) {
      if (job.status.state === 'running') job.status = { ...job.status, progress };
    }
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** The steps that still run are killed. */
  kill(rebooted = false): void {
    for (const job of this.#jobs()) {
      if (job.status.state === 'running') job.status = { state: 'died', rebooted, stdout: '', stderr: '' };
    }
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  readonly readHost = (): Promise<{ inventory: Inventory }> =>
    this.#call('read', () => ({ inventory: this.inventory }));

  readonly toolsFor = (): HostTools => ({
    lock: (uuid, owner) =>
      this.#call('lock', () => {
        const holder = this.locks.get(uuid) ?? owner;
        this.locks.set(uuid, holder);
        return holder.operationId === owner.operationId
          ? { acquired: true }
          : { acquired: false, path: `/var/tmp/snaptree-${uuid}.lock`, owner: holder };
      }),
    takeLockOver: (uuid, owner, from) =>
      this.#call('takeLockOver', () => {
        const holder = this.locks.get(uuid);
        if (holder?.operationId === from) this.locks.set(uuid, owner);
        return { acquired: true };
      }),
    prepare: (operationId) =>
      this.#call('prepare', () => {
        const folder = `/state/${operationId}`;
        if (!this.folders.has(folder)) this.folders.set(folder, new Map());
        return folder;
      }),
    start: ({ folder, stepIndex, attempt, argv, lock }) =>
      this.#call('start', () => {
        if (this.locks.get(lock.vmUuid)?.operationId !== lock.operationId) return { state: 'absent' };
        this.startJob(folder, stepIndex, argv, attempt);
        return this.#status(folder, jobName(stepIndex, attempt));
      }),
    wait: ({ folder, stepIndex, attempt }, seen) => {
      const present = () => this.#status(folder, jobName(stepIndex, attempt));
      return this.#call('wait', present, () => {
        const status = present();
        return status.state === 'running' && status.progress === (seen?.progress ?? null);
      });
    },
    inspect: ({ folder, stepIndex, attempt }) =>
      this.#call('inspect', () => this.#status(folder, jobName(stepIndex, attempt))),
    abort: () =>
      this.#call('abort', () => {
        this.finish(143);
      }),
    tell: ({ folder, stepIndex, attempt }, wish) =>
      this.#call('tell', () => {
        if (this.#status(folder, jobName(stepIndex, attempt)).state !== 'running') return { kind: 'ended' } as const;
        this.wishes.push(`${wish.verb} ${wish.amount}`);
        return this.answer;
      }),
    cleanUp: ({ operationId, jobFolder }) =>
      this.#call('cleanUp', () => {
        const jobs = this.folders.get(jobFolder ?? `/state/${operationId}`);
        if (jobs && [...jobs.values()].some(({ status }) => status.state === 'running')) return 'running';
        this.folders.delete(jobFolder ?? `/state/${operationId}`);
        const held = [...this.locks].filter(([, owner]) => owner.operationId === operationId);
        for (const [uuid] of held) this.locks.delete(uuid);
        return jobs || held.length > 0 ? 'cleaned' : 'nothingThere';
      }),
  });

  /** The start of a step arrives on the host, on time or late. */
  startJob(folder: string, stepIndex: number, argv: readonly string[], attempt = 0): void {
    const name = jobName(stepIndex, attempt);
    const jobs = this.folders.get(folder);
    if (!jobs || jobs.has(name)) return;
    this.runs.push(argv.join(' '));
    if (this.slow) {
      jobs.set(name, {
        argv,
        status: { state: 'running', stdout: 'begun', stderr: '', outputBytes: 5, progress: null },
      });
      return;
    }
    const { exitCode } = this;
    if (exitCode === 0) this.effect(argv);
    const stderr = exitCode === 0 ? '' : 'error: no room\n';
    jobs.set(name, { argv, status: { state: 'exited', exitCode, stdout: 'ok', stderr } });
  }

  #jobs(): Job[] {
    return [...this.folders.values()].flatMap((jobs) => [...jobs.values()]);
  }

  #status(folder: string, name: string): JobStatus {
    const jobs = this.folders.get(folder);
    if (!jobs) return { state: 'folderMissing' };
    return jobs.get(name)?.status ?? { state: 'absent' };
  }

  async #call<T>(name: string, effect: () => T, waits = () => false): Promise<T> {
    const connection = this.#connection;
    const process = this.#process;
    const number = this.calls.push(name) - 1;
    // A real host answers later, never at once.
    await Promise.resolve();
    const meet = async (when: Fault['when']): Promise<void> => {
      if (this.fault?.at === number && this.fault.when === when) {
        this.faultMet = true;
        this.#connected = false;
        if (this.fault.kind === 'crash') {
          this.#process += 1;
          this.#crash();
        }
      }
      // Nothing answers a Snaptree that is no more.
      if (process !== this.#process) await new Promise(() => undefined);
      if (!this.#connected || connection !== this.#connection)
        throw new SnaptreeError('connectionLost', 'The connection to kvm1 was lost.');
    };
    await meet('before');
    if (waits()) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
      await meet('before');
    }
    const result = effect();
    await meet('after');
    return result;
  }
}

export function jobName(stepIndex: number, attempt = 0): string {
  return `${stepIndex}-${attempt}`;
}

export function step(name: string): PlanStep {
  return {
    index: 0,
    title: `Create the snapshot ${name}`,
    argv: ['virsh', name],
    reads: [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
    verify: [{ kind: 'snapshotExists', snapshotId: name }],
    ...plainStep,
  };
}

/** The driver of `planFor`: what is left to do of the plan on the host as it is. */
export function draftAgain(plan: Plan, inventory: Inventory): PlanDraft {
  return { ...plan, steps: plan.steps.filter(({ verify }) => !checkExpectations(verify, vmUuid, inventory).met) };
}

/** A plan that makes a snapshot per name, for the host as it is now. */
export function planFor(host: FakeHost, names: readonly string[], parts: Partial<Plan> = {}): Plan {
  const request: ChangeRequest = { action: 'revertToSnapshot', saveAs: null, vmUuid, snapshotId: 'a' };
  const steps = parts.steps ?? names.map((name, index) => ({ ...step(name), index }));
  return {
    id: '33333333-3333-4333-8333-333333333333',
    hostId,
    hostName: 'kvm1',
    vmUuid,
    vmName: 'web',
    request,
    title: `Create ${names.join(' and ')}`,
    createdAt: 1_795_000_000,
    fingerprint: stateDigestOf({ vmUuid, steps }, host.inventory),
    steps,
    refusals: [],
    warnings: [],
    rooms: [],
    expectedPause: null,
    after: { vmState: 'running', snapshots: [], currentSnapshotId: null, chains: [] },
    script: '',
    ...parts,
  };
}
