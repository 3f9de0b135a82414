/**
 * A run of procedures against the model: each goes Snaptree's own way (plan, review, operation), and after each of them the data of all
 * disks and snapshots is what the model says, and what Snaptree shows is what is there.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SnaptreeError } from '../../shared/errors.ts';
import type { Snapshot } from '../../shared/model/inventory.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan } from '../../shared/model/plan.ts';
import { hostSettings } from '../../shared/model/host.fixtures.ts';
import { ApplicationUnderTest, describe } from '../../electron/application/application-under-test.fixtures.ts';
import type { LibvirtVersion } from '../testbeds/places.ts';
import {
  carriedOut,
  cloned,
  deletedBy,
  empty,
  possibleContents,
  without,
  written,
  type Content,
  type ModelSnapshot,
  type ModelVm,
} from './disk-model.fixtures.ts';
import { doHarm, type Fault } from './faults.fixtures.ts';
import { baseByte, chainBelow, vmSpecs, ModelHost, type ModelVmSpec, type Reading } from './model-host.fixtures.ts';
import { differ, orphans, readableVm, shownState, sorted, wrongPictures, type Truth } from './picture.fixtures.ts';

const limitMs = 120_000;

/** How often what happened. */
export interface Tally {
  /** Procedures, writes of a guest, starts and ends of a VM. */
  steps: number;
  carriedOut: Map<string, number>;
  refused: Map<string, number>;
  faults: Map<string, number>;
  orphans: number;
}

export const newTally = (): Tally => ({
  steps: 0,
  carriedOut: new Map(),
  refused: new Map(),
  faults: new Map(),
  orphans: 0,
});

const count = (map: Map<string, number>, what: string): void => void map.set(what, (map.get(what) ?? 0) + 1);

export class ModelRun {
  readonly host: ModelHost;
  readonly tally: Tally;
  readonly #version: LibvirtVersion;
  application: ApplicationUnderTest;
  #vms = new Map<string, ModelVm>();
  #truth: Truth = { vms: new Map(), images: new Map() };
  readonly #givenUp = new Set<string>();
  #names = 0;
  #byte = 0;
  /** Files that hold the memory of a guest. */
  memoryFiles: string[] = [];
  /** What was done, for a person. */
  trace: string[] = [];

  private constructor(version: LibvirtVersion, host: ModelHost, application: ApplicationUnderTest, tally: Tally) {
    this.#version = version;
    this.host = host;
    this.application = application;
    this.tally = tally;
  }

  static async start(version: LibvirtVersion, tally: Tally): Promise<ModelRun> {
    const host = await ModelHost.start(version);
    try {
      await host.furnish();
      return new ModelRun(version, host, await applicationOn(host), tally);
    } catch (error) {
      await host.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    try {
      await this.application.close();
    } finally {
      await this.host.stop();
    }
  }

  /** Both VMs as new. */
  async begin(): Promise<void> {
    await this.host.furnish();
    this.#givenUp.clear();
    this.#names = 0;
    this.#byte = 0;
    this.memoryFiles = [];
    this.trace = [];
    const first = (target: string): Content => (target === 'vda' ? empty.map(() => baseByte) : empty);
    this.#vms = new Map(
      vmSpecs.map(({ uuid, targets }) => [
        uuid,
        { disks: new Map(targets.map((target) => [target, first(target)])), snapshots: new Map(), current: null },
      ]),
    );
    await this.application.ask('inventory.refresh', { hostId: this.application.hostId });
    await this.#readTruth();
    await this.#check();
  }

  get shown() {
    return this.application.shown();
  }

