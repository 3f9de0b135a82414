/** The procedures of a model run, as fast-check makes them up and makes them fewer: numbers, which mean something on the host as it is. */
import * as fc from 'fast-check';
import { imagesById } from '../../shared/rules/chains/chains.ts';
import { memoryFileBeside } from '../../shared/rules/snapshots/new-files.ts';
import type { ReadableVm } from '../../shared/model/inventory.ts';
import type { ChangeRequest } from '../../shared/model/plan.ts';
import { places } from './disk-model.fixtures.ts';
import { faultKinds, type Fault } from './faults.fixtures.ts';
import type { ModelVmSpec } from './model-host.fixtures.ts';
import type { ModelRun } from './model-run.fixtures.ts';
import { readableVm } from './picture.fixtures.ts';

/** What is chosen by chance for a step. Each number chooses among as many as there are then. */
interface Choice {
  readonly vm: number;
  readonly action: 'create' | 'revert' | 'delete' | 'commit' | 'pull' | 'power' | 'memory' | 'clone';
  readonly state: 'as it is' | 'running' | 'shut off';
  /** What is written before, each to a disk: which of its places, as bits. */
  readonly writes: readonly number[];
  readonly first: number;
  readonly second: number;
  /** Internal rather than external; upwards; everything below; one by one; … */
  readonly flags: readonly boolean[];
  readonly fault: Fault | null;
}

const large = fc.nat({ max: 999 });

const faultOf: fc.Arbitrary<Fault> = fc.record({
  kind: fc.constantFrom(...faultKinds),
  step: fc.nat({ max: 11 }),
  when: fc.constantFrom('running' as const, 'done' as const),
  wishes: fc.constantFrom<Fault['wishes'][]>(
    ['resume', 'undo', 'forget'],
    ['undo', 'resume', 'forget'],
    ['undo', 'forget'],
  ),
});

/** @param faults of a hundred steps, so many that something goes wrong with */
function choices(faults: number): fc.Arbitrary<Choice> {
  return fc.record({
    vm: large,
    action: fc.oneof(
      { weight: 6, arbitrary: fc.constant('create' as const) },
      { weight: 4, arbitrary: fc.constant('revert' as const) },
      { weight: 4, arbitrary: fc.constant('delete' as const) },
      { weight: 3, arbitrary: fc.constant('commit' as const) },
      { weight: 2, arbitrary: fc.constant('pull' as const) },
      { weight: 2, arbitrary: fc.constant('power' as const) },
      { weight: 2, arbitrary: fc.constant('memory' as const) },
      { weight: 2, arbitrary: fc.constant('clone' as const) },
    ),
    state: fc.oneof(
      { weight: 12, arbitrary: fc.constant('as it is' as const) },
      { weight: 3, arbitrary: fc.constant('shut off' as const) },
      { weight: 2, arbitrary: fc.constant('running' as const) },
    ),
    writes: fc.array(fc.nat({ max: 2 ** places - 1 }), { minLength: 1, maxLength: 2, size: 'max' }),
    first: large,
    second: large,
    flags: fc.array(fc.boolean(), { minLength: 4, maxLength: 4, size: 'max' }),
    fault:
      faults === 0
        ? fc.constant(null)
        : fc.oneof({ weight: 100 - faults, arbitrary: fc.constant(null) }, { weight: faults, arbitrary: faultOf }),
  });
}

class Step implements fc.AsyncCommand<object, ModelRun> {
  readonly choice: Choice;
  readonly #isOver: () => boolean;

  constructor(choice: Choice, isOver: () => boolean) {
    this.choice = choice;
    this.#isOver = isOver;
  }

  check(): boolean {
    return !this.#isOver();
  }

