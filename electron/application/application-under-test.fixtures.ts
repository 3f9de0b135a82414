/** For tests: the application with one host, and what its operations do, as a renderer would see it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SnaptreeError } from '../../shared/errors.ts';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import type { Batch } from '../../shared/model/batch.ts';
import type { HostSettings } from '../../shared/model/host.ts';
import type { Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import type { Operation, Resolution, StepProgress, UnreadableOperation } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { isInterrupted } from '../../shared/rules/operations/operation-life.ts';
import { listen } from '../ipc/listen.ts';
import type { Application, ApplicationOptions } from './application-factory.ts';
import { createApplication } from './application.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new AbortController().signal;

/** How it is made. */
export type OptionsUnderTest = Pick<ApplicationOptions, 'shell' | 'connectSimulated'>;

export class ApplicationUnderTest {
  readonly folder: string;
  readonly #options: OptionsUnderTest;
  #application: Application | null = null;
  readonly #operations = new Map<string, Operation>();
  readonly #batches = new Map<string, Batch>();
  #progress: readonly StepProgress[] = [];
  /** Called with every operation as it changes, before anything else is done for it. */
  onChange: (operation: Operation) => void = () => undefined;
  /** As `onChange`, of batches. */
  onBatchChange: (batch: Batch) => void = () => undefined;
  hostId = '';

  constructor(folder: string, options: OptionsUnderTest) {
    this.folder = folder;
    this.#options = options;
  }

  /** An application of that kind, connected to a host. */
  static async openOn(settings: HostSettings, options: OptionsUnderTest): Promise<ApplicationUnderTest> {
    const application = new ApplicationUnderTest(await dataFolder(), options);
    await application.connect(settings);
    return application;
  }

  /** Starts, and connects to its host. */
  async connect(settings: HostSettings): Promise<void> {
    await this.start();
    this.hostId = (await this.ask('hosts.add', { settings })).id;
    await this.ask('hosts.connect', { hostId: this.hostId });
  }

  async close(): Promise<void> {
    await this.leave();
    await rm(this.folder, { recursive: true, maxRetries: 5 });
  }