  /** The active layer first, by what the images record. */
  chain(vm: ModelVmSpec, target: string): readonly string[] {
    return chainBelow(this.#factsOf(vm).active.get(target) ?? '', this.#truth.images);
  }

  /** Others hang on what the disk writes to: whoever writes there all the same makes their data another. Snaptree does not start such a VM. */
  isTemplate(vm: ModelVmSpec, target: string): boolean {
    const active = this.#factsOf(vm).active.get(target);
    return [...this.#truth.images.values()].some(({ backing }) => backing === active);
  }

  state(vm: ModelVmSpec): string {
    return this.#factsOf(vm).state;
  }

  newName(): string {
    this.#names += 1;
    return `s${this.#names}`;
  }

  newVm(): { readonly name: string; readonly uuid: string } {
    const name = this.newName();
    return { name: `c${name}`, uuid: `33333333-3333-4333-8333-${String(this.#names).padStart(12, '0')}` };
  }

  async write(vm: ModelVmSpec, target: string, at: readonly number[]): Promise<void> {
    this.#byte = (this.#byte % 250) + 1;
    const byte = this.#byte === baseByte ? (this.#byte += 1) : this.#byte;
    this.tally.steps += 1;
    this.trace.push(`write ${byte} to ${vm.name} ${target} at ${at.join(',')}`);
    await this.host.write(vm, this.#factsOf(vm), target, at, byte);
    this.#vms.set(vm.uuid, written(this.#modelOf(vm), target, at, byte));
    await this.#checkData();
  }

  async setState(vm: ModelVmSpec, wanted: 'running' | 'shut off'): Promise<void> {
    if (this.state(vm) === wanted) return;
    this.tally.steps += 1;
    this.trace.push(`${wanted === 'running' ? 'start' : 'end'} ${vm.name}`);
    await this.host.setState(vm, this.#factsOf(vm), wanted);
    await this.#readTruth();
    await this.#checkData();
  }

  /** Plans and runs a change, and checks everything afterwards. A plan that is refused is an answer, and changes nothing. */
  async procedure(request: ChangeRequest, fault: Fault | null): Promise<void> {
    const vm = this.host.vms.find(({ uuid }) => uuid === request.vmUuid);
    if (!vm) throw new Error('There is no such VM.');
    this.tally.steps += 1;
    const plan = await this.application.plan(request);
    const what = 'kind' in request ? ` ${request.kind}` : 'to' in request ? ` ${request.to}` : '';
    const kind = `${request.action}${what}, ${this.state(vm)}`;
    const [refusal] = plan.refusals;
    this.trace.push(
      `${JSON.stringify(request)}${refusal ? `: refused, ${refusal.code}` : ''}${fault ? ` with ${JSON.stringify(fault)}` : ''}`,
    );
    if (refusal) {
      count(this.tally.refused, `${kind}: ${refusal.code}`);
      return;
    }
    const before = this.#modelOf(vm);
    const spoiled = this.#spoiledBy(vm, request);
    const operation = await this.#run(plan, vm, fault);
    const succeeded = operation.state === 'succeeded';
    const isRefused = isRefusedByLook(operation);
    if (!succeeded && !isRefused && fault === null)
      throw new Error(`“${plan.title}” did not succeed: ${describe(operation)}`);
    if (fault) await this.#refresh();
    if (request.action === 'cloneVm') this.host.vms = [...this.host.vms, { ...vm, ...request.newVm }];
    await this.#readTruth();
    // What was given up in the middle may have made it, and then it is whole.
    if (request.action === 'cloneVm' && this.host.vms.some(({ uuid }) => uuid === request.newVm.uuid))
      this.#vms.set(request.newVm.uuid, cloned(before, request.snapshotId));
    if (succeeded) {
      count(this.tally.carriedOut, kind);
      this.#vms.set(vm.uuid, carriedOut(before, request, spoiled));
      const wrong = fault ? [] : this.#brokenPromises(plan);
      if (wrong.length > 0) throw new Error(`Not as planned. ${wrong.join(' ')}`);
      if (request.action === 'saveMemory' && request.file !== null) this.memoryFiles.push(request.file);
    } else if (isRefused && fault === null) count(this.tally.refused, `${kind}: as a look found`);
    else {
      count(this.tally.faults, `${request.action}: ${operation.state}`);
      this.#givenUp.add(vm.uuid);
      await this.#adopt(vm, before, request, spoiled);
    }
    await this.#check();
  }

  /** Throws where something is not as the model says, or Snaptree shows something else than is there. */
  async #check(): Promise<void> {
    const { shown } = this;
    const wrong = [
      ...wrongPictures(shown, this.#truth, this.#givenUp),
      ...differ('the VMs of the model', [...this.#vms.keys()].sort(), [...this.#truth.vms.keys()].sort()),
      ...this.host.vms.flatMap((vm) => {
        const { snapshots, current } = this.#modelOf(vm);
        const facts = this.#factsOf(vm);
        const tree = new Map([...snapshots].map(([name, { parent }]) => [name, parent]));
        return [
          ...differ(`the model's tree of ${vm.name}`, sorted(tree), sorted(facts.snapshots)),
          ...differ(`where the model of ${vm.name} is`, current, facts.current),
        ];
      }),
    ];
    this.tally.orphans += orphans(shown, this.#truth).length;
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    await this.#checkData();
  }

  /** Throws where a disk or a snapshot reads otherwise than the model says. */
  async #checkData(): Promise<void> {
    const wrong: string[] = [];
    const expected: { readonly reading: Reading; readonly content: Content; readonly what: string }[] = [];
    for (const vm of this.host.vms) {
      const model = this.#modelOf(vm);
      const facts = this.#factsOf(vm);
      await this.host.flush(vm, facts);
      for (const [target, content] of model.disks)
        expected.push({
          reading: { image: facts.active.get(target) ?? '', internal: null },
          content,
          what: `disk ${target} of ${vm.name}`,
        });
      for (const snapshot of readableVm(this.shown, vm.uuid).snapshots) {
        const held = model.snapshots.get(snapshot.name)?.disks ?? new Map<string, Content>();
        const readings = readingsOf(snapshot);
        wrong.push(...differ(`the disks of ${snapshot.name}`, [...readings.keys()].sort(), [...held.keys()].sort()));
        for (const [target, reading] of readings)
          expected.push({
            reading,
            content: held.get(target) ?? empty,
            what: `${target} in ${snapshot.name} of ${vm.name}`,
          });
      }
    }
    const found = await this.host.contents(expected.map(({ reading }) => reading));
    for (const [index, { content, what, reading }] of expected.entries())
      wrong.push(...differ(`the data of ${what} (${reading.image})`, found[index], content));
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  }

  async #run(plan: Plan, vm: ModelVmSpec, fault: Fault | null): Promise<Operation> {
    const { application } = this;
    const harmed = fault && doHarm(fault, plan, vm, this);
    const id = await application.begin(plan);
    await harmed?.done(id);
    application.onChange = () => undefined;
    if (!fault) return application.rests(id, limitMs);
    await application.bringToEnd(id, fault.wishes, limitMs);
    return application.operation(id);
  }

  /** Snapshots whose data a merge down writes over: that in its base, and in what it merges but for the uppermost. */
  #spoiledBy(vm: ModelVmSpec, request: ChangeRequest): ReadonlySet<string> {
    if (request.action !== 'commitImages') return new Set();
    const { snapshots } = readableVm(this.shown, vm.uuid);
    return new Set(
      request.ranges.flatMap(({ target, topId, baseId }) => {
        const chain = this.chain(vm, target);
        const over = chain.slice(chain.indexOf(topId) + 1, chain.indexOf(baseId) + 1);
        return snapshots
          .filter(({ disks }) =>
            disks.some(
              (disk) => disk.target === target && disk.kind === 'external' && over.includes(disk.dataImageId ?? ''),
            ),
          )
          .map(({ name }) => name);
      }),
    );
  }

  /** What a plan said would be there, and is not. */
  #brokenPromises({ after, vmUuid }: Plan): readonly string[] {
    const newVm = after.newVm ? [after.newVm] : [];
    const promised = [{ uuid: vmUuid, chains: after.chains }, ...newVm];
    const facts = this.#truth.vms.get(vmUuid);
    const tree = new Map(after.snapshots.map(({ name, parentId }) => [name, parentId]));
    return [
      ...differ('the planned tree', sorted(tree), sorted(facts?.snapshots ?? new Map())),
      ...differ('the planned place in it', after.currentSnapshotId, facts?.current),
      ...differ('the planned state', after.vmState === 'idle' ? 'running' : after.vmState, shownState(facts?.state)),
      ...promised.flatMap(({ uuid, chains }) =>
        chains.flatMap(({ target, imageIds }) =>
          differ(
            `the planned chain of ${target}`,
            imageIds,
            chainBelow(this.#truth.vms.get(uuid)?.active.get(target) ?? '', this.#truth.images),
          ),
        ),
      ),
    ];
  }

  /** Takes over what a procedure left that something went wrong with, where that is something that it may leave. */
  async #adopt(vm: ModelVmSpec, before: ModelVm, request: ChangeRequest, spoiled: ReadonlySet<string>): Promise<void> {
    const facts = this.#factsOf(vm);
    await this.host.flush(vm, facts);
    const mayGo = request.action === 'deleteSnapshot' ? deletedBy(before, request) : spoiled;
    const gone = [...before.snapshots.keys()].filter((name) => !facts.snapshots.has(name));
    const lost = gone.filter((name) => !mayGo.has(name));
    if (lost.length > 0) throw new Error(`${lost.join(', ')} went with a procedure that was not to take them.`);
    const own = without(before, new Set(gone));
    const made = carriedOut(before, request, new Set());
    const snapshots = new Map<string, ModelSnapshot>();
    for (const [name, parent] of facts.snapshots) {
      const known = own.snapshots.get(name) ?? made.snapshots.get(name);
      if (!known) throw new Error(`Nothing was to make the snapshot ${name}.`);
      snapshots.set(name, { ...known, parent });
    }
    const targets = [...before.disks.keys()];
    const found = await this.host.contents(
      targets.map((target) => ({ image: facts.active.get(target) ?? '', internal: null })),
    );
    const disks = new Map(
      targets.map((target, index) => {
        const possible = possibleContents(before, request, target);
        const content = possible.find((each) => JSON.stringify(each) === JSON.stringify(found[index]));
        if (!content) {
          const texts = [found[index], possible].map((each) => JSON.stringify(each));
          throw new Error(`Disk ${target} reads as ${texts[0] ?? ''}, which it never may: ${texts[1] ?? ''}.`);
        }
        return [target, content] as const;
      }),
    );
    this.#vms.set(vm.uuid, { disks, snapshots, current: facts.current });
  }

  /** Where the connection was lost, it comes back by itself. */
  async #refresh(): Promise<void> {
    const end = Date.now() + limitMs;
    for (;;) {
      try {
        await this.application.ask('inventory.refresh', { hostId: this.application.hostId });
        return;
      } catch (error) {
        if (!SnaptreeError.is(error) || Date.now() > end) throw error;
        await delay(200);
      }
    }
  }

  async #readTruth(): Promise<void> {
    this.#truth = { vms: await this.host.facts(), images: this.host.imageFacts() };
  }

  #factsOf({ uuid, name }: ModelVmSpec) {
    const facts = this.#truth.vms.get(uuid);
    if (!facts) throw new Error(`libvirt does not know ${name}.`);
    return facts;
  }

