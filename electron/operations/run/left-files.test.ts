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

test('images that were to be deleted are named where nothing needs them any more', () => {
  expect(leftFiles(after('waiting'), host(true))).toEqual([middle, upper]);
  expect(leftFiles(after('failed'), host(true))).toEqual([middle, upper]);
});

test('nothing is named that is still in a chain, or that a snapshot needs with all below it', () => {
  expect(leftFiles(after('waiting'), host(false))).toEqual([]);
  expect(leftFiles(after('waiting'), host(true, upper))).toEqual([]);
  expect(leftFiles(after('waiting'), host(true, middle))).toEqual([upper]);
});

test('nothing is named that is gone', () => {
  expect(leftFiles(after('done'), host(true))).toEqual([]);
  const gone = inventory([vm({ uuid: vmUuid, disks: [disk('vda', first)] })], [image(first)]);
  expect(leftFiles(after('unknown'), gone)).toEqual([]);
});
