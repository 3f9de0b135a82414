/** For tests: the application with one host of the testbed, and what its operations do, as a renderer would see it. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type * as testbed from './index.ts';
import { SnaptreeError } from '../../shared/errors.ts';
import type { RequestName, RequestPayload, ResponseValue } from '../../shared/contract.ts';
import { hostSettings, sshConnection } from '../../shared/model/host.fixtures.ts';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import type { Operation, Resolution, StepProgress } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { isInterrupted } from '../../shared/rules/operation-life.ts';
import { listen } from '../../electron/ipc/listen.ts';
import type { Application, ApplicationOptions } from '../../electron/application/application-factory.ts';
import type { UntilKilled } from './application-until-killed.fixtures.ts';
import { createApplication } from '../../electron/application/application.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const never = new AbortController().signal;

type ShellKind = ApplicationOptions['shell'];

export class TestbedApplication {
  readonly #folder: string;
  readonly #shell: ShellKind;
  #application: Application | null = null;
  readonly #operations = new Map<string, Operation>();
  #progress: readonly StepProgress[] = [];
  /** Called with every operation as it changes, before anything else is done for it. */
  onChange: (operation: Operation) => void = () => undefined;
  hostId = '';

  private constructor(folder: string, shell: ShellKind) {
    this.#folder = folder;
    this.#shell = shell;
  }

  /**
   * Connected to a host.
   *
   * @param shell for another than `commandLine` the host is watched all the time, which takes its processor
   */
  static async open(
    server: Pick<testbed.SshServer, 'host' | 'port'>,
    { users, keyFile }: testbed.TestbedConnection,
    shell: ShellKind = 'commandLine',
  ): Promise<TestbedApplication> {
    const application = new TestbedApplication(await mkdtemp(join(tmpdir(), 'snaptree-faults-')), shell);
    await application.#start();
    const authentication = { method: 'keyFile', path: keyFile } as const;
    const { host: address, port } = server;
    const connection = sshConnection({ address, port, user: users.administrator, authentication });
    const added = await application.ask('hosts.add', { settings: { ...hostSettings(), name: 'kvm', connection } });
    application.hostId = added.id;
    await application.ask('hosts.connect', { hostId: added.id });
    return application;
  }

  async close(): Promise<void> {
    await this.#application?.dispose();
    await rm(this.#folder, { recursive: true, maxRetries: 5 });
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

  /** How far its step is that runs; undefined where it does not tell. */
  progress(id: string): StepProgress | undefined {
    return this.#progress.find(({ operationId }) => operationId === id);
  }

  async read(uuid: string): Promise<ReadableVm> {
    await this.ask('inventory.refresh', { hostId: this.hostId });
    let found: ReadableVm | undefined;
    if (!this.#application) throw new Error('Snaptree does not run.');
    listen(this.#application.handlers, 'inventory', { hostId: this.hostId }, (event) => {
      const inventory = event.kind === 'all' ? event.state.inventory : null;
      const one = inventory?.vms.find((vm) => vm.uuid === uuid);
      if (one?.readable) found = one;
    })();
    if (!found) throw new Error('The VM is not readable.');
    return found;
  }

  /**
   * Runs a change in a process of its own, which is killed by SIGKILL: as soon as a step has ended, or when `meanwhile` has.
   * Then starts here what the user would start again, and connects.
   */
  async beginAndBeKilled(
    request: ChangeRequest,
    afterStep: number | null,
    meanwhile: () => Promise<void>,
  ): Promise<string> {
    await this.#application?.dispose();
    const task: UntilKilled = { dataFolder: this.#folder, hostId: this.hostId, request, afterStep };
    const program = new URL('application-until-killed.fixtures.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const killed = new Promise<void>((resolve) => child.on('close', resolve));
    let printed = '';
    child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
    if (afterStep === null) {
      await meanwhile();
      child.kill('SIGKILL');
    }
    await killed;
    await this.#start();
    const id = printed.split('\n')[0] ?? '';
    if (id === '') throw new Error('The process that was to be killed ended before it began.');
    await this.ask('hosts.connect', { hostId: this.hostId });
    return id;
  }

  /** What became of an operation: waits until it ended, or waits for its user. */
  async rests(id: string, limitMs: number): Promise<Operation> {
    const end = Date.now() + limitMs;
    for (;;) {
      const operation = this.operation(id);
      if (operation.endedAt !== null || (isInterrupted(operation) && operation.examination !== null)) return operation;
      if (Date.now() > end) throw new Error(`“${operation.plan.title}” is stuck: ${describe(operation)}`);
      await delay(50);
    }
  }

  /** As its user would bring it to an end: by the first of their wishes that is offered. Gives what was chosen, in order. */
  async bringToEnd(id: string, wishes: readonly Resolution[], limitMs: number): Promise<readonly string[]> {
    const chosen: string[] = [];
    for (;;) {
      const operation = await this.rests(id, limitMs);
      if (operation.endedAt !== null) return chosen;
      const offered = operation.examination?.choices ?? [];
      const choice = wishes.find((each) => offered.includes(each));
      if (!choice || chosen.length > 5) throw new Error(`It offers nothing that helps: ${describe(operation)}`);
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

  async #start(): Promise<void> {
    this.#operations.clear();
    const application = await createApplication({ dataFolder: this.#folder, shell: this.#shell, log: silent });
    this.#application = application;
    listen(application.handlers, 'questions', {}, (questions) => {
      for (const { id, kind } of questions)
        if (kind === 'unknownHostKey')
          void this.ask('questions.answer', { questionId: id, answer: { kind: 'accept' } });
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

/** For messages of tests. */
export function describe({ state, steps, error, examination }: Operation): string {
  const last = steps.findLast((step) => step.state !== 'waiting');
  return [state, last && `step ${last.index} ${last.state}`, error?.message, examination?.message]
    .filter((text) => text !== undefined)
    .join('; ');
}