  #modelOf({ uuid }: ModelVmSpec): ModelVm {
    const model = this.#vms.get(uuid);
    if (!model) throw new Error('There is no model of the VM.');
    return model;
  }

  /** For messages. */
  get version(): LibvirtVersion {
    return this.#version;
  }
}

/** Whether memory still fits its disks is seen on the host only, when the plan is run: nothing was changed then. */
function isRefusedByLook({ plan, state, steps }: Operation): boolean {
  const goesOn = plan.request.action === 'restoreMemory' || plan.request.action === 'changePower';
  const failed = steps.find((step) => step.state === 'failed');
  return goesOn && state === 'failed' && failed !== undefined && plan.steps[failed.index]?.onlyLooks === true;
}

function applicationOn(host: ModelHost): Promise<ApplicationUnderTest> {
  const settings = hostSettings({ name: 'model', connection: { transport: 'demo', machine: 'alder' } });
  return ApplicationUnderTest.openOn(settings, {
    shell: 'commandLine',
    connectSimulated: (_machine, name) => Promise.resolve(host.secluded.connect(name)),
  });
}

/** Where the data of a snapshot is to be read, by target. */
function readingsOf({ name, disks }: Snapshot): ReadonlyMap<string, Reading> {
  return new Map(
    disks
      .filter(({ kind }) => kind !== 'none')
      .map(({ target, kind, dataImageId }) => [
        target,
        { image: dataImageId ?? '', internal: kind === 'internal' ? name : null },
      ]),
  );
}
