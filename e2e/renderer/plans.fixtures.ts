/** A stand-in for the planner: plausible plans, so that the review has something to show. */
import type { Image, Inventory, ReadableVm } from '../../shared/model/inventory.ts';
import type { Operation } from '../../shared/model/operation.ts';
import type { ChangeRequest, Plan, PlanRoom, PlanStep } from '../../shared/model/plan.ts';
import { chainFrom, imagesById } from '../../shared/rules/chains/chains.ts';
import { subtreeIds } from '../../shared/rules/snapshots/snapshot-forest.ts';
import { now, snapshot, uuid } from './inventories.fixtures.ts';

let planCount = 0;

function step(index: number, title: string, argv: string[], change: Partial<PlanStep> = {}): PlanStep {
  return {
    index,
    title,
    argv,
    reads: [],
    writes: [],
    creates: [],
    invalidates: [],
    deletes: [],
    verify: [],
    cancellation: 'betweenSteps',
    whenInterrupted: 'examine',
    group: null,
    runs: 'inOrder',
    ...change,
  };
}

function roomOf(bytes: number): PlanRoom {
  const folders = ['/var/lib/libvirt/images'];
  return { folders, likelyBytes: bytes / 2, atMostBytes: bytes, guestBytes: 0, freeBytes: 212 * 1024 ** 3 };
}

export function fakePlan(hostId: string, vm: ReadableVm, inventory: Inventory, request: ChangeRequest): Plan {
  planCount += 1;
  const images = imagesById(inventory.images);
  const active = vm.disks.flatMap((disk) => (disk.imageId === null ? [] : [disk.imageId]));
  const virsh = ['virsh', '--connect', 'qemu:///system'];
  const plan: Plan = {
    id: uuid(50_000 + planCount),
    hostId,
    hostName: inventory.hostName,
    vmUuid: vm.uuid,
    vmName: vm.name,
    request,
    title: '',
    createdAt: now,
    fingerprint: 'f'.repeat(64),
    steps: [],
    refusals: [],
    warnings: [],
    rooms: [roomOf(8 * 1024 ** 3)],
    expectedPause: null,
    after: {
      vmState: vm.state,
      snapshots: vm.snapshots,
      currentSnapshotId: vm.currentSnapshotId,
      chains: vm.disks.flatMap((disk) =>
        disk.imageId === null
          ? []
          : [{ target: disk.target, imageIds: chainFrom(disk.imageId, images).images.map((image) => image.id) }],
      ),
    },
    script: '',
  };
  switch (request.action) {
    case 'createSnapshot':
      plan.title = `Create ${request.kind} snapshot "${request.name}"`;
      plan.steps = [
        step(0, 'Take the snapshot, with memory', [...virsh, 'snapshot-create-as', vm.uuid, '--name', request.name], {
          writes: active,
        }),
      ];
      plan.expectedPause = 'The guest stands still while 8 GiB of memory are written: about 40 s at 200 MB/s.';
      plan.after.snapshots = [...vm.snapshots, snapshot(request.name, vm.currentSnapshotId, { createdAt: now })];
      plan.after.currentSnapshotId = request.name;
      break;
    case 'revertToSnapshot':
      plan.title = `Revert ${vm.name} to "${request.snapshotId}"`;
      plan.steps = [
        step(
          0,
          'Check the images before anything is changed',
          ['sh', '-c', 'for image do\n  qemu-img check -U "$image" || exit 1\ndone', 'sh', ...active],
          { reads: active },
        ),
        step(1, 'Revert the VM', [...virsh, 'snapshot-revert', vm.uuid, request.snapshotId, '--running'], {
          invalidates: active,
          writes: active,
        }),
      ];
      plan.warnings = [
        {
          code: 'presentStateLost',
          message: 'The present state of the VM is lost: no snapshot holds it.',
          names: [],
        },
      ];
      plan.rooms = [roomOf(0)];
      if (request.saveAs !== null) {
        const saving = step(
          0,
          `Save the present state as "${request.saveAs}"`,
          [...virsh, 'snapshot-create-as', vm.uuid, `--name=${request.saveAs}`],
          { writes: active },
        );
        plan.steps = [saving, ...plan.steps].map((each, index) => ({ ...each, index }));
        plan.warnings = [
          {
            code: 'presentStateSaved',
            message: `The present state of ${vm.name} is saved as "${request.saveAs}" first. Reverting to that undoes this.`,
            names: [],
          },
        ];
        plan.rooms = [roomOf(8 * 1024 ** 3)];
        plan.after.snapshots = [...vm.snapshots, snapshot(request.saveAs, vm.currentSnapshotId, { createdAt: now })];
      }
      plan.after.currentSnapshotId = request.snapshotId;
      break;
    case 'commitImages':
    case 'pullImages':
      fillMergePlan(plan, request, vm, images);
      break;
    case 'changePower':
      plan.title = `${request.to} ${vm.name}`;
      plan.steps = [step(0, plan.title, [...virsh, request.to, vm.uuid])];
      plan.after.vmState = request.to === 'start' || request.to === 'resume' ? 'running' : 'shutoff';
      break;
    case 'cloneVm': {
      const { newVm } = request;
      plan.title = `Make ${newVm.name}`;
      const chains = plan.after.chains.map(({ target, imageIds }) => ({
        target,
        imageIds: [`/srv/images/${newVm.name}-${target}.qcow2`, ...(request.kind === 'thin' ? imageIds.slice(1) : [])],
      }));
      plan.steps = chains.map(({ imageIds: [image = ''] }, index) =>
        step(index, `Make ${image}`, ['qemu-img', 'create', '-f', 'qcow2', image], { creates: [image] }),
      );
      plan.after.newVm = { ...newVm, chains };
      break;
    }
    case 'saveMemory':
    case 'restoreMemory':
    case 'discardMemory':
    case 'describeSnapshot':
    case 'renameSnapshot':
    case 'repairRecords':
    case 'defineRecords':
    case 'adoptSnapshot':
    case 'setAsideImage':
    case 'rebaseImage':
      plan.title = `${request.action} ${vm.name}`;
      plan.steps = [step(0, plan.title, [...virsh, 'managedsave', vm.uuid])];
      break;
    case 'deleteSnapshot': {
      const gone = new Set(
        request.withDescendants ? subtreeIds(request.snapshotId, vm.snapshots) : [request.snapshotId],
      );
      plan.title = `Delete "${request.snapshotId}"${request.withDescendants ? ' and everything below it' : ''}`;
      const parentOf = new Map(vm.snapshots.map((each) => [each.id, each.parentId]));
      plan.after.snapshots = vm.snapshots
        .filter((each) => !gone.has(each.id))
        .map((each) =>
          each.parentId !== null && gone.has(each.parentId)
            ? { ...each, parentId: parentOf.get(each.parentId) ?? null }
            : each,
        );
      plan.steps = [...gone].map((id, index) =>
        step(index, `Delete snapshot "${id}"`, [...virsh, 'snapshot-delete', vm.uuid, id], {
          writes: active,
          deletes: [`snapshot ${id}`],
        }),
      );
      if (vm.currentSnapshotId !== null && gone.has(vm.currentSnapshotId)) {
        plan.after.currentSnapshotId = parentOf.get(request.snapshotId) ?? null;
      }
      break;
    }
  }
  plan.script = plan.steps.map((each) => each.argv.join(' ')).join('\n');
  return plan;
}

