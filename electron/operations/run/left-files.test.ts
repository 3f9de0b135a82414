import { expect, test } from 'vitest';
import { disk, held, image, internal, inventory, overlay, vm } from '../../../shared/model/inventory.fixtures.ts';
import type { StepState } from '../../../shared/model/operation.ts';
import { FakeHost, planFor, step, vmUuid } from '../fake-host.fixtures.ts';
import { leftFiles } from './left-files.ts';

const [first, middle, upper, active] = ['/vms/0', '/vms/1', '/vms/2', '/vms/3'] as const;
const plan = planFor(new FakeHost(), ['a', 'b'], {
  steps: [
    { ...step('a'), index: 0, invalidates: [first, middle, upper] },
    { ...step('b'), index: 1, deletes: [middle, upper] },
  ],
});
const after = (last: StepState) => ({
  plan,
  steps: (['done', last] as const).map((state, index) => ({
    index,
    state,
    startedAt: null,
    endedAt: null,
    exitCode: null,
    output: '',
  })),
});

/** The chain before and after the merge of `middle` and `upper` into `first`. */
function host(isMerged: boolean, dataOfSnapshot: string | null = null) {
  const snapshots = dataOfSnapshot === null ? [] : [internal('x', null, { disks: [held('vda', dataOfSnapshot)] })];
  return inventory(
    [vm({ uuid: vmUuid, disks: [disk('vda', active)], snapshots })],
    [image(first), overlay(middle, first), overlay(upper, middle), overlay(active, isMerged ? first : upper)],
  );
}

const toDelete = (...of: Parameters<typeof leftFiles>) => leftFiles(...of).toDelete;

test('images that were to be deleted are named where nothing needs them any more', () => {
  expect(toDelete(after('waiting'), host(true))).toEqual([middle, upper]);
  expect(toDelete(after('failed'), host(true))).toEqual([middle, upper]);
});

test('nothing is named that is still in a chain, or that a snapshot needs with all below it', () => {
  expect(toDelete(after('waiting'), host(false))).toEqual([]);
  expect(toDelete(after('waiting'), host(true, upper))).toEqual([]);
  expect(toDelete(after('waiting'), host(true, middle))).toEqual([upper]);
});

test('nothing is named that is gone', () => {
  expect(toDelete(after('done'), host(true))).toEqual([]);
  const gone = inventory([vm({ uuid: vmUuid, disks: [disk('vda', first)] })], [image(first)]);
  expect(toDelete(after('unknown'), gone)).toEqual([]);
});

test('what was made for a step that is not done is named, unless it is needed by now', () => {
  const making = planFor(new FakeHost(), ['a', 'b'], {
    steps: [
      { ...step('a'), index: 0, creates: ['/vms/new', '/vms/memory'] },
      { ...step('b'), index: 1 },
    ],
  });
  const of = (state: StepState, isUsed: boolean, exitCode: number | null = null) => {
    const disks = [disk('vda', isUsed ? '/vms/new' : first)];
    const there = inventory([vm({ uuid: vmUuid, disks })], [image(first), overlay('/vms/new', first)]);
    const [made, rest] = after('failed').steps;
    if (!made || !rest) throw new Error('no steps');
    return leftFiles({ plan: making, steps: [{ ...made, state, exitCode }, rest] }, there);
  };
  expect(of('done', false)).toEqual({ toDelete: [], made: ['/vms/new'] });
  expect(of('failed', false, 1)).toEqual({ toDelete: [], made: [] });
  expect(of('failed', false, 0)).toEqual({ toDelete: [], made: ['/vms/new'] });
  expect(of('done', true)).toEqual({ toDelete: [], made: [] });
});