  async run(_model: object, run: ModelRun): Promise<void> {
    const { choice } = this;
    const vm = run.host.vms[choice.vm % run.host.vms.length];
    if (!vm) throw new Error('There is no such VM.');
    const isTemplate = vm.targets.some((target) => run.isTemplate(vm, target));
    if (choice.state === 'shut off' || (choice.state === 'running' && !isTemplate))
      await run.setState(vm, choice.state);
    for (const [index, bits] of choice.writes.entries()) {
      const at = Array.from({ length: places }, (_, place) => place).filter((place) => (bits >> place) % 2 === 1);
      const target = vm.targets[index % vm.targets.length];
      if (at.length > 0 && target !== undefined && !run.isTemplate(vm, target)) await run.write(vm, target, at);
    }
    await run.procedure(requestFor(choice, vm, run), choice.fault);
  }

  toString(): string {
    return JSON.stringify(this.choice);
  }
}

export interface SequenceOptions {
  /** How many procedures a sequence has at most. */
  readonly longest: number;
  /** Of a hundred steps, so many that something goes wrong with. */
  readonly faults: number;
  /** Whether the rest of a sequence is left out. */
  readonly isOver: () => boolean;
  /** See `Replay.commands`. */
  readonly replayed?: string | undefined;
}

export function sequences({
  longest,
  faults,
  isOver,
  replayed,
}: SequenceOptions): fc.Arbitrary<Iterable<fc.AsyncCommand<object, ModelRun>>> {
  const steps = choices(faults).map((choice) => new Step(choice, isOver));
  return fc.commands([steps], {
    maxCommands: longest,
    size: 'max',
    ...(replayed !== undefined && { replayPath: replayed }),
  });
}

/** Of what the chosen action needs there may be nothing: then something is made that it can be done to. */
function requestFor(choice: Choice, spec: ModelVmSpec, run: ModelRun): ChangeRequest {
  const vm = readableVm(run.shown, spec.uuid);
  const snapshot = vm.snapshots[choice.first % Math.max(1, vm.snapshots.length)];
  const [a = false, b = false] = choice.flags;
  switch (choice.action) {
    case 'create':
      return create(choice, vm, run);
    case 'revert':
      return snapshot ? revert(choice, vm, snapshot, run) : create(choice, vm, run);
    case 'delete':
      return snapshot
        ? {
            action: 'deleteSnapshot',
            vmUuid: vm.uuid,
            snapshotId: snapshot.id,
            withDescendants: a && choice.second % 2 === 0,
            ...(b && { direction: 'up' as const }),
          }
        : create(choice, vm, run);
    case 'commit':
      return commit(choice, spec, run) ?? create(choice, vm, run);
    case 'pull':
      return pull(choice, spec, run) ?? create(choice, vm, run);
    case 'power':
      return power(choice, vm);
    case 'memory':
      return memory(choice, vm, run);
    case 'clone':
      return clone(choice, vm, run) ?? create(choice, vm, run);
  }
}

/** So many at once: each of them is read and compared after every step. */
const mostVms = 3;

function clone({ first, flags: [isThin, ofSnapshot] }: Choice, vm: ReadableVm, run: ModelRun): ChangeRequest | null {
  const snapshot = ofSnapshot === true ? vm.snapshots[first % Math.max(1, vm.snapshots.length)] : undefined;
  return run.host.vms.length >= mostVms
    ? null
    : {
        action: 'cloneVm',
        vmUuid: vm.uuid,
        snapshotId: snapshot?.id ?? null,
        kind: isThin === true ? 'thin' : 'full',
        newVm: run.newVm(),
      };
}

/** Without a shutdown: there is no guest that would take notice of it. */
const powerChanges = ['start', 'destroy', 'suspend', 'resume'] as const;

function power({ first }: Choice, { uuid }: ReadableVm): ChangeRequest {
  return { action: 'changePower', vmUuid: uuid, to: powerChanges[first % powerChanges.length] ?? 'start' };
}

/** Saves it for the next start, or to a file; where the VM does not run, lets it go on or gives it up, as often in vain. */
function memory({ first, flags: [isFile, isGivenUp] }: Choice, vm: ReadableVm, run: ModelRun): ChangeRequest {
  const vmUuid = vm.uuid;
  if (run.state(specOf(vm, run)) !== 'shut off') {
    const file = isFile === true ? memoryFor(vm, run.newName(), run) : null;
    return { action: 'saveMemory', vmUuid, file };
  }
  const file = run.memoryFiles[first % Math.max(1, run.memoryFiles.length)];
  if (file !== undefined && isFile === true) return { action: 'restoreMemory', vmUuid, file };
  return isGivenUp === true ? { action: 'discardMemory', vmUuid } : { action: 'changePower', vmUuid, to: 'start' };
}