export function operationOf(plan: Plan, number: number, change: Partial<Operation> = {}): Operation {
  return {
    id: uuid(90_000 + number),
    plan,
    state: 'running',
    startedAt: now - 65,
    endedAt: null,
    steps: plan.steps.map((each) => ({
      index: each.index,
      state: 'waiting',
      startedAt: null,
      endedAt: null,
      exitCode: null,
      output: '',
    })),
    error: null,
    examination: null,
    isUndoing: false,
    ...change,
  };
}

/** The images of each range go out of the chain, into the one below (commit) or above (pull). */
function fillMergePlan(
  plan: Plan,
  request: Extract<ChangeRequest, { action: 'commitImages' | 'pullImages' }>,
  vm: ReadableVm,
  images: ReadonlyMap<string, Image>,
): void {
  const down = request.action === 'commitImages';
  const merges = request.ranges.map((range) => {
    const ids = plan.after.chains.find(({ target }) => target === range.target)?.imageIds ?? [];
    const top = 'topId' in range ? ids.indexOf(range.topId) : 1;
    const base = range.baseId === null ? ids.length : ids.indexOf(range.baseId);
    return { target: range.target, ids, merged: ids.slice(top, base), receiver: ids[down ? base : 0] ?? '' };
  });
  const merged = merges.flatMap((merge) => merge.merged);
  const written = new Set([...merged, ...merges.map(({ receiver }) => receiver)]);
  const bytes = merged.reduce((sum, id) => sum + (images.get(id)?.allocatedBytes ?? 0), 0);
  plan.title = `Merge ${merged.length} images of ${vm.name} ${down ? 'down' : 'up'}`;
  plan.steps = merges.map(({ target, receiver }, index) =>
    step(
      index,
      `Merge the images of ${target} into ${receiver}`,
      ['virsh', down ? 'blockcommit' : 'blockpull', vm.uuid, target],
      { reads: merged, writes: [receiver], invalidates: down ? [receiver, ...merged] : [], cancellation: 'abort' },
    ),
  );
  if (down)
    plan.steps.push(step(plan.steps.length, 'Remove the merged images', ['rm', '--', ...merged], { deletes: merged }));
  plan.rooms = [roomOf(bytes)];
  plan.expectedPause = down ? 'The guest stands still for a moment when it moves to the image below.' : null;
  plan.after.chains = merges.map(({ target, ids, merged: gone }) => ({
    target,
    imageIds: ids.filter((id) => !gone.includes(id)),
  }));
  if (!down) return;
  const lost = vm.snapshots.filter(({ disks }) =>
    disks.some(({ dataImageId }) => dataImageId !== null && written.has(dataImageId)),
  );
  plan.after.snapshots = vm.snapshots.filter((each) => !lost.includes(each));
  plan.warnings = lost.map(({ name }) => ({
    code: 'snapshotsLost',
    message: `"${name}" goes: its data is in an image that the merge changes.`,
    names: [name],
  }));
}