  ask<Name extends RequestName>(name: Name, payload: RequestPayload<Name>): Promise<ResponseValue<Name>> {
    if (!this.#application) throw new Error('Snaptree does not run.');
    return this.#application.handlers.requests[name](payload, { signal: never });
  }

  plan(request: ChangeRequest): Promise<Plan> {
    return this.ask('plans.create', { hostId: this.hostId, request });
  }

  async begin(plan: Plan): Promise<string> {
    return (await this.ask('operations.start', { planId: plan.id })).operationId;
  }

  operations(): readonly Operation[] {
    return [...this.#operations.values()];
  }

  operation(id: string): Operation {
    const found = this.#operations.get(id);
    if (!found) throw new Error('There is no such operation.');
    return found;
  }

  batch(id: string): Batch {
    const found = this.#batches.get(id);
    if (!found) throw new Error('There is no such batch.');
    return found;
  }

  /** How far its step is that runs; undefined where it does not tell. */
  progress(id: string): StepProgress | undefined {
    return this.#progress.find(({ operationId }) => operationId === id);
  }

  /** An operation whose journal cannot be used; undefined where there is none of that id. */
  unreadable(id: string): UnreadableOperation | undefined {
    if (!this.#application) throw new Error('Snaptree does not run.');
    const found: UnreadableOperation[] = [];
    listen(this.#application.handlers, 'unreadableOperations', {}, (operations) => found.push(...operations))();
    return found.find((operation) => operation.id === id);
  }

  async read(uuid: string): Promise<ReadableVm> {
    await this.ask('inventory.refresh', { hostId: this.hostId });
    const found = this.shown().vms.find((vm) => vm.uuid === uuid);
    if (!found?.readable) throw new Error('The VM is not readable.');
    return found;
  }

  /** What is known of the host, from its last reading. */
  shown(): Inventory {
    if (!this.#application) throw new Error('Snaptree does not run.');
    const found: Inventory[] = [];
    listen(this.#application.handlers, 'inventory', { hostId: this.hostId }, (event) => {
      if (event.kind === 'all' && event.state.inventory) found.push(event.state.inventory);
    })();
    const [inventory] = found;
    if (!inventory) throw new Error('The host was not read.');
    return inventory;
  }

  /**
   * What became of an operation: waits until it ended, or waits for its user.
   *
   * @param looksAfterMs an operation that was cut off and not examined for so long is examined, as its user would: where the daemon on
   *   the host went away, and the connection did not, that is noticed by reading the host, and the command line reads none by itself
   */
  async rests(id: string, limitMs: number, looksAfterMs = Infinity): Promise<Operation> {
    const end = Date.now() + limitMs;
    let looksAt = Date.now() + looksAfterMs;
    for (;;) {
      const operation = this.operation(id);
      if (operation.endedAt !== null || (isInterrupted(operation) && operation.examination !== null)) return operation;
      if (!isInterrupted(operation)) looksAt = Date.now() + looksAfterMs;
      else if (Date.now() >= looksAt) {
        looksAt = Date.now() + looksAfterMs;
        await this.ask('operations.examine', { operationId: id }).catch((error: unknown) => {
          if (!SnaptreeError.is(error)) throw error;
        });
      }
      if (Date.now() > end) throw new Error(`“${operation.plan.title}” is stuck: ${describe(operation)}`);
      await delay(50);
    }
  }

  /** As its user would bring it to an end: by the first of their wishes that is offered. Gives what was chosen, in order. */
  async bringToEnd(id: string, wishes: readonly Resolution[], limitMs: number): Promise<readonly string[]> {
    const chosen: string[] = [];
    for (;;) {
      const operation = await this.rests(id, limitMs, 3000);
      if (operation.endedAt !== null) return chosen;
      const offered = operation.examination?.choices ?? [];
      const choice = wishes.find((each) => offered.includes(each));
      if (!choice || chosen.length > 5)
        throw new Error(`It offers nothing that helps (${chosen.join('; ')}): ${describe(operation)}`);
      try {
        await this.ask('operations.resolve', { operationId: id, choice });
        chosen.push(choice);
      } catch (error) {
        // It is being connected again, or the operation has gone on by itself.
        if (!(error instanceof SnaptreeError)) throw error;
        chosen.push(`${choice}: ${error.code}`);
        await delay(500);
      }
      await delay(100);
    }
  }

  /** Ends Snaptree; what it keeps stays. */
  async leave(): Promise<void> {
    await this.#application?.dispose();
  }

  /** Starts it over what it kept. */
  async start(): Promise<void> {
    this.#operations.clear();
    this.#batches.clear();
    const application = await createApplication({ dataFolder: this.folder, log: silent, ...this.#options });
    this.#application = application;
    listen(application.handlers, 'questions', {}, (questions) => {
      for (const { id, kind } of questions)
        if (kind === 'unknownHostKey')
          void this.ask('questions.answer', { questionId: id, answer: { kind: 'accept' } });
    });
    listen(application.handlers, 'batches', {}, (event) => {
      for (const batch of event.kind === 'all' ? event.batches : [event.batch]) {
        this.#batches.set(batch.id, batch);
        this.onBatchChange(batch);
      }
    });
    listen(application.handlers, 'stepProgress', {}, (progress) => {
      this.#progress = progress;
    });
    listen(application.handlers, 'operations', {}, (event) => {
      for (const operation of event.kind === 'all' ? event.operations : [event.operation]) {
        this.#operations.set(operation.id, operation);
        this.onChange(operation);
      }
    });
  }
}

/** A new folder for what an application keeps. */
export const dataFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'snaptree-under-test-'));

/** For messages of tests. */
export function describe({ state, steps, error, examination }: Operation): string {
  const last = steps.findLast((step) => step.state !== 'waiting');
  return [state, last && `step ${last.index} ${last.state}`, error?.message, examination?.message]
    .filter((text) => text !== undefined)
    .join('; ');
}