function create(
  { flags: [isInternal, isPart, withMemory], first }: Choice,
  vm: ReadableVm,
  run: ModelRun,
): ChangeRequest {
  const name = run.newName();
  const kind = isInternal === true && first % 2 === 0 ? 'internal' : 'external';
  const part =
    isPart === true && first % 3 === 0 && kind === 'external' ? vm.disks[first % vm.disks.length] : undefined;
  const isRunning = run.state(specOf(vm, run)) === 'running';
  const memoryFile = withMemory === true && isRunning && kind === 'external' && !part ? memoryFor(vm, name, run) : null;
  return {
    action: 'createSnapshot',
    vmUuid: vm.uuid,
    kind,
    name,
    description: '',
    diskTargets: part ? [part.target] : null,
    ...(memoryFile !== null && { memoryFile }),
  };
}

function revert(
  { flags: [isSaved, withMemory] }: Choice,
  vm: ReadableVm,
  snapshot: ReadableVm['snapshots'][number],
  run: ModelRun,
): ChangeRequest {
  const saveAs = isSaved === true ? run.newName() : null;
  const isRunning = run.state(specOf(vm, run)) === 'running';
  const hasFile = saveAs !== null && withMemory === true && isRunning && snapshot.kind === 'external';
  const file = hasFile ? memoryFor(vm, saveAs, run) : null;
  return {
    action: 'revertToSnapshot',
    vmUuid: vm.uuid,
    snapshotId: snapshot.id,
    saveAs,
    ...(file !== null && { saveMemoryFile: file }),
  };
}

/** Seldom down into what both VMs hang on. */
function reach(chain: readonly string[], { flags }: Choice): readonly string[] {
  return flags[2] === true && flags[3] === true ? chain : chain.filter((path) => !path.endsWith('/base.qcow2'));
}

function commit(choice: Choice, spec: ModelVmSpec, run: ModelRun): ChangeRequest | null {
  const { first, second, flags } = choice;
  const ranges = chosenTargets(choice, spec).flatMap((target) => {
    const chain = reach(run.chain(spec, target), choice);
    if (chain.length < 2) return [];
    const top = first % (chain.length - 1);
    const base = top + 1 + (second % (chain.length - top - 1));
    return [{ target, topId: chain[top] ?? '', baseId: chain[base] ?? '' }];
  });
  return ranges.length === 0
    ? null
    : { action: 'commitImages', vmUuid: spec.uuid, ranges, oneByOne: flags[0] === true, bytesPerSecond: null };
}

function pull(choice: Choice, spec: ModelVmSpec, run: ModelRun): ChangeRequest | null {
  const { first, flags } = choice;
  const ranges = chosenTargets(choice, spec).flatMap((target) => {
    const chain = run.chain(spec, target);
    if (chain.length < 2) return [];
    const isFlattened = flags[0] === true && first % 4 === 0;
    return [{ target, baseId: isFlattened ? null : (chain[1 + (first % (chain.length - 1))] ?? null) }];
  });
  return ranges.length === 0 ? null : { action: 'pullImages', vmUuid: spec.uuid, ranges, bytesPerSecond: null };
}

function chosenTargets({ flags, first }: Choice, { targets }: ModelVmSpec): readonly string[] {
  const one = targets[first % targets.length];
  return flags[1] === true || one === undefined ? targets : [one];
}

function memoryFor(vm: ReadableVm, name: string, { shown }: ModelRun): string | null {
  return memoryFileBeside(vm, name, imagesById(shown.images));
}

function specOf({ uuid }: ReadableVm, { host }: ModelRun): ModelVmSpec {
  const spec = host.vms.find((each) => each.uuid === uuid);
  if (!spec) throw new Error('There is no such VM.');
  return spec;
}
